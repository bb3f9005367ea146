// The page of AWS profiles, against a host that records.
// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, expect, test } from 'vitest';

import App from './App.svelte';
import type { DifferenceLine, ProfilesChange, ProfilesOrder, ProfilesView } from './contract';
import { DemoProfiles } from './host/demo_profiles';
import Profiles from './pages/Profiles.svelte';
import { countsInWords, ProfilesPage } from './profiles.svelte';
import { Session } from './session.svelte';
import { byId, roleRow, TestHost } from './test_host';

afterEach(() => {
  cleanup();
  stop();
  left = false;
});

const LINES: DifferenceLine[] = [
  { sign: 'gap', text: '4 lines stay as they are', unended: false },
  { sign: 'kept', text: 'region = x', unended: false },
  { sign: 'removed', text: '[profile old]', unended: false },
  { sign: 'added', text: '[profile acme-dev-ReadOnly]', unended: false },
  { sign: 'added', text: 'credential_process = <b>portray</b>', unended: true },
];

function view(change: ProfilesChange, other: Partial<ProfilesView> = {}): ProfilesView {
  return {
    change, path: '/home/a/.aws/config', shown: `${change}-1`, summary: 'Profiles in /home/a/.aws/config: 1 new.', lines: LINES, from: 0, length: LINES.length,
    added: 2, removed: 1, notes: [], skipped: [], findings: [], backup: null, can_undo: false, can_remove: false, problem: null, ...other,
  };
}

/** The page, and what the application would say of each change. */
async function page(views: Partial<Record<ProfilesChange, ProfilesView>> = {}): Promise<[TestHost, typeof views]> {
  const host = new TestHost();
  host.rows = [roleRow('acme-dev', 'ReadOnly')];
  host.answer = (request) => {
    if (request.do !== 'profiles') {
      return undefined;
    }
    const { order } = request;
    const shown = views[order.change] ?? view(order.change);
    if (order.what === 'make') {
      return order.shown === shown.shown ? { answer: 'said', words: 'Written to /home/a/.aws/config.' } : { answer: 'profiles', view: { ...shown, problem: STALE } };
    }
    return { answer: 'profiles', view: { ...shown, from: order.from, lines: shown.lines.slice(order.from, order.from + 3) } };
  };
  const session = new Session(host);
  stop = session.start();
  render(Profiles, { session, onback: () => (left = true) });
  await titled('AWS profiles');
  return [host, views];
}

let stop = () => undefined as void;
let left = false;

/** By its place in the page: asking for roles takes seconds on a busy machine. */
const found = (selector: string) =>
  waitFor(() => {
    const element = document.querySelector<HTMLElement>(selector);
    if (!element) {
      throw new Error(`no ${selector}`);
    }
    return element;
  });

async function titled(title: string): Promise<HTMLElement> {
  await waitFor(() => expect(document.querySelector('h1')?.textContent).toBe(title));
  return found('h1');
}

const STALE = { code: 'failed', what_happened: 'It has changed since: nothing was written.', what_to_do: 'Look again.' } as const;

const orders = (host: TestHost): ProfilesOrder[] => host.asked.flatMap((request) => (request.do === 'profiles' ? [request.order] : []));
const rows = () => Array.from(document.querySelectorAll('ol li'), (row) => row.textContent?.replace(/\s+/g, ' ').trim());
const text = (name: string) => screen.findByText(name);

test('c4_every_line_of_the_difference_says_by_sign_and_word_what_becomes_of_it', async () => {
  await page({ write: view('write', { lines: LINES.slice(0, 3).concat(LINES.slice(3)) }) });
  await text('4 lines stay as they are');
  await fireEvent.click(await text('Show more'));
  await text('[profile acme-dev-ReadOnly]');
  expect(rows()).toEqual([
    '4 lines stay as they are',
    'stays stays: region = x',
    'removed − removed: [profile old]',
    'added + added: [profile acme-dev-ReadOnly]',
    '+ added: credential_process = <b>portray</b> (the line is not ended)',
  ]);
  // What is for the eye only is not read out a second time.
  for (const sign of document.querySelectorAll('ol .sign, ol .word')) {
    expect(sign.getAttribute('aria-hidden')).toBe('true');
  }
  expect(document.querySelector<HTMLElement>('[role="region"][aria-label="Difference to /home/a/.aws/config"]')?.tabIndex).toBe(0);
  expect(screen.queryByText('Show more')).toBeNull();
  expect(byId('profiles-summary').textContent).toContain('2 lines added, 1 line removed.');
});

