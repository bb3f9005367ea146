// What is said of credentials.
import { expect, test } from 'vitest';

import type { CredentialsView } from './contract';
import { roleRow } from './test_host';
import { credentialsOf, credentialsWords, roleKey, rowLabel } from './words';

const NOW = new Date(2026, 10, 20, 8, 30);
const LATER = new Date(2026, 10, 20, 9, 15).toISOString();
const EARLIER = new Date(2026, 10, 20, 8, 0).toISOString();

test('what renews itself shows no time', () => {
  expect(credentialsWords({ state: 'fresh', kept: false, expiresAt: LATER }, NOW)).toBe('Fresh');
  expect(credentialsWords({ state: 'fresh', kept: true, expiresAt: LATER }, NOW)).toBe('Kept fresh');
});

test('what fails to renew says until when it is valid, unless that is over', () => {
  expect(credentialsWords({ state: 'failing', kept: true, expiresAt: LATER }, NOW)).toBe('Renewal failed, valid until 09:15');
  expect(credentialsWords({ state: 'failing', kept: true, expiresAt: EARLIER }, NOW)).toBe('Renewal failed');
});

test('the snapshot is newer than the row', () => {
  const row = roleRow('dev', 'ReadOnly', { credentials: 'renewing' });
  const view: CredentialsView = { role: row.role, account_name: 'dev', state: 'fresh', expires_at: LATER, kept: true, problem: null };
  expect(credentialsOf(row, new Map([[roleKey(row.role), view]]))?.state).toBe('fresh');
  expect(credentialsOf(row, new Map())?.state).toBe('renewing');
  expect(credentialsOf(roleRow('dev', 'ReadOnly'), new Map())).toBeNull();
});

test('a row says everything to those who hear it', () => {
  const row = roleRow('dev', 'ReadOnly', { favourite: true });
  expect(rowLabel(row, { state: 'fresh', kept: false, expiresAt: null }, NOW)).toBe(
    `ReadOnly in dev, ${row.role.account}, favourite, Fresh`,
  );
});
