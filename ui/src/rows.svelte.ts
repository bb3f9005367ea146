// The rows of the list, fetched a page at a time as they come into view.
import type { ProblemView, RoleRow, SearchAnswer, SearchRequest } from './contract';
import { asProblem } from './host/host';
import { PAGE, pagesOf, type Range } from './virtual_list';
import { roleKey } from './words';

/** A list that changes all the time, as during a sync, is searched no more often than this. */
const PAUSE_MS = 400;

export class RowSource {
  total = $state(0);
  /** Whether any answer has come. */
  loaded = $state(false);
  /** Grows with every other search: the list then begins at its top. */
  searches = $state(0);
  #pages = $state.raw<ReadonlyMap<number, readonly RoleRow[]>>(new Map());
  #asked = new Set<number>();
  #inView: Range = { first: 0, end: 1 };
  /** A row that is fetched anew too, in view or not. */
  #held = 0;
  #query = '';
  #portal: string | null = null;
  #forgotten = false;
  /** Grows with every search, also one for the same words in a list that has changed. */
  #generation = 0;
  /** The first search for the words of now: answers to one before it are dropped. */
  #words = 0;
  /** Of which time favourites and recents give the order; null: of the time of the first answer. */
  #sortedAt: number | null = null;
  /** The search that was answered last: answers to one before it are dropped too. */
  #answered = 0;
  readonly #pauseMs: number;
  #searchedAt = -Infinity;
  #nextSearch: ReturnType<typeof setTimeout> | undefined;
  readonly #search: (request: SearchRequest) => Promise<SearchAnswer>;
  readonly #onProblem: (problem: ProblemView) => void;

  constructor(
    search: (request: SearchRequest) => Promise<SearchAnswer>,
    onProblem: (problem: ProblemView) => void,
    pauseMs = PAUSE_MS,
  ) {
    this.#pauseMs = pauseMs;
    this.#search = search;
    this.#onProblem = onProblem;
  }

  row(index: number): RoleRow | undefined {
    return this.#pages.get(index - (index % PAGE))?.[index % PAGE];
  }

  /** Where a role stands among the rows that are here; -1 if it does not. */
  indexOf(key: string): number {
    for (const [offset, rows] of this.#pages) {
      const nth = rows.findIndex((row) => roleKey(row.role) === key);
      if (nth >= 0) {
        return offset + nth;
      }
    }
    return -1;
  }

  /** Searches anew. What is on the screen stays until the first answer comes, and its order while the words do. */
  find(query: string, portal: string | null): void {
    const another = this.#forgotten || query !== this.#query || portal !== this.#portal;
    this.#forgotten = false;
    this.#query = query;
    this.#portal = portal;
    const rest = another ? 0 : this.#searchedAt + this.#pauseMs - performance.now();
    clearTimeout(this.#nextSearch);
    if (rest > 0) {
      this.#nextSearch = setTimeout(() => this.find(query, portal), rest);
      return;
    }
    this.#searchedAt = performance.now();
    this.#generation += 1;
    this.#asked.clear();
    if (another) {
      this.#inView = { first: 0, end: 1 };
      this.#held = 0;
      this.#sortedAt = null;
      this.#words = this.#generation;
      this.searches += 1;
    }
    this.#loadInView(true);
  }

  /** Forgets the words: the next search begins at the top, in the order of its time. */
  forget(): void {
    this.#forgotten = true;
  }

  /** Says which rows are drawn; what is missing is fetched. */
  show(inView: Range): void {
    this.#inView = inView;
    if (this.loaded) {
      this.#loadInView(false);
    }
  }

  /** Says which row is highlighted. */
  hold(index: number): void {
    this.#held = index;
  }

  #loadInView(anew: boolean): void {
    const range = { first: this.#inView.first, end: Math.max(this.#inView.end, this.#inView.first + 1) };
    const held = anew ? pagesOf({ first: this.#held, end: this.#held + 1 }) : [];
    for (const offset of [...pagesOf(range), ...held]) {
      if (!this.#asked.has(offset)) {
        this.#asked.add(offset);
        void this.#load(offset, anew);
      }
    }
  }

  async #load(offset: number, anew: boolean): Promise<void> {
    const generation = this.#generation;
    try {
      const answer = await this.#search({ query: this.#query, portal: this.#portal, sorted_at: this.#sortedAt, offset, limit: PAGE });
      // A list that grows faster than answers come is drawn all the same.
      if (generation >= Math.max(this.#words, this.#answered)) {
        this.#answered = generation;
        this.#sortedAt = answer.sorted_at;
        this.#take(answer, anew);
      }
    } catch (thrown) {
      if (generation === this.#generation) {
        this.#asked.delete(offset);
        this.#onProblem(asProblem(thrown));
      }
    }
  }

  #take(answer: SearchAnswer, anew: boolean): void {
    const kept = [...this.#pages].filter(([offset]) => !anew || this.#asked.has(offset));
    const same = JSON.stringify(this.#pages.get(answer.offset)) === JSON.stringify(answer.rows);
    // Rows that say what they said are not drawn anew.
    if (!same || kept.length !== this.#pages.size) {
      this.#pages = new Map([...kept, [answer.offset, answer.rows]]);
    }
    this.total = answer.total;
    this.loaded = true;
  }
}
