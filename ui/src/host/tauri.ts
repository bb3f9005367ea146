// The host inside the application: four commands and one event.
import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';

import type { Answer, ProblemView, Request, SearchAnswer, SearchRequest, Snapshot } from '../contract';
import { asProblem, type Host } from './host';

export class TauriHost implements Host {
  snapshot(onSnapshot: (snapshot: Snapshot) => void, onProblem: (problem: ProblemView) => void): () => void {
    let stopped = false;
    let changed = false;
    const listening = listen<Snapshot>('snapshot', (event) => {
      changed = true;
      if (!stopped) {
        onSnapshot(event.payload);
      }
    });
    // The first state is asked for only once changes can no longer be missed, and is dropped if one came meanwhile.
    void listening
      .then(() => invoke<Snapshot>('snapshot'))
      .then((first) => {
        if (!stopped && !changed) {
          onSnapshot(first);
        }
      })
      .catch((thrown: unknown) => onProblem(asProblem(thrown)));
    return () => {
      stopped = true;
      void listening.then((unlisten) => unlisten()).catch(() => undefined);
    };
  }

  search(request: SearchRequest): Promise<SearchAnswer> {
    return invoke('search', { request });
  }

  ask(request: Request): Promise<Answer> {
    return invoke('ask', { request });
  }

  hideWindow(): Promise<void> {
    return invoke('hide_window');
  }
}
