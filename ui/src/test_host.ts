// A host for tests: says what it is told to say and records what it was asked.
import type { Answer, PortalView, ProblemView, Request, RoleRow, SearchAnswer, SearchRequest, Snapshot } from './contract';
import type { Host } from './host/host';

export class TestHost implements Host {
  asked: Request[] = [];
  searches: SearchRequest[] = [];
  hidden = 0;
  rows: RoleRow[] = [];
  answers: Partial<Record<Request['do'], Answer>> = {};
  failures: Partial<Record<Request['do'], ProblemView>> = {};
  /** What is answered where that depends on more than what is asked for; undefined: as `answers` says. */
  answer: ((request: Request) => Answer | undefined) | undefined;
  #snapshot: Snapshot;
  #listener: ((snapshot: Snapshot) => void) | undefined;

  constructor(snapshot: Partial<Snapshot> = {}) {
    this.#snapshot = { ...emptySnapshot(), ...snapshot };
  }

  change(change: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, revision: this.#snapshot.revision + 1, ...change };
    this.#listener?.(this.#snapshot);
  }

  snapshot(onSnapshot: (snapshot: Snapshot) => void): () => void {
    this.#listener = onSnapshot;
    onSnapshot(this.#snapshot);
    return () => (this.#listener = undefined);
  }

  async search(request: SearchRequest): Promise<SearchAnswer> {
    this.searches.push(request);
    const found = this.rows.filter((row) => row.account_name.includes(request.query));
    return {
      total: found.length,
      offset: request.offset,
      catalogue_revision: this.#snapshot.catalogue_revision,
      sorted_at: request.sorted_at ?? this.#snapshot.catalogue_revision,
      rows: found.slice(request.offset, request.offset + request.limit),
    };
  }

  async ask(request: Request): Promise<Answer> {
    this.asked.push(request);
    const failure = this.failures[request.do];
    if (failure) {
      throw failure;
    }
    return this.answer?.(request) ?? this.answers[request.do] ?? { answer: 'done' };
  }

  async hideWindow(): Promise<void> {
    this.hidden += 1;
  }
}

export function portalView(change: Partial<PortalView> = {}): PortalView {
  return {
    id: 'p1',
    name: 'acme',
    start_url: 'https://acme.awsapps.com/start',
    region: 'eu-west-1',
    state: 'signed_in',
    access_token_expires_at: null,
    session_ends_at: null,
    session_end_is_estimate: true,
    accounts: 2,
    permission_sets: 3,
    sync: { synced_at: '2026-11-20T09:12:00Z', complete: true, running: null },
    sign_in: null,
    problem: null,
    ...change,
  };
}

export function roleRow(account_name: string, permission_set: string, change: Partial<RoleRow> = {}): RoleRow {
  const digits = Array.from(account_name, (letter) => letter.charCodeAt(0) % 10).join('');
  return {
    role: { portal: 'p1', account: digits.padEnd(12, '0').slice(0, 12), permission_set },
    portal_name: 'acme',
    account_name,
    email: `${account_name}@acme.example`,
    favourite: false,
    account_name_matches: [],
    permission_set_matches: [],
    credentials: null,
    credentials_expire_at: null,
    ...change,
  };
}

function emptySnapshot(): Snapshot {
  return {
    revision: 1,
    catalogue_revision: 1,
    version: '0.1.0',
    headline: 'Signed in to acme',
    mood: 'fresh',
    portals: [portalView()],
    credentials: [],
    uses_revision: 1,
    questions: [],
    problem: null,
  };
}

/** An element of the page that has to be there. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) {
    throw new Error(`no #${id}`);
  }
  return element;
}
