// The host inside the application: which commands it calls, and which state wins.
// @vitest-environment jsdom
import { emit } from '@tauri-apps/api/event';
import { clearMocks, mockIPC } from '@tauri-apps/api/mocks';
import { afterEach, expect, test } from 'vitest';

import type { Snapshot } from '../contract';
import { TauriHost } from './tauri';

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

afterEach(async () => {
  await settled();
  clearMocks();
});

test('commands are named as the application names them', async () => {
  const called: [string, unknown][] = [];
  mockIPC((command, payload) => {
    called.push([command, payload]);
    return { answer: 'done' };
  });
  const host = new TauriHost();
  const search = { query: 'dev', portal: null, sorted_at: null, offset: 0, limit: 100 };
  await host.ask({ do: 'renew_now' });
  await host.search(search);
  await host.hideWindow();
  expect(called).toEqual([
    ['ask', { request: { do: 'renew_now' } }],
    ['search', { request: search }],
    ['hide_window', {}],
  ]);
});

test('the first state comes by command, changes by event, and a late first state is dropped', async () => {
  let giveFirst: (first: Partial<Snapshot>) => void = () => undefined;
  mockIPC((command) => (command === 'snapshot' ? new Promise((give) => (giveFirst = give)) : undefined), {
    shouldMockEvents: true,
  });
  const headlines: string[] = [];
  const stop = new TauriHost().snapshot(
    (snapshot) => headlines.push(snapshot.headline),
    (problem) => headlines.push(problem.what_happened),
  );
  await settled();
  await emit('snapshot', { headline: 'changed' });
  giveFirst({ headline: 'first' });
  await settled();
  expect(headlines).toEqual(['changed']);
  stop();
  await settled();
  await emit('snapshot', { headline: 'after' });
  expect(headlines).toEqual(['changed']);
});

test('a window that cannot listen says so', async () => {
  mockIPC(() => Promise.reject(new Error('not allowed')));
  const said: string[] = [];
  new TauriHost().snapshot(
    () => said.push('a state'),
    (problem) => said.push(problem.what_happened),
  );
  await settled();
  expect(said).toEqual(['The window could not reach Portray: not allowed']);
});

test('problems pass through as they are', async () => {
  const problem = { code: 'unreachable', what_happened: 'AWS cannot be reached.', what_to_do: 'Try again.' };
  mockIPC(() => Promise.reject(problem));
  await expect(new TauriHost().ask({ do: 'renew_now' })).rejects.toEqual(problem);
});
