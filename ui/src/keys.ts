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
}

export interface Situation {
  mac: boolean;
  query: string;
  selected: number;
  total: number;
  /** How many rows the viewport holds. */
  page: number;
}

export function keyAction(press: Press, situation: Situation): KeyAction | null {
  if (press.altKey) {
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
  if (key === 'd') {
    return { does: 'favourite' };
  }
  if (key === 'k') {
    return { does: 'actions' };
  }
  const nth = /^[1-9]$/.test(key) ? Number(key) - 1 : situation.total;
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
    return { does: 'open', index: situation.selected };
  }
  const target = moved(key, situation);
  return target === null
    ? null
    : { does: 'select', index: Math.max(0, Math.min(situation.total - 1, target)) };
}

function moved(key: string, { selected, page, total }: Situation): number | null {
  switch (key) {
    case 'ArrowDown':
      return selected + 1;
    case 'ArrowUp':
      return selected - 1;
    case 'PageDown':
      return selected + Math.max(1, page - 1);
    case 'PageUp':
      return selected - Math.max(1, page - 1);
    case 'Home':
      return 0;
    case 'End':
      return total - 1;
    default:
      return null;
  }
}
