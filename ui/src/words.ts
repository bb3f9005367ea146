// Sentences and names that more than one part of the window says.
import type { CredentialsState, CredentialsView, Role, RoleRow } from './contract';
import { clock } from './times';

/** What is known of a row's credentials. */
export interface RowCredentials {
  state: CredentialsState;
  kept: boolean;
  expiresAt: string | null;
  /** A person has to give a code of an MFA device. */
  codeNeeded?: boolean;
}

/** The same role always gives the same key. */
export function roleKey(role: Role): string {
  return `${role.portal}\n${role.account}\n${role.permission_set}\n${role.chain ?? ''}`;
}

/** The permission set, or the further role that is assumed from it, by its own name. */
export function roleName(role: Role): string {
  return role.chain ?? role.permission_set;
}

/** The snapshot knows better than the row, which is as old as the search. */
export function credentialsOf(row: RoleRow, known: ReadonlyMap<string, CredentialsView>): RowCredentials | null {
  const view = known.get(roleKey(row.role));
  if (view) {
    return { state: view.state, kept: view.kept, expiresAt: view.expires_at, codeNeeded: view.problem?.code === 'mfa_code_needed' };
  }
  return row.credentials && { state: row.credentials, kept: false, expiresAt: row.credentials_expire_at };
}

/** A time is named only where it matters: fresh credentials renew themselves. */
export function credentialsWords(credentials: RowCredentials, now: Date): string {
  switch (credentials.state) {
    case 'fresh':
      return credentials.kept ? 'Kept fresh' : 'Fresh';
    case 'renewing':
      return 'Renewing';
    case 'failing':
      if (credentials.codeNeeded) {
        return 'Code needed';
      }
      return credentials.expiresAt && new Date(credentials.expiresAt) > now
        ? `Renewal failed, valid until ${clock(credentials.expiresAt, now)}`
        : 'Renewal failed';
    case 'unavailable':
      return 'No longer assigned';
  }
}

/** Everything that a row says, for those who hear it. */
export function rowLabel(row: RoleRow, credentials: RowCredentials | null, now: Date): string {
  return [
    row.chain ? `${row.chain.name}, assumed from ${row.role.permission_set} in ${row.account_name}` : `${row.role.permission_set} in ${row.account_name}`,
    row.role.account,
    row.favourite ? 'favourite' : '',
    credentials ? credentialsWords(credentials, now) : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** "1 account", "12 accounts". */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
