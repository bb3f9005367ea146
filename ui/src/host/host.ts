// The one interface between the window and whoever holds the state.
import type { Answer, ProblemView, Request, SearchAnswer, SearchRequest, Snapshot } from '../contract';

export interface Host {
  /** Calls back with the state as it is and with every change; the function returned stops that. */
  snapshot(onSnapshot: (snapshot: Snapshot) => void, onProblem: (problem: ProblemView) => void): () => void;
  search(request: SearchRequest): Promise<SearchAnswer>;
  /** Rejects with a ProblemView. */
  ask(request: Request): Promise<Answer>;
  hideWindow(): Promise<void>;
}

/** Whatever was thrown, in words. */
export function asProblem(thrown: unknown): ProblemView {
  if (isProblem(thrown)) {
    return thrown;
  }
  return {
    code: 'failed',
    what_happened: `The window could not reach Portray: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    what_to_do: 'Close the window and open it again.',
  };
}

function isProblem(thrown: unknown): thrown is ProblemView {
  return typeof thrown === 'object' && thrown !== null && 'what_happened' in thrown && 'what_to_do' in thrown;
}
