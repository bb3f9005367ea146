// What each key means.
import { expect, test } from 'vitest';

import { keyAction, type Press, type Situation } from './keys';

const SITUATION: Situation = { mac: false, query: '', place: 5, highlighted: true, total: 30, page: 10 };

function press(key: string, held: Partial<Press> = {}): Press {
  return { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, code: '', isComposing: false, ...held };
}

test.each([
  ['ArrowDown', 6],
  ['ArrowUp', 4],
  ['PageDown', 14],
  ['PageUp', 0],
  ['Home', 0],
  ['End', 29],
])('%s goes to row %i', (key, index) => {
  expect(keyAction(press(key), SITUATION)).toEqual({ does: 'select', index });
});

test('the ends of the list hold', () => {
  expect(keyAction(press('ArrowUp'), { ...SITUATION, place: 0 })).toEqual({ does: 'select', index: 0 });
  expect(keyAction(press('ArrowDown'), { ...SITUATION, place: 29 })).toEqual({ does: 'select', index: 29 });
});

test('Enter opens the console of the selected row, command and a digit that of the n-th', () => {
  expect(keyAction(press('Enter'), SITUATION)).toEqual({ does: 'open', index: 5 });
  expect(keyAction(press('3', { ctrlKey: true, code: 'Digit3' }), SITUATION)).toEqual({ does: 'open', index: 2 });
  expect(keyAction(press('9', { ctrlKey: true, code: 'Digit9' }), { ...SITUATION, total: 4 })).toBeNull();
});

test('where no row is highlighted, keys move and do nothing to a role', () => {
  const nowhere = { ...SITUATION, highlighted: false };
  for (const pressed of [press('Enter'), press('d', { ctrlKey: true }), press('k', { ctrlKey: true })]) {
    expect(keyAction(pressed, nowhere)).toBeNull();
  }
  expect(keyAction(press('ArrowDown'), nowhere)).toEqual({ does: 'select', index: 6 });
});

test('Escape clears, then hides', () => {
  expect(keyAction(press('Escape'), { ...SITUATION, query: 'prod' })).toEqual({ does: 'clear' });
  expect(keyAction(press('Escape'), SITUATION)).toEqual({ does: 'hide' });
});

test('the command key is Cmd on a Mac and Ctrl elsewhere', () => {
  expect(keyAction(press('d', { ctrlKey: true }), SITUATION)).toEqual({ does: 'favourite' });
  expect(keyAction(press('d', { metaKey: true }), SITUATION)).toBeNull();
  expect(keyAction(press('k', { metaKey: true }), { ...SITUATION, mac: true })).toEqual({ does: 'actions' });
  expect(keyAction(press('k', { ctrlKey: true }), { ...SITUATION, mac: true })).toBeNull();
});

test('an empty list still syncs and hides, and opens nothing', () => {
  const empty = { ...SITUATION, total: 0, place: 0 };
  expect(keyAction(press('r', { ctrlKey: true }), empty)).toEqual({ does: 'sync' });
  expect(keyAction(press('Enter'), empty)).toBeNull();
  expect(keyAction(press('ArrowDown'), empty)).toBeNull();
  expect(keyAction(press('d', { ctrlKey: true }), empty)).toBeNull();
});

test('digits count by their place, which some keyboards give another sign', () => {
  expect(keyAction(press('"', { ctrlKey: true, code: 'Digit3' }), SITUATION)).toEqual({ does: 'open', index: 2 });
  expect(keyAction(press('x', { ctrlKey: true, code: 'KeyX' }), SITUATION)).toBeNull();
});

test('Enter inside an input method ends a word and opens nothing', () => {
  expect(keyAction(press('Enter', { isComposing: true }), SITUATION)).toBeNull();
});

test('typing stays typing', () => {
  for (const key of ['a', 'D', '1', ' ', 'Backspace', 'ArrowLeft']) {
    expect(keyAction(press(key), SITUATION)).toBeNull();
  }
  expect(keyAction(press('End', { shiftKey: true }), SITUATION)).toBeNull();
  expect(keyAction(press('@', { ctrlKey: true, altKey: true }), SITUATION)).toBeNull();
});
