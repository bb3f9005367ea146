// The page of uses, and programs that wait for a person, against a host that records.
// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, expect, test } from 'vitest';

import App from './App.svelte';
import type { Launch, Question, RevokedProgram, Use, UsesView } from './contract';
import { roleRow, TestHost } from './test_host';
import { matchesUse, remedy } from './uses';

afterEach(cleanup);

const PYTHON = { pid: 7, name: 'aws', executable: '/usr/bin/python3.13', below: [{ pid: 5, name: 'zsh' }] };

function use(number: number, change: Partial<Use> = {}): Use {
  return {
    number, at: '2026-11-20T09:12:00Z', last_at: '2026-11-20T09:12:00Z', times: 1, door: 'credential_process', program: PYTHON,
    launch: null, consumer: 'c0ffee01', portal: 'acme', account: '111122223333', account_name: 'acme-dev', permission_set: 'ReadOnly', chain: null, assumed: null,
    outcome: 'handed_out', reason: null, ...change,
  };
}

const LAUNCH: Launch = {
  id: '5b8f01c3', door: 'serve', program: { pid: 9, name: 'portray', executable: '/usr/bin/portray', below: [] },
  portal: 'acme', account: '111122223333', account_name: 'acme-dev', permission_set: 'Developer', chain: null,
};

const REVOKED: RevokedProgram = { consumer: 'c0ffee01', executable: '/usr/bin/python3.13', since: '2026-11-20T09:00:00Z' };

async function page(uses: Use[], change: Partial<UsesView> = {}): Promise<TestHost> {
  const host = new TestHost();
  host.rows = [roleRow('acme-dev', 'ReadOnly')];
  host.answer = (request) => {
    if (request.do !== 'consumers' || request.order.what !== 'list') {
      return undefined;
    }
    const { after } = request.order;
    const left = uses.filter((use) => use.number > after).slice(0, 100);
    return { answer: 'uses', view: { uses: left, launches: [], revoked: [], problem: null, ...change } };
  };
  render(App, { host });
  await fireEvent.click(await screen.findByRole('button', { name: /Portal:/ }));
  await fireEvent.click(screen.getByText('Uses of credentials'));
  return host;
}

const orders = (host: TestHost) => host.asked.flatMap((request) => (request.do === 'consumers' ? [request.order] : []));

test('a6_the_page_lists_every_use_the_newest_first_with_program_role_and_door', async () => {
  const many = Array.from({ length: 101 }, (_, nth) => use(nth + 1, { program: { ...PYTHON, pid: nth + 1 } }));
  const host = await page(many);
  const rows = () => document.querySelectorAll('li.use');
  await waitFor(() => expect(rows().length).toBe(101));
  const first = rows()[0] as HTMLElement;
  expect(first.textContent).toContain('aws');
  expect(first.textContent).toContain('/usr/bin/python3.13 · process 101 ← zsh');
  expect(first.textContent).toContain('acme-dev / ReadOnly');
  expect(first.textContent).toContain('profile · Handed out');
  expect(orders(host)).toEqual([{ what: 'list', after: 0 }, { what: 'list', after: 100 }, { what: 'list', after: 101 }]);
  host.change({ uses_revision: 2 });
  await waitFor(() => expect(orders(host).length).toBe(6));
});

test('a6_revoking_says_what_it_does_not_do_and_is_asked_for_twice', async () => {
  const host = await page([use(1)]);
  await fireEvent.click(await screen.findByRole('button', { name: 'Revoke aws' }));
  const dialog = screen.getByRole('alertdialog');
  expect(dialog.textContent).toContain('stays valid at AWS until it expires');
  await fireEvent.click(within(dialog).getByText('Cancel'));
  expect(orders(host).map((order) => order.what)).not.toContain('revoke');

  const answer = host.answer;
  host.answer = (request) =>
    request.do === 'consumers' && request.order.what === 'revoke' ? { answer: 'said', words: 'It gets nothing any more.' } : answer?.(request);
  await fireEvent.click(screen.getByRole('button', { name: 'Revoke aws' }));
  await fireEvent.click(within(screen.getByRole('alertdialog')).getByText('Revoke'));
  expect(await screen.findByText('It gets nothing any more.')).toBeTruthy();
  expect(orders(host)).toContainEqual({ what: 'revoke', consumer: 'c0ffee01' });
});

test('a6_a_program_that_is_revoked_can_be_allowed_again_also_where_no_use_of_it_is_left', async () => {
  const host = await page([], { revoked: [REVOKED], launches: [LAUNCH] });
  expect(await screen.findByText('/usr/bin/python3.13')).toBeTruthy();
  await fireEvent.click(screen.getByText('Allow again'));
  await fireEvent.click(screen.getByText('Revoke'));
  expect(orders(host)).toContainEqual({ what: 'allow', consumer: 'c0ffee01' });
  expect(orders(host)).toContainEqual({ what: 'revoke', consumer: '5b8f01c3' });
});

test('a6_what_could_not_be_read_is_said_and_nothing_is_called_empty', async () => {
  const problem = { code: 'failed', what_happened: 'Earlier uses cannot be read.', what_to_do: 'Make it readable.' } as const;
  await page([use(1)], { problem });
  expect(await screen.findByText('Earlier uses cannot be read.')).toBeTruthy();
  await fireEvent.input(screen.getByLabelText(/Filter/), { target: { value: 'terraform' } });
  expect(screen.getByText(/No use matches/)).toBeTruthy();
});

test('a6_a_program_that_waits_is_asked_about_above_everything_with_both_answers', async () => {
  const question: Question = { id: 3, program: PYTHON, door: 'credential_process', portal: 'acme', account: '1', account_name: 'acme-prod', permission_set: 'Deployer', chain: null };
  const host = new TestHost({ questions: [question] });
  host.rows = [roleRow('acme-dev', 'ReadOnly')];
  render(App, { host });
  const group = await screen.findByRole('group', { name: 'Allow aws to use acme-prod / Deployer?' });
  expect(group.textContent).toContain('/usr/bin/python3.13 · process 7');
  await fireEvent.click(within(group).getByText('Deny'));
  expect(orders(host)).toEqual([{ what: 'answer', question: 3, allow: false }]);
  host.change({ questions: [] });
  await waitFor(() => expect(screen.queryByRole('group')).toBeNull());
});

test('what can be done about a use depends on who it was', () => {
  expect(remedy(use(1), [], [])).toBe('revoke');
  expect(remedy(use(1), [], [REVOKED])).toBe('allow');
  expect(remedy(use(1, { consumer: null }), [], [])).toBeNull();
  expect(remedy(use(1, { door: 'console' }), [], [])).toBeNull();
  const served = use(1, { door: 'serve', launch: LAUNCH.id, consumer: LAUNCH.id });
  expect(remedy(served, [LAUNCH], [])).toBe('revoke');
  expect(remedy(served, [], [])).toBeNull();
  expect(matchesUse(use(1), 'AWS dev profile')).toBe(true);
  expect(matchesUse(use(1), 'prod')).toBe(false);
});
