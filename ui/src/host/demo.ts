// The host in a plain browser: a company that signs in, syncs and renews by itself, so that the window can be seen.
import type {
  Answer, CredentialsView, Mood, PortalView, ProblemView, Request, RoleRow, SearchAnswer, SearchRequest, SignInMethod,
  Snapshot, StartUrlView,
} from '../contract';
import { DEMO_PORTAL, demoRows, matching, sameRole } from './demo_company';
import { DemoConsumers } from './demo_consumers';
import { DemoProfiles } from './demo_profiles';
import type { Host } from './host';

const MINUTE = 60_000;
const REGIONS = ['eu-west-1', 'eu-central-1', 'us-east-1', 'us-west-2', 'ap-southeast-2', 'ap-northeast-1', 'ca-central-1'];
const SIGN_IN_TAKES_MS = 12_000;
const ACCOUNT_TAKES_MS = 250;

/** Scenes to begin with: first-run, sign-in, code, syncing, stuck, offline, problem, ended, asked, large; else signed in. */
export class DemoHost implements Host {
  #revision = 0;
  #catalogueRevision = 1;
  #rows: RoleRow[];
  #portals: PortalView[] = [];
  #credentials: CredentialsView[] = [];
  #problem: ProblemView | null = null;
  #consumers: DemoConsumers;
  #profiles = new DemoProfiles();
  #listeners = new Set<(snapshot: Snapshot) => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(scene: string) {
    this.#consumers = new DemoConsumers(scene);
    this.#rows = scene === 'first-run' ? [] : demoRows(scene === 'large');
    if (scene !== 'first-run') {
      this.#portals = [this.#portal()];
      this.#credentials = this.#rows.length > 0 ? this.#someCredentials() : [];
      this.#play(scene);
    }
  }

  snapshot(onSnapshot: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(onSnapshot);
    onSnapshot(this.#draw());
    return () => this.#listeners.delete(onSnapshot);
  }

  async search(request: SearchRequest): Promise<SearchAnswer> {
    const found = matching(this.#rows, request.query);
    return {
      total: found.length,
      offset: request.offset,
      catalogue_revision: this.#catalogueRevision,
      sorted_at: this.#catalogueRevision,
      rows: found.slice(request.offset, request.offset + request.limit),
    };
  }

  async ask(request: Request): Promise<Answer> {
    switch (request.do) {
      case 'inspect_start_url':
        return { answer: 'start_url', view: inspect(request.text) };
      case 'add_portal': {
        const view = inspect(request.start_url);
        this.#portals = [{ ...this.#portal(), state: 'sign_in_needed', session_ends_at: null, start_url: view.start_url ?? '',
          region: request.region ?? 'eu-west-1', accounts: 0, permission_sets: 0,
          sync: { synced_at: null, complete: false, running: null } }];
        this.#publish();
        return { answer: 'portal', portal: DEMO_PORTAL };
      }
      case 'find_aws_cli_portals':
        return { answer: 'aws_cli_portals', portals: [] };
      case 'import_aws_cli_portal':
        return this.ask({ do: 'add_portal', start_url: request.start_url, region: request.region, name: null });
      case 'remove_portal':
        this.#portals = [];
        this.#rows = [];
        break;
      case 'sign_in':
        return this.#signIn(request.method);
      case 'cancel_sign_in':
        clearTimeout(this.#timer);
        this.#change({ state: 'sign_in_needed', sign_in: null });
        break;
      case 'sign_out':
        this.#credentials = [];
        this.#change({ state: 'sign_in_needed', session_ends_at: null });
        break;
      case 'sync':
        this.#sync(0);
        break;
      case 'set_favourite':
        this.#rows = this.#rows.map((row) => (sameRole(row.role, request.role) ? { ...row, favourite: request.on } : row));
        this.#catalogueRevision += 1;
        break;
      case 'keep':
        this.#keep(request.role, request.on);
        break;
      case 'consumers':
        return this.#consumers.order(request.order, () => this.#publish());
      case 'profiles':
        return this.#profiles.order(request.order, this.#rows);
      case 'dismiss_problem':
        this.#problem = null;
        break;
      case 'keep_on':
      case 'open_console':
      case 'open_sign_in_page':
      case 'open_portal':
      case 'renew_now':
      case 'show_window':
      case 'quit':
        break;
    }
    this.#publish();
    return { answer: 'done' };
  }

  async hideWindow(): Promise<void> {}

  #play(scene: string): void {
    if (scene === 'sign-in' || scene === 'code') {
      this.#rows = [];
      this.#credentials = [];
      this.#change({ accounts: 0, permission_sets: 0, sync: { synced_at: null, complete: false, running: null }, session_ends_at: null });
      void this.#signIn(scene === 'code' ? 'device_code' : 'browser');
      clearTimeout(this.#timer);
    } else if (scene === 'syncing') {
      this.#change({ sync: { synced_at: past(9), complete: true, running: { done: 132, total: 280 } } });
    } else if (scene === 'stuck') {
      const trouble = {
        code: 'unreachable',
        what_happened: 'AWS cannot be reached.',
        what_to_do: 'What is listed stays, and the sync goes on by itself.',
      } as const;
      this.#change({ sync: { synced_at: past(9), complete: true, running: { done: 132, total: 280 }, trouble } });
    } else if (scene === 'offline') {
      this.#change({ state: 'offline', sync: { synced_at: past(90), complete: true, running: null } });
    } else if (scene === 'ended') {
      this.#credentials = [];
      this.#change({ state: 'sign_in_needed', session_ends_at: null });
    } else if (scene === 'problem') {
      this.#problem = {
        code: 'not_assigned',
        what_happened: 'Your administrator removed Deployer from acme-prod.',
        what_to_do: 'Sync to refresh the list.',
      };
    }
  }

  async #signIn(method: SignInMethod): Promise<Answer> {
    const view = {
      method,
      user_code: method === 'device_code' ? 'RTKM-QWPZ' : null,
      verification_url: method === 'device_code' ? 'https://acme.awsapps.com/start/#/device' : null,
      expires_at: future(10),
    };
    this.#change({ state: 'signing_in', sign_in: view });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#change({ state: 'signed_in', sign_in: null, session_ends_at: future(11 * 60) });
      this.#sync(0);
    }, SIGN_IN_TAKES_MS);
    return { answer: 'sign_in', view };
  }

  #sync(done: number): void {
    const all = demoRows(false);
    const accounts = [...new Set(all.map((row) => row.role.account))];
    const listed = accounts.slice(0, done);
    if (this.#rows.length < all.length) {
      this.#rows = all.filter((row) => listed.includes(row.role.account));
    }
    this.#catalogueRevision += 1;
    const running = done < accounts.length ? { done, total: accounts.length } : null;
    this.#change({
      accounts: Math.max(listed.length, this.#portals[0]?.accounts ?? 0),
      permission_sets: this.#rows.length,
      sync: { synced_at: new Date().toISOString(), complete: running === null, running },
    });
    if (running) {
      this.#timer = setTimeout(() => this.#sync(done + 1), ACCOUNT_TAKES_MS);
    }
  }

  #keep(role: RoleRow['role'], on: boolean): void {
    const others = this.#credentials.filter((view) => !sameRole(view.role, role));
    const account_name = this.#rows.find((row) => sameRole(row.role, role))?.account_name ?? '';
    this.#credentials = on
      ? [...others, { role, account_name, state: 'fresh', expires_at: future(55), kept: true, problem: null }]
      : others;
  }

  #someCredentials(): CredentialsView[] {
    const role = (account: string, permission_set: string) => ({ portal: DEMO_PORTAL, account, permission_set });
    return [
      { role: role('333344445555', 'ReadOnly'), account_name: 'acme-prod', state: 'fresh', expires_at: future(48), kept: true, problem: null },
      { role: role('111122223333', 'Developer'), account_name: 'acme-dev', state: 'fresh', expires_at: future(31), kept: false, problem: null },
      { role: role('222233334444', 'Deployer'), account_name: 'acme-staging', state: 'renewing', expires_at: future(14), kept: false, problem: null },
    ];
  }

  #portal(): PortalView {
    return {
      id: DEMO_PORTAL, name: 'acme', start_url: 'https://acme.awsapps.com/start', region: 'eu-west-1', state: 'signed_in',
      access_token_expires_at: future(52), session_ends_at: future(9 * 60), session_end_is_estimate: true,
      accounts: new Set(this.#rows.map((row) => row.role.account)).size, permission_sets: this.#rows.length,
      sync: { synced_at: past(9), complete: true, running: null }, sign_in: null, problem: null,
    };
  }

  #change(change: Partial<PortalView>): void {
    this.#portals = this.#portals.map((portal) => ({ ...portal, ...change }));
    this.#publish();
  }

  #publish(): void {
    const snapshot = this.#draw();
    this.#listeners.forEach((listener) => listener(snapshot));
  }

  #draw(): Snapshot {
    this.#revision += 1;
    const portal = this.#portals[0];
    return {
      revision: this.#revision, catalogue_revision: this.#catalogueRevision, version: '0.1.0',
      headline: headline(portal), mood: mood(portal), portals: this.#portals, credentials: this.#credentials,
      uses_revision: this.#consumers.revision, questions: this.#consumers.questions, problem: this.#problem,
    };
  }
}

