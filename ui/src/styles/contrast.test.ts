// Text and marks can be read: WCAG AA in both themes.
import { expect, test } from 'vitest';

import tokens from './tokens.css?raw';

const TEXT: [text: string, ground: string][] = [
  ...['ground', 'surface', 'raised', 'hover', 'selected'].flatMap((ground): [string, string][] => [
    ['text', ground],
    ['text-quiet', ground],
    ['accent-text', ground],
  ]),
  ['on-accent', 'accent'],
  ['on-accent', 'accent-hover'],
  ['mark-text', 'mark'],
  ['text', 'warn-ground'],
  ['accent-text', 'warn-ground'],
  ...['added-ground', 'removed-ground'].flatMap((ground): [string, string][] => [['text', ground], ['text-quiet', ground]]),
  ['good', 'added-ground'],
  ['bad', 'removed-ground'],
];

/** Shapes and edges need 3 to 1. */
const SHAPES: [shape: string, ground: string][] = [
  ...['good', 'warn', 'bad'].flatMap((shape): [string, string][] => [[shape, 'surface'], [shape, 'selected'], [shape, 'ground']]),
  ['line-strong', 'surface'],
  ['line-strong', 'ground'],
  ['accent', 'surface'],
  ['accent', 'selected'],
];

const [light = '', dark = ''] = tokens.split('@media (prefers-color-scheme: dark)');

test.each([['light', light], ['dark', dark]])('%s', (_, theme) => {
  for (const [text, ground] of TEXT) {
    expect(contrast(theme, text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
  }
  for (const [shape, ground] of SHAPES) {
    expect(contrast(theme, shape, ground), `${shape} on ${ground}`).toBeGreaterThanOrEqual(3);
  }
});

function contrast(theme: string, one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(theme, one), luminance(theme, other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(theme: string, token: string): number {
  const colour = new RegExp(`--${token}: #([0-9a-f]{6});`).exec(theme)?.[1];
  if (!colour) {
    throw new Error(`no colour --${token}`);
  }
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const channel = parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
