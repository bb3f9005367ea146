// The company that the window shows in a plain browser.
import type { Role, RoleRow } from '../contract';

export const DEMO_PORTAL = 'acme';

const ACCOUNTS: [name: string, id: string, permissionSets: string[]][] = [
  ['acme-dev', '111122223333', ['Developer', 'ReadOnly', 'Administrator']],
  ['acme-staging', '222233334444', ['Developer', 'ReadOnly', 'Deployer']],
  ['acme-prod', '333344445555', ['ReadOnly', 'OnCall', 'Deployer']],
  ['payments-dev', '444455556666', ['Developer', 'ReadOnly']],
  ['payments-staging', '505066667777', ['Developer', 'ReadOnly']],
  ['payments-prod', '515177778888', ['ReadOnly', 'OnCall']],
  ['data-lake-dev', '620088889999', ['DataEngineer', 'ReadOnly']],
  ['data-lake-prod', '630099990000', ['DataAnalyst', 'ReadOnly']],
  ['shared-network', '700012123434', ['NetworkOperator', 'ReadOnly']],
  ['log-archive', '810023234545', ['SecurityAudit']],
  ['security-tooling', '820034345656', ['SecurityAudit', 'IncidentResponse']],
  ['sandbox-you', '900045456767', ['Administrator']],
];

const FAVOURITES = ['acme-prod/ReadOnly', 'payments-prod/OnCall'];
const RECENT = ['acme-dev/Developer'];

/** The rows of the demo company; with `large` those of one with hundreds of accounts. */
export function demoRows(large: boolean): RoleRow[] {
  const accounts = large ? [...ACCOUNTS, ...manyAccounts()] : ACCOUNTS;
  const rows = accounts.flatMap(([name, id, sets]) => sets.map((set) => row(name, id, set)));
  return rows.sort((one, other) => rank(one) - rank(other));
}

export function sameRole(one: Role, other: Role): boolean {
  return one.portal === other.portal && one.account === other.account && one.permission_set === other.permission_set;
}

/** Rows that hold every word of the query, with the letters marked; those that begin with a word come first. */
export function matching(rows: readonly RoleRow[], query: string): RoleRow[] {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) {
    return [...rows];
  }
  return rows
    .map((candidate) => match(candidate, words))
    .filter((found) => found !== null)
    .sort((one, other) => other.score - one.score)
    .map((found) => found.row);
}

function match(candidate: RoleRow, words: string[]): { row: RoleRow; score: number } | null {
  const account = new Set<number>();
  const permissionSet = new Set<number>();
  let score = 0;
  for (const word of words) {
    const inAccount = letters(candidate.account_name.toLowerCase(), word);
    const inSet = letters(candidate.role.permission_set.toLowerCase(), word);
    if (!inAccount && !inSet && !candidate.role.account.startsWith(word)) {
      return null;
    }
    const better = inSet && (!inAccount || inSet.tight > inAccount.tight) ? inSet : inAccount;
    better?.at.forEach((index) => (better === inSet ? permissionSet : account).add(index));
    score += better?.tight ?? 3;
  }
  const row = { ...candidate, account_name_matches: [...account], permission_set_matches: [...permissionSet] };
  return { row, score };
}

function letters(text: string, word: string): { at: number[]; tight: number } | null {
  const atWordStart = `-${text}`.indexOf(`-${word}`);
  const start = atWordStart < 0 ? text.indexOf(word) : atWordStart;
  if (start >= 0) {
    return { at: Array.from(word, (_, offset) => start + offset), tight: atWordStart < 0 ? 2 : 3 };
  }
  const at: number[] = [];
  for (const letter of word) {
    const next = text.indexOf(letter, (at.at(-1) ?? -1) + 1);
    if (next < 0) {
      return null;
    }
    at.push(next);
  }
  return { at, tight: 1 };
}

function row(name: string, id: string, set: string): RoleRow {
  return {
    role: { portal: DEMO_PORTAL, account: id, permission_set: set },
    portal_name: 'acme',
    account_name: name,
    email: `aws+${name}@acme.example`,
    favourite: FAVOURITES.includes(`${name}/${set}`),
    account_name_matches: [],
    permission_set_matches: [],
    credentials: null,
    credentials_expire_at: null,
  };
}

function rank(candidate: RoleRow): number {
  if (candidate.favourite) {
    return 0;
  }
  return RECENT.includes(`${candidate.account_name}/${candidate.role.permission_set}`) ? 1 : 2;
}

function manyAccounts(): [string, string, string[]][] {
  return Array.from({ length: 788 }, (_, index) => [
    `team-${String(index + 1).padStart(3, '0')}-${['dev', 'staging', 'prod'][index % 3]}`,
    String(100_000_000_000 + index * 7_919),
    ['Administrator', 'Developer', 'ReadOnly', 'Deployer', 'OnCall'].slice(index % 4),
  ]);
}
