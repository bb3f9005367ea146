// Matched letters.
import { expect, test } from 'vitest';

import { pieces } from './marks';

test('runs of matched letters are one piece', () => {
  expect(pieces('acme-prod', [0, 1, 5, 6, 7, 8])).toEqual([
    { text: 'ac', matched: true },
    { text: 'me-', matched: false },
    { text: 'prod', matched: true },
  ]);
});

test('indexes count characters, not halves of them', () => {
  expect(pieces('🚪prod', [1])).toEqual([
    { text: '🚪', matched: false },
    { text: 'p', matched: true },
    { text: 'rod', matched: false },
  ]);
});

test('nothing is lost, whatever the indexes are', () => {
  for (const matches of [[], [99], [0, 0, 3], [2, 1, 0]]) {
    expect(pieces('<b>x', matches).map((piece) => piece.text).join('')).toBe('<b>x');
  }
});
