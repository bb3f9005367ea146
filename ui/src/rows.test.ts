// Rows come a page at a time, and an old answer never replaces a newer one.
import { expect, test, vi } from 'vitest';

import type { SearchAnswer, SearchRequest } from './contract';
import { RowSource } from './rows.svelte';
import { roleRow } from './test_host';

interface Asked {
  request: SearchRequest;
  answer: (answer: SearchAnswer) => void;
  fail: (thrown: unknown) => void;
}

function source(pauseMs = 0) {
  const asked: Asked[] = [];
  const problems: string[] = [];
  const rows = new RowSource(
    (request) => new Promise((answer, fail) => asked.push({ request, answer, fail })),
    (problem) => problems.push(problem.what_happened),
    pauseMs,
  );
  return { asked, problems, rows };
}

function page(request: SearchRequest, name: string, total: number): SearchAnswer {
  const length = Math.max(0, Math.min(request.limit, total - request.offset));
  const rows = Array.from({ length }, (_, nth) => roleRow(name, `Set${request.offset + nth}`));
  return { total, offset: request.offset, catalogue_revision: 1, sorted_at: request.sorted_at ?? 7, rows };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test('only pages in view are asked for, each once', async () => {
  const { asked, rows } = source();
  rows.find('', null);
  asked[0]?.answer(page(asked[0].request, 'dev', 1000));
  await settled();
  rows.show({ first: 0, end: 20 });
  rows.show({ first: 290, end: 310 });
  rows.show({ first: 292, end: 312 });
  expect(asked.map(({ request }) => request.offset)).toEqual([0, 200, 300]);
  expect(asked.every(({ request }) => request.limit === 100)).toBe(true);
  expect(rows.total).toBe(1000);
  expect(rows.row(299)).toBeUndefined();
  asked[1]?.answer(page(asked[1].request, 'dev', 1000));
  await settled();
  expect(rows.row(299)?.role.permission_set).toBe('Set299');
});

test('the answer to an older query is dropped', async () => {
  const { asked, rows } = source();
  rows.find('a', null);
  rows.find('ab', null);
  asked[1]?.answer(page(asked[1].request, 'newer', 3));
  await settled();
  asked[0]?.answer(page(asked[0].request, 'older', 9));
  await settled();
  expect(rows.total).toBe(3);
  expect(rows.row(0)?.account_name).toBe('newer');
});

test('a list that changes faster than answers come is shown as far as it has come', async () => {
  const { asked, rows } = source();
  for (let change = 0; change < 3; change += 1) {
    rows.find('', null);
  }
  asked[0]?.answer(page(asked[0].request, 'first', 1));
  await settled();
  expect(rows.loaded).toBe(true);
  expect(rows.row(0)?.account_name).toBe('first');
  asked[2]?.answer(page(asked[2].request, 'third', 3));
  await settled();
  asked[1]?.answer(page(asked[1].request, 'second', 2));
  await settled();
  expect([rows.total, rows.row(0)?.account_name]).toEqual([3, 'third']);
});

test('what is on the screen stays until the new answer is there', async () => {
  const { asked, rows } = source();
  rows.find('', null);
  asked[0]?.answer(page(asked[0].request, 'old', 2));
  await settled();
  rows.find('x', null);
  expect(rows.row(0)?.account_name).toBe('old');
  asked[1]?.answer(page(asked[1].request, 'new', 1));
  await settled();
  expect(rows.row(0)?.account_name).toBe('new');
  expect(rows.row(1)).toBeUndefined();
});

test('a list keeps the order that it had first, until there are other words or it is shown anew', async () => {
  const { asked, rows } = source();
  const answerLast = async () => {
    const last = asked.at(-1);
    last?.answer(page(last.request, 'dev', 1000));
    await settled();
  };
  const sortedAt = () => asked.at(-1)?.request.sorted_at;
  rows.find('', null);
  expect(sortedAt()).toBeNull();
  await answerLast();
  rows.show({ first: 290, end: 299 });
  expect(sortedAt()).toBe(7);
  await answerLast();
  rows.find('', null);
  expect(sortedAt()).toBe(7);
  await answerLast();
  rows.find('x', null);
  expect(sortedAt()).toBeNull();
  await answerLast();
  const searches = rows.searches;
  rows.forget();
  rows.find('x', null);
  expect(sortedAt()).toBeNull();
  expect(rows.searches).toBe(searches + 1);
});

test('a list that changes all the time is searched at once, then once in a while, and in the end as it is last', async () => {
  vi.useFakeTimers();
  const { asked, rows } = source(400);
  rows.find('', null);
  for (let change = 0; change < 30; change += 1) {
    await vi.advanceTimersByTimeAsync(100);
    rows.find('', null);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked.length).toBeLessThan(10);
  expect(asked.length).toBeGreaterThan(7);
  rows.find('other words', null);
  rows.find('others still', null);
  expect(asked.at(-1)?.request.query).toBe('others still');
  vi.useRealTimers();
});

test('rows that say what they said before are not drawn anew', async () => {
  const { asked, rows } = source();
  rows.find('', null);
  asked[0]?.answer(page(asked[0].request, 'dev', 3));
  await settled();
  const drawn = rows.row(0);
  rows.find('', null);
  asked[1]?.answer(page(asked[1].request, 'dev', 3));
  await settled();
  expect(rows.row(0)).toBe(drawn);
});

test('a search that failed says so and may be tried again', async () => {
  const { asked, problems, rows } = source();
  rows.find('', null);
  asked[0]?.fail({ code: 'no_agent', what_happened: 'Portray is not running.', what_to_do: 'Start it.' });
  await settled();
  expect(problems).toEqual(['Portray is not running.']);
  expect(rows.loaded).toBe(false);
  rows.find('', null);
  expect(asked.length).toBe(2);
});
