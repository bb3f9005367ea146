// What the page of profiles knows: a change of the file that is shown, and then made exactly as it was shown.
import type { Answer, DifferenceLine, LineSign, ProfilesChange, ProfilesOrder, ProfilesView } from './contract';
import type { Session } from './session.svelte';

export const SIGNS: Record<LineSign, string> = { added: '+', removed: '−', kept: '', gap: '' };
export const SIGN_WORDS: Record<LineSign, string> = { added: 'added', removed: 'removed', kept: 'stays', gap: '' };

export interface ChangeWords {
  title: string;
  lead: string;
  /** On the button that makes the change. */
  action: string;
}

export const CHANGE_WORDS: Record<ProfilesChange, ChangeWords> = {
  write: {
    title: 'AWS profiles',
    lead: 'Profiles of your roles for the AWS CLI and the SDKs. Nothing is written before you say so.',
    action: 'Write profiles',
  },
  undo: {
    title: 'Undo the last change',
    lead: 'This takes back what was done last from here. Nothing is written before you say so.',
    action: 'Undo',
  },
  remove: {
    title: 'Remove Portray’s profiles',
    lead: 'This takes out all that Portray has written, and nothing else. Nothing is written before you say so.',
    action: 'Remove profiles',
  },
};

/** “4 lines added, 1 line removed”. */
export function countsInWords(view: ProfilesView): string {
  const lines = (count: number, what: string) => (count === 0 ? [] : [`${count} ${count === 1 ? 'line' : 'lines'} ${what}`]);
  return [...lines(view.added, 'added'), ...lines(view.removed, 'removed')].join(', ');
}

/** Whether the word for a line stands beside it: once for each run of lines. */
export function isFirstOfRun(lines: readonly DifferenceLine[], nth: number): boolean {
  return lines[nth]?.sign !== lines[nth - 1]?.sign;
}

export class ProfilesPage {
  change = $state<ProfilesChange>('write');
  view = $state.raw<ProfilesView | null>(null);
  /** Of the difference, as far as it was asked for. */
  lines = $state.raw<DifferenceLine[]>([]);
  /** A change is being made. */
  busy = $state(false);
  /** The first answer is under way. */
  looking = $state(true);
  /** Another difference came in the place of the one that was shown. */
  renewed = $state(false);
  readonly #session: Session;
  #asked = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** As it is now. What is there stays on the screen until that is known. `expected`: it is another one, and a person knows. */
  async show(change: ProfilesChange = this.change, expected = change !== this.change): Promise<void> {
    this.change = change;
    const asked = (this.#asked += 1);
    const answer = await this.#order({ what: 'show', change, from: 0 });
    if (asked !== this.#asked) {
      return;
    }
    this.looking = false;
    if (answer?.answer === 'profiles') {
      this.#take(answer.view, expected);
    } else {
      this.view = null;
      this.lines = [];
    }
  }

  /** Again, unless a change is being made: what comes of it is shown then. */
  async refresh(): Promise<void> {
    if (!this.busy) {
      await this.show();
    }
  }

  /** The next lines of a long difference. */
  async more(): Promise<void> {
    const { change, view, lines } = this;
    const asked = this.#asked;
    const answer = await this.#order({ what: 'show', change, from: lines.length });
    if (answer?.answer !== 'profiles' || asked !== this.#asked) {
      return;
    }
    if (answer.view.shown === view?.shown) {
      this.lines = [...lines, ...answer.view.lines];
    } else {
      await this.show();
    }
  }

  /** Makes what is shown, and nothing else. */
  async make(): Promise<void> {
    const shown = this.view?.shown;
    if (this.busy || !shown) {
      return;
    }
    this.busy = true;
    this.#asked += 1;
    const answer = await this.#order({ what: 'make', change: this.change, shown });
    this.busy = false;
    if (answer?.answer === 'said') {
      await this.show('write', true);
    } else if (answer?.answer === 'profiles') {
      this.#take(answer.view, true);
    }
  }

  #order(order: ProfilesOrder): Promise<Answer | null> {
    return this.#session.ask({ do: 'profiles', order });
  }

  #take(view: ProfilesView, expected: boolean): void {
    const same = view.shown !== null && view.shown === this.view?.shown;
    this.renewed = !expected && this.view !== null && view.shown !== this.view.shown;
    this.view = view;
    this.lines = same && this.lines.length > view.lines.length ? this.lines : view.lines;
  }
}
