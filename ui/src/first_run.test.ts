// The first page and the first sign-in, as a person uses them, against a host that records.
// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, expect, test } from 'vitest';

import App from './App.svelte';
import { byId, portalView, TestHost } from './test_host';

afterEach(cleanup);

test('first run: a start URL, its region, then the portal is added', async () => {
  const host = new TestHost({ portals: [], mood: 'empty' });
  const view = { start_url: 'https://acme.awsapps.com/start', region: null, regions: ['eu-west-1', 'us-east-1'], problem: null };
  host.answers.inspect_start_url = { answer: 'start_url', view };
  host.answers.add_portal = { answer: 'portal', portal: 'p1' };
  render(App, { host });
  expect(document.activeElement).toBe(byId('start-url'));
  await fireEvent.input(byId('start-url'), { target: { value: 'acme' } });
  await screen.findByText('https://acme.awsapps.com/start');
  await fireEvent.change(byId('region'), { target: { value: 'us-east-1' } });
  await fireEvent.click(byId('add-portal'));
  const added = { do: 'add_portal', start_url: view.start_url, region: 'us-east-1', name: null };
  await waitFor(() => expect(host.asked.at(-1)).toEqual(added));
});

test('first run: a portal of the AWS CLI is one click away, with its sign-in', async () => {
  const host = new TestHost({ portals: [], mood: 'empty' });
  const portal = {
    name: 'corp', start_url: 'https://acme.awsapps.com/start', region: 'eu-west-1', profiles: 2, known: false,
    signed_in_until: new Date(Date.now() + 60_000).toISOString(), problem: null,
  };
  const known = { ...portal, name: 'other', start_url: 'https://other.awsapps.com/start', known: true };
  host.answers.find_aws_cli_portals = { answer: 'aws_cli_portals', portals: [known, portal] };
  host.answers.import_aws_cli_portal = { answer: 'portal', portal: 'p1' };
  render(App, { host });
  await screen.findByText(/with the AWS CLI, signed in until/);
  expect(screen.queryByText('other')).toBeNull();
  expect(document.activeElement).toBe(byId('start-url'));
  await fireEvent.click(screen.getByRole('button', { name: 'Use corp here' }));
  const taken = { do: 'import_aws_cli_portal', start_url: portal.start_url, region: 'eu-west-1', config: null };
  await waitFor(() => expect(host.asked.at(-1)).toEqual(taken));
});

test('first run: why a sign-in of the AWS CLI does not come along is said beside its portal', async () => {
  const host = new TestHost({ portals: [], mood: 'empty' });
  const what_happened = 'The sign-in to corp is not taken over: Portray asks http://127.0.0.1:8080/ in place of AWS.';
  const portal = {
    name: 'corp', start_url: 'https://acme.awsapps.com/start', region: 'eu-west-1', profiles: 2, known: false,
    signed_in_until: null, problem: { code: 'failed', what_happened, what_to_do: 'Sign in here.' } as const,
  };
  host.answers.find_aws_cli_portals = { answer: 'aws_cli_portals', portals: [portal] };
  render(App, { host });
  await screen.findByText(what_happened);
  expect(screen.queryByText(/signed in until/)).toBeNull();
  expect(byId('start-url')).toBeTruthy();
});

test('first run: without the AWS CLI nothing is said of it', async () => {
  const host = new TestHost({ portals: [], mood: 'empty' });
  host.failures.find_aws_cli_portals = { code: 'failed', what_happened: 'Unreadable.', what_to_do: 'Look.' };
  render(App, { host });
  await waitFor(() => expect(host.asked).toContainEqual({ do: 'find_aws_cli_portals', config: null }));
  // What was refused is drawn by then, if anything is.
  await new Promise((done) => setTimeout(done));
  expect(screen.queryByText(/AWS CLI/)).toBeNull();
  expect(screen.queryByText(/Unreadable/)).toBeNull();
});

