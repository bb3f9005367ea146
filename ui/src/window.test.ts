// The window as a person uses it, against a host that records.
// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, expect, test } from 'vitest';

import App from './App.svelte';
import type { Snapshot } from './contract';
import { byId, portalView, roleRow, TestHost } from './test_host';

afterEach(cleanup);

const ROWS = [roleRow('acme-prod', 'ReadOnly'), roleRow('acme-dev', 'Developer'), roleRow('acme-dev', 'ReadOnly')];

async function list(change: Partial<Snapshot> = {}): Promise<TestHost> {
  const host = new TestHost(change);
  host.rows = ROWS;
  render(App, { host });
  await screen.findByRole('row', { name: /ReadOnly in acme-prod/ });
  return host;
}

const key = (name: string, held = {}) => fireEvent.keyDown(byId('search'), { key: name, ...held });

test('rows open the console by button, Enter and number', async () => {
  const host = await list();
  const row = document.querySelector(`[data-role="${ROWS[1]?.role.account}/Developer"]`);
  await fireEvent.click(row?.querySelector('.open-console') as Element);
  await key('Enter');
  await key('3', { ctrlKey: true, code: 'Digit3' });
  const opened = host.asked.map((request) => (request.do === 'open_console' ? request.role : null));
  expect(opened).toEqual([ROWS[1]?.role, ROWS[1]?.role, ROWS[2]?.role]);
  expect(await screen.findByText('Console of acme-dev opened as ReadOnly.')).toBeTruthy();
});

test('the actions of a row hold the services that the tray offers, and its console opens there', async () => {
  const host = await list();
  await key('ArrowDown');
  await key('k', { ctrlKey: true });
  const labels = screen.getAllByRole('menuitem').map((item) => item.querySelector('.label')?.textContent);
  const services = ['CloudWatch', 'EC2', 'IAM', 'Lambda', 'RDS', 'S3'];
  expect(labels).toEqual(['Open console', ...services.map((name) => `Open console at ${name}`), 'AWS profiles']);
  await fireEvent.click(screen.getByText('Open console at Lambda'));
  await waitFor(() => expect(host.asked).toMatchObject([{ do: 'open_console', role: ROWS[1]?.role, destination: 'lambda' }]));
});

test('rows show their numbers while the command key is held', async () => {
  await list();
  const numbers = () => Array.from(document.querySelectorAll('[role="row"] .number'), (number) => number.textContent);
  expect(numbers()).toEqual([]);
  await key('Control', { ctrlKey: true });
  expect(numbers()).toEqual(['1', '2', '3']);
  await fireEvent.keyUp(byId('search'), { key: 'Control' });
  expect(numbers()).toEqual([]);
  await key('Control', { ctrlKey: true });
  await fireEvent.blur(window);
  expect(numbers()).toEqual([]);
});

test('a confirmation that is too long for its line can be read in full', async () => {
  const host = new TestHost();
  const long = 'AWSPowerUserAccessForTheWholeOrganisation'.repeat(3);
  host.rows = [roleRow('acme-prod', long)];
  render(App, { host });
  await screen.findByRole('row', { name: /acme-prod/ });
  await key('Enter');
  const sentence = `Console of acme-prod opened as ${long}.`;
  expect((await screen.findByText(sentence)).getAttribute('title')).toBe(sentence);
});

test('the search field names the row that the keys have reached', async () => {
  await list();
  expect(byId('search').getAttribute('aria-activedescendant')).toBe('row-0');
  await key('End');
  const reached = byId(byId('search').getAttribute('aria-activedescendant') ?? '');
  expect(reached.getAttribute('aria-selected')).toBe('true');
  expect(reached.getAttribute('aria-label')).toMatch(/^ReadOnly in acme-dev/);
});

