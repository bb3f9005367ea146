// What the window says of programs that get credentials.
import type { Door, Launch, Program, Question, Use } from './contract';

const DOORS: Record<Door, string> = {
  credential_process: 'profile',
  credentials: 'portray credentials',
  env: 'portray env',
  exec_env: 'portray exec --env',
  exec: 'portray exec',
  serve: 'portray serve',
  container: 'container',
  ssh: 'portray ssh',
  console: 'console',
  socket: 'agent socket',
};

export function doorWords(door: Door): string {
  return DOORS[door];
}

export function programName(program: Program | null): string {
  return program?.name ?? 'A program that cannot be seen';
}

/** What runs, which process it is, and what started it. */
export function programWords(program: Program | null): string {
  if (!program) {
    return '';
  }
  const process = [`process ${program.pid}`, ...program.below.map((ancestor) => ancestor.name)].join(' ← ');
  return program.executable === null ? process : `${program.executable} · ${process}`;
}

export function roleWords(it: Pick<Use, 'account' | 'account_name' | 'permission_set' | 'chain'>): string {
  if (it.chain !== null) {
    return it.chain;
  }
  return `${it.account_name === '' ? it.account : it.account_name} / ${it.permission_set}`;
}

export function outcomeWords(use: Use): string {
  const times = use.times === 1 ? '' : `, ${use.times} times`;
  return use.outcome === 'handed_out' ? `Handed out${times}` : `Refused${times}: ${use.reason ?? ''}`;
}

/** What can be done about whoever stands in a row: nothing where nobody knows who it was. */
export type Remedy = 'revoke' | 'allow' | null;

export function remedy(use: Use, launches: readonly Launch[], revoked: readonly { consumer: string }[]): Remedy {
  if (use.consumer === null || use.door === 'console') {
    return null;
  }
  if (use.launch !== null) {
    return launches.some((launch) => launch.id === use.launch) ? 'revoke' : null;
  }
  return revoked.some((program) => program.consumer === use.consumer) ? 'allow' : 'revoke';
}

/** What is revoked with it: a launch alone, or a program wherever it runs. */
export function revokeQuestion(use: Use): { question: string; explanation: string } {
  const stays = 'What it holds stays valid at AWS until it expires.';
  if (use.launch !== null) {
    return {
      question: `Revoke this launch of ${doorWords(use.door)}?`,
      explanation: `It gets no credentials of ${roleWords(use)} any more, for good. ${stays}`,
    };
  }
  const runs = use.program?.executable ?? '';
  return {
    question: `Revoke ${programName(use.program)}?`,
    explanation: `${runs} gets no credentials of any role until you allow it again; a script counts as its interpreter. ${stays}`,
  };
}

export function questionWords(question: Question): string {
  return `Allow ${question.program?.name ?? 'a program'} to use ${roleWords(question)}?`;
}

/** Whether everything that was typed is in it somewhere. */
export function matchesUse(use: Use, query: string): boolean {
  const text = [programName(use.program), use.program?.executable ?? '', roleWords(use), use.account, use.portal, doorWords(use.door), use.outcome]
    .join(' ')
    .toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
