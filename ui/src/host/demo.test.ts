// The demo company behaves like the application, as far as it goes.
import { expect, test, vi } from 'vitest';

import type { Snapshot } from '../contract';
import { DemoHost } from './demo';

test('from nothing to a list in the demo', async () => {
  vi.useFakeTimers();
  const host = new DemoHost('first-run');
  let last: Snapshot | undefined;
  host.snapshot((snapshot) => (last = snapshot));
  expect(last?.mood).toBe('empty');
  await host.ask({ do: 'add_portal', start_url: 'acme', region: 'eu-west-1', name: null });
  expect(last?.portals[0]?.state).toBe('sign_in_needed');
  await host.ask({ do: 'sign_in', portal: 'acme', method: 'device_code', force: false });
  expect(last?.portals[0]?.sign_in?.user_code).toBeTruthy();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(last?.portals[0]?.state).toBe('signed_in');
  expect(last?.portals[0]?.accounts).toBe(12);
  vi.useRealTimers();
});

test('the demo finds words in any order and marks them', async () => {
  const answer = await new DemoHost('').search({ query: 'read prod', portal: null, sorted_at: null, offset: 0, limit: 100 });
  expect(answer.rows[0]?.account_name).toBe('acme-prod');
  expect(answer.rows[0]?.permission_set_matches).toEqual([0, 1, 2, 3]);
  expect(answer.rows.every((row) => row.account_name.includes('prod'))).toBe(true);
});
