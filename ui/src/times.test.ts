// Times as people say them.
import { expect, test } from 'vitest';

import { portalView } from './test_host';
import { clock, portalLine } from './times';

const NOW = new Date(2026, 10, 20, 8, 30);

function local(day: number, hours: number, minutes: number): string {
  return new Date(2026, 10, day, hours, minutes).toISOString();
}

test.each([
  [20, 9, 5, '09:05'],
  [20, 23, 59, '23:59'],
  [21, 0, 0, 'Sat 00:00'],
  [19, 18, 40, 'Thu 18:40'],
  [26, 9, 0, 'Thu 09:00'],
  [27, 9, 0, '27 Nov 09:00'],
  [1, 9, 0, '1 Nov 09:00'],
])('day %i at %i:%i is %s', (day, hours, minutes, said) => {
  expect(clock(local(day, hours, minutes), NOW)).toBe(said);
});

test('no end of the session is named before one was learned', () => {
  expect(portalLine(portalView({ session_ends_at: null }), NOW)).toBe('Signed in to acme');
});

test('an estimate says about, a known end does not', () => {
  const session_ends_at = local(21, 9, 0);
  expect(portalLine(portalView({ session_ends_at }), NOW)).toBe('Signed in to acme until about Sat 09:00');
  expect(portalLine(portalView({ session_ends_at, session_end_is_estimate: false }), NOW)).toBe(
    'Signed in to acme until Sat 09:00',
  );
});

test('offline, the list says its age', () => {
  const sync = { synced_at: local(20, 7, 12), complete: true, running: null };
  expect(portalLine(portalView({ state: 'offline', sync }), NOW)).toBe('Offline, showing the list of 07:12');
});

test('a sign-in that is not known yet is not called needed', () => {
  expect(portalLine(portalView({ state: 'unknown' }), NOW)).toBe('Reading the sign-in to acme…');
});