test('a sync that AWS does not answer says why beside its progress, and nothing once it goes on', async () => {
  const running = { done: 132, total: 280 };
  const sync = { synced_at: '2026-11-20T09:12:00Z', complete: true, running };
  const trouble = { code: 'unreachable', what_happened: 'AWS cannot be reached.', what_to_do: 'Check the network.' } as const;
  const host = await list({ portals: [portalView({ sync })] });
  expect(screen.getByText('Syncing 132 of 280')).toBeTruthy();
  expect(document.getElementById('sync-trouble')).toBeNull();
  host.change({ portals: [portalView({ sync: { ...sync, trouble } })] });
  await waitFor(() => expect(byId('sync-trouble').textContent).toMatch(/AWS cannot be reached\. Check the network\./));
  expect(byId('sync-trouble').getAttribute('role')).toBe('status');
  expect(screen.getByText('Syncing 132 of 280')).toBeTruthy();
  // It was told of a sync that has ended since.
  host.change({ portals: [portalView({ sync: { ...sync, running: null, trouble } })] });
  await waitFor(() => expect(document.getElementById('sync-trouble')).toBeNull());
  expect(screen.getByRole('row', { name: /ReadOnly in acme-prod/ })).toBeTruthy();
});

test('without the agent the window says so and offers no first run', async () => {
  const problem = { code: 'no_agent', what_happened: 'The tray application has ended.', what_to_do: 'Start Portray again.' } as const;
  const host = new TestHost({ portals: [], mood: 'offline', problem });
  render(App, { host });
  expect((await screen.findByRole('alert')).textContent).toMatch(/has ended/);
  expect(document.getElementById('start-url')).toBeNull();
  host.change({ problem: null });
  await waitFor(() => byId('start-url'));
});

test('a sign-in that was denied can be begun again from the sentence that says so', async () => {
  const problem = { code: 'denied', what_happened: 'The sign-in to acme was denied.', what_to_do: 'Sign in again.' } as const;
  const host = await list({ portals: [portalView({ state: 'sign_in_needed' })], mood: 'sign_in_needed', problem });
  await screen.findByText('The sign-in to acme was denied.');
  await fireEvent.click(byId('problem').querySelector('#sign-in') as Element);
  await waitFor(() => expect(host.asked.at(-1)).toMatchObject({ do: 'sign_in', portal: 'p1' }));
});

test('a double click opens one console, on a button too', async () => {
  const host = await list();
  const button = document.querySelector('.open-console') as Element;
  await fireEvent.click(button);
  await fireEvent.click(button);
  await fireEvent.dblClick(button);
  expect(host.asked.length).toBe(2);
  await fireEvent.dblClick(document.querySelector('#row-1') as Element);
  expect(host.asked.length).toBe(3);
});

test('a chosen row stays chosen when the list is sorted anew', async () => {
  const host = await list();
  await key('ArrowDown');
  await key('d', { ctrlKey: true });
  host.rows = [ROWS[2], ROWS[0], ROWS[1]].filter((row) => row !== undefined);
  host.change({ catalogue_revision: 2 });
  await waitFor(() => expect(byId('search').getAttribute('aria-activedescendant')).toBe('row-2'));
  await key('Enter');
  expect(host.asked.at(-1)).toMatchObject({ do: 'open_console', role: ROWS[1]?.role });
});

test('where the highlighted role has moved out of what is loaded, keys do nothing to another', async () => {
  const host = new TestHost();
  const many = Array.from({ length: 150 }, (_, nth) => roleRow(`acme-${nth}`, 'ReadOnly', { role: { portal: 'p1', account: String(100_000_000_000 + nth), permission_set: 'ReadOnly' } }));
  host.rows = many;
  render(App, { host });
  await screen.findByRole('row', { name: /ReadOnly in acme-0/ });
  await key('ArrowDown');
  await key('Enter');
  expect(host.asked).toMatchObject([{ do: 'open_console', role: many[1]?.role }]);
  host.rows = [...many.slice(0, 1), ...many.slice(2, 140), ...many.slice(1, 2), ...many.slice(140)];
  host.change({ catalogue_revision: 2 });
  await screen.findByRole('row', { name: /ReadOnly in acme-7/ });
  await waitFor(() => expect(screen.queryByRole('row', { selected: true })).toBeNull());
  await key('Enter');
  await key('d', { ctrlKey: true });
  await key('k', { ctrlKey: true });
  expect(host.asked.length).toBe(1);
  expect(screen.queryByRole('menu')).toBeNull();
  await key('ArrowDown');
  await key('Enter');
  expect(host.asked.at(-1)).toMatchObject({ do: 'open_console', role: many[3]?.role });
});