function headline(portal: PortalView | undefined): string {
  if (!portal) {
    return 'No portal yet';
  }
  const at = (time: string | null) => (time ? new Date(time).toTimeString().slice(0, 5) : '');
  switch (portal.state) {
    case 'signed_in':
      return `Signed in to ${portal.name}${portal.session_ends_at ? ` until about ${at(portal.session_ends_at)}` : ''}`;
    case 'sign_in_needed':
      return 'Sign-in needed';
    case 'signing_in':
      return `Signing in to ${portal.name}`;
    case 'offline':
      return `Offline, showing the list of ${at(portal.sync.synced_at)}`;
    case 'unknown':
      return `Reading the sign-in to ${portal.name}…`;
  }
}

function mood(portal: PortalView | undefined): Mood {
  if (!portal) {
    return 'empty';
  }
  return ({ signed_in: 'fresh', sign_in_needed: 'sign_in_needed', signing_in: 'renewing', offline: 'offline', unknown: 'renewing' } as const)[portal.state];
}

function inspect(text: string): StartUrlView {
  const company = /^(?:https?:\/\/)?([a-z0-9][a-z0-9-]+)(?:\.awsapps\.com)?(?:\/.*)?$/i.exec(text.trim())?.[1]?.toLowerCase();
  const problem: ProblemView = { code: 'wrong_use', what_happened: 'This is no start URL.', what_to_do: 'It looks like https://acme.awsapps.com/start.' };
  return company
    ? { start_url: `https://${company}.awsapps.com/start`, region: null, regions: REGIONS, problem: null }
    : { start_url: null, region: null, regions: REGIONS, problem: text.trim() === '' ? null : problem };
}

function future(minutes: number): string {
  return new Date(Date.now() + minutes * MINUTE).toISOString();
}

function past(minutes: number): string {
  return future(-minutes);
}
