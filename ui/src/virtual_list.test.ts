// The arithmetic of the list.
import { expect, test } from 'vitest';

import { roleRow } from './test_host';
import { accountRuns, pagesOf, scrollToShow, visibleRange } from './virtual_list';

const VIEWPORT = { scrollTop: 0, height: 400, rowHeight: 40 };

test.each([
  [0, 1000, { first: 0, end: 12 }],
  [4000, 1000, { first: 98, end: 112 }],
  [39_600, 1000, { first: 988, end: 1000 }],
  [39_600, 5, { first: 5, end: 5 }],
  [0, 0, { first: 0, end: 0 }],
])('scrolled to %i of %i rows, the range is %o', (scrollTop, total, range) => {
  expect(visibleRange({ ...VIEWPORT, scrollTop }, total, 2)).toEqual(range);
});

test('scrolling moves no further than needed to show a row', () => {
  expect(scrollToShow({ ...VIEWPORT, scrollTop: 80 }, 1)).toBe(40);
  expect(scrollToShow({ ...VIEWPORT, scrollTop: 80 }, 5)).toBe(80);
  expect(scrollToShow({ ...VIEWPORT, scrollTop: 80 }, 12)).toBe(120);
});

test('pages are those that hold the range', () => {
  expect(pagesOf({ first: 0, end: 12 })).toEqual([0]);
  expect(pagesOf({ first: 98, end: 112 })).toEqual([0, 100]);
  expect(pagesOf({ first: 250, end: 250 })).toEqual([200]);
  expect(pagesOf({ first: 200, end: 200 })).toEqual([]);
});

test('neighbours of one account are one run, and the same account later is another', () => {
  const rows = [roleRow('dev', 'A'), roleRow('dev', 'B'), roleRow('prod', 'A'), roleRow('dev', 'C')];
  const runs = accountRuns({ first: 0, end: 5 }, (index) => rows[index]);
  expect(runs.map((run) => run.rows.map(({ index }) => index))).toEqual([[0, 1], [2], [3], [4]]);
  expect(new Set(runs.map((run) => run.key)).size).toBe(runs.length);
});