test('rows keep their order while the list is looked at, and have the one of now when it is shown anew', async () => {
  const host = await list();
  await key('ArrowDown');
  await key('d', { ctrlKey: true });
  host.change({ catalogue_revision: 2 });
  await waitFor(() => expect(host.searches.length).toBe(2));
  await fireEvent(document, new Event('visibilitychange'));
  await waitFor(() => expect(host.searches.length).toBe(3));
  expect(host.searches.map((search) => search.sorted_at)).toEqual([null, 1, null]);
  expect(byId('search').getAttribute('aria-activedescendant')).toBe('row-0');
});

test('a portal that cannot be reached and was never listed does not ask for a sign-in', async () => {
  const never = { synced_at: null, complete: false, running: null };
  const host = new TestHost({ portals: [portalView({ state: 'offline', accounts: 0, sync: never })], mood: 'offline' });
  render(App, { host });
  await screen.findByText(/as soon as AWS can be reached/);
  expect(document.getElementById('sign-in')).toBeNull();
});

test('signing in again ends the old session first', async () => {
  const host = await list();
  await fireEvent.click(screen.getByRole('button', { name: /Portal:/ }));
  await fireEvent.click(await screen.findByRole('menuitem', { name: 'Sign in again' }));
  await waitFor(() => expect(host.asked).toMatchObject([{ do: 'sign_in', force: true }]));
});

test('while signing in the menu of the portal offers its page and the way back', async () => {
  const host = await list({ portals: [portalView({ state: 'signing_in' })], mood: 'renewing' });
  for (const label of ['Open the sign-in page again', 'Cancel signing in']) {
    await fireEvent.click(screen.getByRole('button', { name: /Portal:/ }));
    expect(screen.queryByRole('menuitem', { name: 'Sign in' })).toBeNull();
    await fireEvent.click(await screen.findByRole('menuitem', { name: label }));
  }
  await waitFor(() => expect(host.asked.map((request) => request.do)).toEqual(['open_sign_in_page', 'cancel_sign_in']));
});

test('typing searches, Escape clears and then hides', async () => {
  const host = await list();
  await fireEvent.input(byId('search'), { target: { value: 'dev' } });
  await waitFor(() => expect(screen.queryByRole('row', { name: /acme-prod/ })).toBeNull());
  expect(host.searches.at(-1)).toEqual({ query: 'dev', portal: null, sorted_at: null, offset: 0, limit: 100 });
  await key('Escape');
  await screen.findByRole('row', { name: /acme-prod/ });
  expect(host.hidden).toBe(0);
  await key('Escape');
  expect(host.hidden).toBe(1);
});

test('a search without a match says so and can be cleared', async () => {
  await list();
  await fireEvent.input(byId('search'), { target: { value: 'zzz' } });
  await fireEvent.click(await screen.findByText('Clear the search'));
  await screen.findByRole('row', { name: /acme-prod/ });
});

test('favourite, sync and keep fresh by keyboard', async () => {
  const host = await list();
  await key('d', { ctrlKey: true });
  await key('r', { ctrlKey: true });
  await key('k', { ctrlKey: true });
  await fireEvent.click(await screen.findByRole('menuitemcheckbox', { name: 'Keep fresh' }));
  await waitFor(() => expect(host.asked.length).toBe(3));
  const role = ROWS[0]?.role;
  expect(host.asked).toEqual([
    { do: 'set_favourite', role, on: true },
    { do: 'sync', portal: 'p1' },
    { do: 'keep', role, on: true },
  ]);
  expect(document.activeElement).toBe(byId('search'));
});