test('first run: what is missing is said when somebody goes on, and has the focus', async () => {
  const host = new TestHost({ portals: [], mood: 'empty' });
  const nothing = { start_url: null, region: null, regions: ['eu-west-1'], problem: null };
  host.answers.inspect_start_url = { answer: 'start_url', view: nothing };
  render(App, { host });
  const goOn = () => fireEvent.submit(document.querySelector('form') as Element);
  await goOn();
  await screen.findByText(/The start URL is missing/);
  expect(document.activeElement).toBe(byId('start-url'));

  const view = { ...nothing, start_url: 'https://acme.awsapps.com/start' };
  host.answers.inspect_start_url = { answer: 'start_url', view };
  await fireEvent.input(byId('start-url'), { target: { value: 'acme' } });
  await screen.findByText('https://acme.awsapps.com/start');
  expect(screen.queryByText(/is missing/)).toBeNull();
  expect(byId('add-portal')).toHaveProperty('disabled', false);
  await goOn();
  await screen.findByText(/The region is missing/);
  expect(document.activeElement).toBe(byId('region'));
  expect(byId('region').getAttribute('aria-invalid')).toBe('true');
  expect(host.asked.map((request) => request.do)).not.toContain('add_portal');

  await fireEvent.change(byId('region'), { target: { value: 'eu-west-1' } });
  expect(screen.queryByText(/is missing/)).toBeNull();
  expect(byId('region').getAttribute('aria-invalid')).toBe('false');
});

test('a start URL that names its region asks for none', async () => {
  const host = new TestHost({ portals: [], mood: 'empty' });
  const view = { start_url: 'https://ssoins-1.portal.eu-west-1.app.aws', region: 'eu-west-1', regions: ['eu-west-1'], problem: null };
  host.answers.inspect_start_url = { answer: 'start_url', view };
  render(App, { host });
  host.answers.add_portal = { answer: 'portal', portal: 'p1' };
  await fireEvent.input(byId('start-url'), { target: { value: view.start_url } });
  await screen.findByText(`${view.start_url}, region eu-west-1`);
  expect(document.getElementById('region')).toBeNull();
  await fireEvent.click(byId('add-portal'));
  await waitFor(() => expect(host.asked.at(-1)).toMatchObject({ do: 'add_portal', region: 'eu-west-1' }));
});

test('first run: what AWS said of one start URL goes when a field changes, and with it a region that does not fit', async () => {
  const host = new TestHost({ portals: [], mood: 'empty' });
  const view = { start_url: 'https://acme.awsapps.com/start', region: null, regions: ['us-east-1', 'eu-west-1'], problem: null };
  host.answers.inspect_start_url = { answer: 'start_url', view };
  host.failures.add_portal = { code: 'wrong_use', what_happened: 'That is another partition.', what_to_do: 'Choose again.' };
  render(App, { host });
  const type = (text: string) => fireEvent.input(byId('start-url'), { target: { value: text } });
  const refused = async () => {
    await fireEvent.click(byId('add-portal'));
    await screen.findByText('That is another partition.');
  };
  await type('acme');
  await screen.findByText(view.start_url);
  await fireEvent.change(byId('region'), { target: { value: 'us-east-1' } });
  await refused();
  await fireEvent.change(byId('region'), { target: { value: 'eu-west-1' } });
  expect(screen.queryByRole('alert')).toBeNull();
  await refused();
  const china = { ...view, start_url: 'https://start.home.awsapps.cn/directory/acme', regions: ['cn-north-1'] };
  host.answers.inspect_start_url = { answer: 'start_url', view: china };
  await type(china.start_url);
  await screen.findByText(china.start_url);
  expect(screen.queryByRole('alert')).toBeNull();
  expect(byId('region')).toHaveProperty('value', '');
});

test('the first sign-in begins in the browser and can move to a code', async () => {
  const never = { synced_at: null, complete: false, running: null };
  const waiting = portalView({ state: 'sign_in_needed', accounts: 0, sync: never });
  const host = new TestHost({ portals: [waiting], mood: 'sign_in_needed' });
  render(App, { host });
  expect(document.activeElement).toBe(byId('sign-in'));
  await fireEvent.click(byId('sign-in'));
  expect(host.asked).toEqual([{ do: 'sign_in', portal: 'p1', method: 'browser', force: false }]);

  const sign_in = { method: 'browser', user_code: null, verification_url: null, expires_at: '2026-11-20T10:00:00Z' } as const;
  host.change({ portals: [{ ...waiting, state: 'signing_in', sign_in }] });
  await screen.findByText('Continue in your browser');
  await fireEvent.click(screen.getByText('Use a code instead'));
  await waitFor(() => expect(host.asked.slice(1).map((request) => request.do)).toEqual(['cancel_sign_in', 'sign_in']));

  expect(document.getElementById('verification-url')).toBeNull();
  const verification_url = 'https://acme.awsapps.com/start/#/device';
  const code = { ...sign_in, method: 'device_code', user_code: 'RTKM-QWPZ', verification_url } as const;
  host.change({ portals: [{ ...waiting, state: 'signing_in', sign_in: code }] });
  await waitFor(() => expect(byId('user-code').textContent).toBe('RTKM-QWPZ'));
  expect(byId('verification-url').textContent).toBe(verification_url);
  expect(document.querySelector('a')).toBeNull();
});
