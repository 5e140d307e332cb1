import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './host.ts';

const RESULTS = join(ROOT, 'docs', 'results.md');

/** Writes docs/results.md anew from what it holds: sections between markers, so that each can be measured alone. */
export function editResults(edit: (page: string) => string): void {
  writeFileSync(RESULTS, edit(readFileSync(RESULTS, 'utf8')));
}

/** The page with these lines between a section's markers. */
export function withSection(page: string, name: string, lines: readonly string[]): string {
  const { begin, end } = markersOf(page, name);
  return [page.slice(0, begin), ...lines, page.slice(end)].join('\n');
}

/** The page with this row in the table between a section's markers: in the place of one that begins alike, else last. */
export function withRow(page: string, name: string, row: string): string {
  const { begin, end } = markersOf(page, name);
  const lines = page.slice(begin, end).split('\n').slice(1, -1);
  const [first = ''] = row.split(' | ');
  const at = lines.findIndex((line) => line.startsWith(`${first} |`));
  return withSection(page, name, at < 0 ? [...lines, row] : lines.with(at, row));
}

/** Where the text between the two begins and ends: it begins and ends with a line break. */
function markersOf(page: string, name: string): { readonly begin: number; readonly end: number } {
  const [opening, closing] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [from, end] = [page.indexOf(opening), page.indexOf(closing)];
  if (from < 0 || end < 0) throw new Error(`expected ${opening} and ${closing} in docs/results.md`);
  return { begin: from + opening.length, end };
}
