// Rules of the source that no compiler holds.
import { expect, test } from 'vitest';

const SOURCES = Object.entries({
  ...import.meta.glob<string>('./**/*.{svelte,ts,css}', { query: '?raw', import: 'default', eager: true }),
  ...import.meta.glob<string>('../index.html', { query: '?raw', import: 'default', eager: true }),
}).filter(([path]) => !path.endsWith('.test.ts'));

function offenders(pattern: RegExp, among: RegExp = /./): string[] {
  return SOURCES.filter(([path, text]) => among.test(path) && pattern.test(text)).map(([path]) => path);
}

test('the sources are found', () => {
  expect(SOURCES.length).toBeGreaterThan(25);
});

test('i2_no_raw_html', () => {
  expect(offenders(/\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment/)).toEqual([]);
});

test('w1_nothing_that_the_content_security_policy_forbids', () => {
  expect(offenders(/\sstyle=|<style>[^]*@import|\son[a-z]+="/, /svelte$|html$/)).toEqual([]);
  expect(offenders(/\beval\(|new Function\(|javascript:/)).toEqual([]);
});

test('w4_nothing_remote', () => {
  const addresses = SOURCES.flatMap(([, text]) => text.match(/https?:\/\/[\w.-]+/g) ?? []);
  const known = /^https?:\/\/(www\.w3\.org|acme\.awsapps\.com|\$)/;
  expect(addresses.filter((address) => !known.test(address))).toEqual([]);
});

test('only one file speaks to Tauri, and nobody asks for the web', () => {
  expect(offenders(/@tauri-apps/)).toEqual(['./host/tauri.ts']);
  expect(offenders(/\bfetch\(|XMLHttpRequest|WebSocket|localStorage|sessionStorage|indexedDB/)).toEqual([]);
});

test('every file opens with what it is, in good form and length', () => {
  for (const [path, text] of SOURCES) {
    if (!path.endsWith('.html')) {
      expect(text, path).toMatch(/^(\/\/|<!--|\/\*) \S/);
    }
    expect(text, path).not.toMatch(/[ \t]+$|\t|\r/m);
    expect(text.endsWith('\n'), path).toBe(true);
    // One is generated, and as long as what it is made from.
    if (path !== './contract.ts') {
      expect(text.split('\n').length, path).toBeLessThan(400);
    }
  }
});