test('rows are searched anew when the catalogue has changed, and only then', async () => {
  const host = await list();
  const before = host.searches.length;
  host.change({ headline: 'Renewing' });
  await screen.findByText('Renewing');
  expect(host.searches.length).toBe(before);
  host.rows = [roleRow('acme-new', 'Administrator'), ...ROWS];
  host.change({ catalogue_revision: 2 });
  await screen.findByRole('row', { name: /Administrator in acme-new/ });
});

test('a failure is shown in words until it is dismissed', async () => {
  const host = await list();
  host.failures.open_console = { code: 'not_assigned', what_happened: 'ReadOnly was removed.', what_to_do: 'Sync to refresh the list.' };
  await key('Enter');
  expect((await screen.findByRole('alert')).textContent).toMatch(/ReadOnly was removed.*Sync to refresh the list/s);
  await fireEvent.click(screen.getByText('Dismiss'));
  expect(document.getElementById('problem')).toBeNull();
  expect(host.asked.at(-1)?.do).toBe('open_console');
});

test('a problem of the application is dismissed there', async () => {
  const host = await list({ problem: { code: 'failed', what_happened: 'That failed.', what_to_do: 'Try again.' } });
  await fireEvent.click(screen.getByText('Dismiss'));
  expect(host.asked).toEqual([{ do: 'dismiss_problem' }]);
});

test('there is one Sign in button however the need shows', async () => {
  const problem = { code: 'sign_in_needed', what_happened: 'Your session ended.', what_to_do: 'Sign in.' } as const;
  const portals = [portalView({ state: 'sign_in_needed' })];
  const host = await list({ portals, mood: 'sign_in_needed', problem });
  expect(document.querySelectorAll('#sign-in').length).toBe(1);
  host.change({ problem: null });
  await waitFor(() => expect(document.getElementById('problem')).toBeNull());
  expect(document.querySelectorAll('#sign-in').length).toBe(1);
  await fireEvent.click(byId('sign-in'));
  expect(host.asked.at(-1)?.do).toBe('sign_in');
});

test('signing out says first what stays valid', async () => {
  const host = await list();
  await fireEvent.click(screen.getByRole('button', { name: /Portal:/ }));
  await fireEvent.click(await screen.findByRole('menuitem', { name: /Sign out/ }));
  expect((await screen.findByRole('alertdialog')).textContent).toMatch(/stay valid until they expire/);
  expect(host.asked).toEqual([]);
  await fireEvent.click(screen.getByRole('button', { name: 'Sign out' }));
  await waitFor(() => expect(host.asked).toEqual([{ do: 'sign_out', portal: 'p1' }]));
});

test('with several portals one can be chosen', async () => {
  const host = await list({ portals: [portalView(), portalView({ id: 'p2', name: 'umbrella' })] });
  await fireEvent.click(screen.getByRole('button', { name: /All portals/ }));
  await fireEvent.click(await screen.findByRole('menuitemradio', { name: 'umbrella' }));
  await waitFor(() => expect(host.searches.at(-1)?.portal).toBe('p2'));
});

test('a sync shows how far it is', async () => {
  const running = { done: 132, total: 280 };
  await list({ portals: [portalView({ sync: { synced_at: null, complete: false, running } })] });
  expect(screen.getByText(/132 of 280/)).toBeTruthy();
});

test('i2_no_element_arises_from_a_name', async () => {
  const hostile = ['<img src=x onerror=alert(1)>', '<a href="javascript:1">', '"><script>1</script>', '{@html 1}', '\u202Eevil', '&lt;b&gt;', '${1}', '\u0000'];
  const host = new TestHost({
    headline: hostile[0] ?? '',
    portals: [portalView({ name: hostile[2] ?? '' })],
    problem: { code: 'failed', what_happened: hostile[0] ?? '', what_to_do: hostile[1] ?? '' },
  });
  host.rows = hostile.map((name) => roleRow(name, name, { email: name, portal_name: name, account_name_matches: [0, 1, 2], permission_set_matches: [1] }));
  render(App, { host });
  await waitFor(() => expect(document.querySelectorAll('[data-role]').length).toBe(hostile.length));
  expect(document.querySelectorAll('img, a, script, iframe, b, [onerror], [href]').length).toBe(0);
  const drawn = Array.from(document.querySelectorAll('[data-role] .name'), (name) => name.textContent);
  expect(drawn).toEqual(hostile);
});