test('c4_what_is_shown_is_what_is_written_and_opening_the_page_writes_nothing', async () => {
  const [host] = await page({ write: view('write', { shown: 'abc', can_undo: true }) });
  await text('region = x');
  expect(orders(host).every((order) => order.what === 'show')).toBe(true);
  await fireEvent.click(byId('profiles-make'));
  expect(await text('Written to /home/a/.aws/config.')).toBeTruthy();
  const made = orders(host).filter((order) => order.what === 'make');
  expect(made).toEqual([{ what: 'make', change: 'write', shown: 'abc' }]);
  expect(orders(host).at(-1)).toEqual({ what: 'show', change: 'write', from: 0 });
});

test('c4_a_plan_that_is_no_longer_true_is_told_and_shown_anew', async () => {
  const [host, views] = await page({ write: view('write', { shown: 'old' }) });
  await text('region = x');
  views.write = view('write', { shown: 'new', lines: [{ sign: 'added', text: '[profile theirs]', unended: false }], length: 1 });
  await fireEvent.click(byId('profiles-make'));
  expect((await found('[role="alert"]')).textContent).toContain('nothing was written');
  expect(rows()).toEqual(['added + added: [profile theirs]']);
  await fireEvent.click(byId('profiles-make'));
  await text('Written to /home/a/.aws/config.');
  await waitFor(() => expect(document.querySelector('[role="alert"]')).toBeNull());
  expect(orders(host).filter((order) => order.what === 'make')).toMatchObject([{ shown: 'old' }, { shown: 'new' }]);
});

test('c4_what_a_person_has_done_is_not_told_as_the_work_of_others', async () => {
  const [host, views] = await page({ write: view('write') });
  const profiles = new ProfilesPage(new Session(host));
  await profiles.show();
  const written = profiles.make();
  views.write = view('write', { shown: null, lines: [], length: 0 });
  await written;
  expect(profiles.view?.shown).toBeNull();
  expect(profiles.renewed).toBe(false);
  views.write = view('write', { shown: 'theirs' });
  await profiles.refresh();
  expect(profiles.renewed).toBe(true);
});

test('c4_undo_shows_its_difference_first_and_can_be_left', () => shownFirst('undo', 'Undo the last change', 'Undo'));
test('c4_remove_shows_its_difference_first_and_can_be_left', () => shownFirst('remove', 'Remove Portray’s profiles', 'Remove profiles'));

async function shownFirst(change: 'undo' | 'remove', title: string, action: string): Promise<void> {
  const [host] = await page({ write: view('write', { shown: null, lines: [], length: 0, can_undo: true, can_remove: true, summary: 'Nothing to change.' }) });
  await text('Nothing to change.');
  expect(byId('profiles-make').hasAttribute('disabled')).toBe(true);
  await fireEvent.click(byId(`profiles-${change}`));
  const heading = await titled(title);
  await waitFor(() => expect(document.activeElement).toBe(heading));
  expect(orders(host).at(-1)).toEqual({ what: 'show', change, from: 0 });
  await fireEvent.keyDown(window, { key: 'Escape' });
  await fireEvent.click(await waitFor(() => byId(`profiles-${change}`)));
  await waitFor(() => expect(rows().length).toBe(3));
  expect(byId('profiles-make').textContent).toBe(action);
  await fireEvent.click(byId('profiles-make'));
  await waitFor(() => expect(orders(host)).toContainEqual({ what: 'make', change, shown: `${change}-1` }));
  await text('Nothing to change.');
  await fireEvent.keyDown(window, { key: 'Escape' });
  await waitFor(() => expect(left).toBe(true));
}

test('c4_an_undo_that_is_refused_says_why_and_offers_no_button', async () => {
  const refused = { code: 'failed', what_happened: 'Undoing would lose what has changed since.', what_to_do: 'Remove them instead.' } as const;
  await page({ write: view('write', { can_undo: true }), undo: view('undo', { shown: null, lines: [], length: 0, problem: refused }) });
  await fireEvent.click(await waitFor(() => byId('profiles-undo')));
  expect((await found('[role="alert"]')).textContent).toContain('would lose');
  expect(byId('profiles-make').hasAttribute('disabled')).toBe(true);
});

