// What a key means while the list is on the screen.

export type KeyAction =
  | { does: 'select'; index: number }
  | { does: 'open'; index: number }
  | { does: 'favourite' }
  | { does: 'actions' }
  | { does: 'sync' }
  | { does: 'clear' }
  | { does: 'hide' };

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  /** The key by its place: digits need Shift on some keyboards. */
  code: string;
  /** Inside an input method, where Enter ends a word. */
  isComposing: boolean;
}

export interface Situation {
  mac: boolean;
  query: string;
  /** Where the highlight is, or was. */
  place: number;
  /** Whether a row is highlighted. Where none is, nothing is done to any. */
  highlighted: boolean;
  total: number;
  /** How many rows the viewport holds. */
  page: number;
}

export function keyAction(press: Press, situation: Situation): KeyAction | null {
  if (press.altKey || press.isComposing) {
    return null;
  }
  const command = situation.mac ? press.metaKey : press.ctrlKey;
  if (command) {
    return commandAction(press, situation);
  }
  if (press.ctrlKey || press.metaKey || press.shiftKey) {
    return null;
  }
  return plainAction(press.key, situation);
}

function commandAction(press: Press, situation: Situation): KeyAction | null {
  if (press.shiftKey) {
    return null;
  }
  const key = press.key.toLowerCase();
  if (key === 'r') {
    return { does: 'sync' };
  }
  if (situation.total === 0) {
    return null;
  }
  if (key === 'd' || key === 'k') {
    return situation.highlighted ? { does: key === 'd' ? 'favourite' : 'actions' } : null;
  }
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(press.code)?.[1];
  const nth = Number(digit) - 1;
  return nth < situation.total ? { does: 'open', index: nth } : null;
}

function plainAction(key: string, situation: Situation): KeyAction | null {
  if (key === 'Escape') {
    return { does: situation.query === '' ? 'hide' : 'clear' };
  }
  if (situation.total === 0) {
    return null;
  }
  if (key === 'Enter') {
    return situation.highlighted ? { does: 'open', index: situation.place } : null;
  }
  const target = moved(key, situation);
  return target === null
    ? null
    : { does: 'select', index: Math.max(0, Math.min(situation.total - 1, target)) };
}

function moved(key: string, { place, page, total }: Situation): number | null {
  switch (key) {
    case 'ArrowDown':
      return place + 1;
    case 'ArrowUp':
      return place - 1;
    case 'PageDown':
      return place + Math.max(1, page - 1);
    case 'PageUp':
      return place - Math.max(1, page - 1);
    case 'Home':
      return 0;
    case 'End':
      return total - 1;
    default:
      return null;
  }
}