test('a locked keyring is said with what to do, and no sign-in is offered', async () => {
  const problem = { code: 'secret_store', what_happened: 'The keyring is locked.', what_to_do: 'Unlock it.' } as const;
  const never = { synced_at: null, complete: false, running: null };
  const locked = portalView({ state: 'unknown', accounts: 0, sync: never, problem });
  render(App, { host: new TestHost({ portals: [locked], mood: 'offline', headline: problem.what_happened }) });
  expect((await screen.findAllByText('Unlock it.')).length).toBeGreaterThan(0);
  await fireEvent.click(screen.getByRole('button', { name: /Portal:/ }));
  expect(screen.queryByText(/Sign in/)).toBeNull();
});

const CHAIN = { name: 'release', from: 'acme-dev/Developer', role_arn: 'arn:aws:iam::666677778888:role/ReleaseManager', account: '666677778888', role_name: 'ReleaseManager', wants_code: true };

test('a role that is assumed from a permission set is shown as one', async () => {
  const host = new TestHost();
  const further = roleRow('acme-dev', 'Developer', { chain: CHAIN, permission_set_matches: [0] });
  host.rows = [roleRow('acme-dev', 'Developer'), { ...further, role: { ...further.role, chain: 'release' } }];
  render(App, { host });
  await screen.findByRole('row', { name: /release, assumed from Developer in acme-dev/ });
  expect(screen.getByText(/ReleaseManager in 666677778888, from Developer/)).toBeTruthy();
  await fireEvent.click(screen.getByRole('button', { name: 'Open console: release in acme-dev' }));
  await waitFor(() => expect(host.asked.at(-1)).toMatchObject({ do: 'open_console', role: { chain: 'release' } }));
});

test('h5_a_code_is_asked_for_where_one_is_needed_and_the_console_opens_when_aws_has_taken_it', async () => {
  const host = new TestHost();
  const further = roleRow('acme-dev', 'Developer', { chain: CHAIN });
  host.rows = [{ ...further, role: { ...further.role, chain: 'release' } }];
  host.failures.open_console = { code: 'mfa_code_needed', what_happened: 'A code is needed.', what_to_do: 'Enter it.' };
  host.failures.give_mfa_code = { code: 'denied', what_happened: 'AWS does not take this code.', what_to_do: 'Wait.' };
  render(App, { host });
  await fireEvent.click(await screen.findByRole('button', { name: 'Open console: release in acme-dev' }));
  const field = (await screen.findByLabelText('Six digits')) as HTMLInputElement;
  expect(document.activeElement).toBe(field);
  expect(byId('give-code')).toHaveProperty('disabled', true);
  await fireEvent.input(field, { target: { value: '123 456' } });
  await fireEvent.submit(field.closest('form') as Element);
  expect(await screen.findByText(/AWS does not take this code/)).toBeTruthy();
  await waitFor(() => expect(field.value).toBe(''));

  delete host.failures.give_mfa_code;
  delete host.failures.open_console;
  await fireEvent.input(field, { target: { value: '654321' } });
  await fireEvent.submit(field.closest('form') as Element);
  await waitFor(() => expect(host.asked.at(-1)).toMatchObject({ do: 'open_console', role: { chain: 'release' } }));
  expect(host.asked.at(-2)).toMatchObject({ do: 'give_mfa_code', code: '654321', role: { chain: 'release' } });
  expect(screen.queryByLabelText('Six digits')).toBeNull();
});