test('c4_a_sync_that_changes_what_is_assigned_refreshes_the_page', async () => {
  const [host, views] = await page();
  await text('region = x');
  views.write = view('write', { shown: 'more', lines: [{ sign: 'added', text: '[profile new]', unended: false }], length: 1 });
  host.change({ catalogue_revision: 2 });
  expect(await text('[profile new]')).toBeTruthy();
  expect(screen.getByText(/this is the difference now/)).toBeTruthy();
  views.write = view('write', { shown: 'by hand' });
  await fireEvent.focus(window);
  expect(await text('region = x')).toBeTruthy();
});

test('c3_a_file_that_cannot_be_read_is_told_and_nothing_can_be_written', async () => {
  const host = new TestHost();
  host.rows = [roleRow('acme-dev', 'ReadOnly')];
  host.failures.profiles = { code: 'failed', what_happened: 'The file begins with a byte order mark.', what_to_do: 'Save it as UTF-8.' };
  render(App, { host });
  await found('[role="row"][aria-label*="acme-dev"]');
  await fireEvent.keyDown(byId('search'), { key: 'k', ctrlKey: true });
  await fireEvent.click(await text('AWS profiles'));
  expect((await found('[role="alert"]')).textContent).toContain('byte order mark');
  expect(byId('profiles-make').hasAttribute('disabled')).toBe(true);
  delete host.failures.profiles;
  host.answers.profiles = { answer: 'profiles', view: view('write') };
  await fireEvent.focus(window);
  await text('region = x');
  expect(document.querySelector('[role="alert"]')).toBeNull();
});

test('the menu of the portal opens the page, and Back leaves it', async () => {
  const host = new TestHost();
  host.rows = [roleRow('acme-dev', 'ReadOnly')];
  host.answers.profiles = { answer: 'profiles', view: view('write') };
  render(App, { host });
  await fireEvent.click(await found('header .portal'));
  await fireEvent.click(screen.getByText('AWS profiles'));
  await titled('AWS profiles');
  await fireEvent.click(byId('back'));
  await waitFor(() => byId('search'));
});

test('c4_what_has_to_be_known_stands_above_the_difference', async () => {
  const finding = { place: 'config, line 6', what: 'A comment is a part of the value.', advice: 'Move it.' };
  await page({ write: view('write', { notes: ['umbrella: not listed.'], skipped: ['No profile for x/y: its name.'], findings: [finding], backup: '/state/config.before' }) });
  const notes = within(await waitFor(() => byId('profiles-notes')));
  expect(notes.getByText('umbrella: not listed.')).toBeTruthy();
  expect(notes.getByText('No profile for x/y: its name.')).toBeTruthy();
  expect(byId('profiles-notes').textContent).toContain('config, line 6: A comment is a part of the value. Move it.');
  expect(screen.getByText('/state/config.before')).toBeTruthy();
});

test('lines are counted in words', () => {
  expect(countsInWords(view('write', { added: 1, removed: 0 }))).toBe('1 line added');
  expect(countsInWords(view('write', { added: 4, removed: 2 }))).toBe('4 lines added, 2 lines removed');
});

test('c4_the_demo_writes_and_undoes_as_the_application_does', async () => {
  const demo = new DemoProfiles();
  const roles = [roleRow('acme-dev', 'ReadOnly')];
  const show = async (change: ProfilesChange) => {
    const answer = await demo.order({ what: 'show', change, from: 0 }, roles);
    return answer.answer === 'profiles' ? answer.view : view(change);
  };
  expect((await show('write')).added).toBe(5);
  await demo.order({ what: 'make', change: 'write', shown: '' }, roles);
  expect(await show('write')).toMatchObject({ shown: null, can_undo: true, can_remove: true });
  expect(await show('undo')).toMatchObject({ added: 0, removed: 5 });
  await demo.order({ what: 'make', change: 'undo', shown: '' }, roles);
  expect(await show('write')).toMatchObject({ added: 5, can_undo: false, can_remove: false });
});
