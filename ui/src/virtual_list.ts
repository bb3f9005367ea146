// Arithmetic of a list that draws only what is seen, and loads only what it draws.
import type { RoleRow } from './contract';

/** A half-open range of rows. */
export interface Range {
  first: number;
  end: number;
}

export interface Viewport {
  scrollTop: number;
  height: number;
  rowHeight: number;
}

/** Rows of one account that stand together. */
export interface AccountRun {
  key: string;
  rows: { index: number; row: RoleRow | undefined }[];
}

export const PAGE = 100;

/** The rows to draw: those in the viewport and some before and after. */
export function visibleRange(viewport: Viewport, total: number, overscan: number): Range {
  const first = Math.floor(viewport.scrollTop / viewport.rowHeight) - overscan;
  const end = Math.ceil((viewport.scrollTop + viewport.height) / viewport.rowHeight) + overscan;
  const last = Math.min(total, Math.max(0, end));
  return { first: Math.max(0, Math.min(first, last)), end: last };
}

/** The scroll position nearest to the present one that shows the whole row. */
export function scrollToShow(viewport: Viewport, index: number): number {
  const top = index * viewport.rowHeight;
  if (top < viewport.scrollTop) {
    return top;
  }
  return Math.max(viewport.scrollTop, top + viewport.rowHeight - viewport.height);
}

/** Offsets of the pages that hold the range. */
export function pagesOf(range: Range): number[] {
  const offsets: number[] = [];
  for (let offset = range.first - (range.first % PAGE); offset < range.end; offset += PAGE) {
    offsets.push(offset);
  }
  return offsets;
}

/** Neighbouring rows of the same account as one run, so that its name is drawn once. */
export function accountRuns(range: Range, rowAt: (index: number) => RoleRow | undefined): AccountRun[] {
  const runs: AccountRun[] = [];
  const seen = new Map<string, number>();
  let lastAccount: string | undefined;
  for (let index = range.first; index < range.end; index += 1) {
    const row = rowAt(index);
    const account = row ? `${row.role.portal}/${row.role.account}` : '';
    const last = runs.at(-1);
    if (last && account === lastAccount) {
      last.rows.push({ index, row });
      continue;
    }
    const nth = seen.get(account) ?? 0;
    seen.set(account, nth + 1);
    runs.push({ key: `${account}#${nth}`, rows: [{ index, row }] });
    lastAccount = account;
  }
  return runs;
}
