// What the window knows and what it asks for; every component reads from here.
import type {
  Answer, ConsumerOrder, CredentialsView, PortalView, ProblemView, Request, Role, SignInMethod, Snapshot, UsesView,
} from './contract';
import { asProblem, type Host } from './host/host';
import { RowSource } from './rows.svelte';
import { roleKey, roleName } from './words';

/** How long a confirmation stays. */
const CONFIRMATION_MS = 6000;
const MINUTE_MS = 60_000;

/** A role that waits for a code of an MFA device, and what goes on when AWS has taken it. */
export interface WantedCode {
  role: Role;
  then: () => void;
}

export class Session {
  snapshot = $state.raw<Snapshot | null>(null);
  /** What this window asked for and did not get; goes with the next request or a click. */
  failure = $state.raw<ProblemView | null>(null);
  confirmation = $state('');
  wantedCode = $state.raw<WantedCode | null>(null);
  query = $state('');
  /** Who was handed credentials, once somebody has looked. */
  uses = $state.raw<UsesView | null>(null);
  /** Only this portal's rows; null shows those of all. */
  portalFilter = $state<string | null>(null);
  /** The present minute. */
  now = $state.raw(new Date());
  readonly rows: RowSource;
  readonly host: Host;
  #opening = new Set<string>();
  #listing = false;
  #listAgain = false;
  #forgetConfirmation: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.host = host;
    this.rows = new RowSource(
      (request) => host.search(request),
      (problem) => (this.failure = problem),
    );
  }

  portals = $derived(this.snapshot?.portals ?? []);
  questions = $derived(this.snapshot?.questions ?? []);
  credentials = $derived(
    new Map<string, CredentialsView>((this.snapshot?.credentials ?? []).map((view) => [roleKey(view.role), view])),
  );
  /** The portal that buttons mean: the chosen one, else one that waits for a person, else the first. */
  portal = $derived<PortalView | undefined>(
    this.portals.find((portal) => portal.id === this.portalFilter) ??
      this.portals.find((portal) => portal.state === 'signing_in') ??
      this.portals.find((portal) => portal.state === 'sign_in_needed') ??
      this.portals[0],
  );
  problem = $derived<ProblemView | null>(this.failure ?? this.snapshot?.problem ?? this.portal?.problem ?? null);
  canDismiss = $derived(this.failure !== null || (this.snapshot?.problem ?? null) !== null);

  /** Listens until the function returned is called. */
  start(): () => void {
    const stop = this.host.snapshot(
      (snapshot) => (this.snapshot = snapshot),
      (problem) => (this.failure = problem),
    );
    const minute = setInterval(() => (this.now = new Date()), MINUTE_MS / 4);
    return () => {
      stop();
      clearInterval(minute);
      clearTimeout(this.#forgetConfirmation);
    };
  }

  /** Null where it failed; the problem is then on the screen. */
  async ask(request: Request, confirmation = ''): Promise<Answer | null> {
    this.failure = null;
    try {
      const answer = await this.host.ask(request);
      this.#confirm(answer.answer === 'said' ? answer.words : confirmation);
      return answer;
    } catch (thrown) {
      const problem = asProblem(thrown);
      this.failure = problem.code === 'cancelled' ? null : problem;
      return null;
    }
  }

  /** With `force` a session that still lasts is ended first, so that the new one gets its full length. */
  async signIn(portal: PortalView, method: SignInMethod, force = false): Promise<void> {
    if (portal.state === 'signing_in') {
      await this.ask({ do: 'cancel_sign_in', portal: portal.id });
    }
    await this.ask({ do: 'sign_in', portal: portal.id, method, force });
  }

  /** Once at a time for each role and destination, however often the button is pressed. */
  async openConsole(role: Role, accountName: string, destination: string | null = null): Promise<void> {
    const key = `${roleKey(role)}\n${destination ?? ''}`;
    if (this.#opening.has(key)) {
      return;
    }
    this.#opening.add(key);
    await this.ask(
      { do: 'open_console', role, destination, region: null, duration_seconds: null, via: null },
      `Console of ${accountName} opened as ${roleName(role)}.`,
    );
    this.#opening.delete(key);
    if (this.failure?.code === 'mfa_code_needed') {
      this.failure = null;
      this.wantedCode = { role, then: () => void this.openConsole(role, accountName, destination) };
    }
  }

  /** True where AWS has taken the code; else the problem is on the screen. */
  async giveCode(code: string): Promise<boolean> {
    const wanted = this.wantedCode;
    if (!wanted || (await this.ask({ do: 'give_mfa_code', role: wanted.role, code })) === null) {
      return false;
    }
    this.wantedCode = null;
    wanted.then();
    return true;
  }

  /** One list at a time, however fast programs come; what is there stays on the screen until the next is complete. */
  async listUses(): Promise<void> {
    this.#listAgain = this.#listing;
    if (this.#listing) {
      return;
    }
    this.#listing = true;
    do {
      this.#listAgain = false;
      this.uses = (await this.#allUses()) ?? this.uses;
    } while (this.#listAgain);
    this.#listing = false;
  }

  /** Page after page. Null where that failed. */
  async #allUses(): Promise<UsesView | null> {
    const found: UsesView['uses'] = [];
    for (let after = 0; ; after = found.at(-1)?.number ?? after) {
      const answer = await this.ask({ do: 'consumers', order: { what: 'list', after } });
      if (answer?.answer !== 'uses') {
        return null;
      }
      found.push(...answer.view.uses);
      if (answer.view.uses.length === 0) {
        return { ...answer.view, uses: found };
      }
    }
  }

  /** Says in words what that means, and shows it in the list. */
  async orderOfConsumer(order: ConsumerOrder): Promise<void> {
    const answer = await this.ask({ do: 'consumers', order });
    if (answer?.answer === 'said') {
      await this.listUses();
    }
  }

  async answer(question: number, allow: boolean): Promise<void> {
    await this.ask({ do: 'consumers', order: { what: 'answer', question, allow } });
  }

  async dismiss(): Promise<void> {
    this.failure = null;
    if (this.snapshot?.problem) {
      await this.ask({ do: 'dismiss_problem' });
    }
  }

  #confirm(confirmation: string): void {
    if (confirmation === '') {
      return;
    }
    this.confirmation = confirmation;
    clearTimeout(this.#forgetConfirmation);
    this.#forgetConfirmation = setTimeout(() => (this.confirmation = ''), CONFIRMATION_MS);
  }
}
