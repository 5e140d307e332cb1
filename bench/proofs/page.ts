import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Distribution } from '../../src/simulator/run/statistics.ts';
import { ROOT } from '../host.ts';

export const SEED = 20_261_121;

/** The commit that is checked out, short. */
export function commitOf(): string {
  return git('rev-parse', '--short', 'HEAD');
}

/** What a proof runs. */
const CODE = ['src', 'bench', 'test', 'tools', 'agents', 'package-lock.json'] as const;

/** Names the committed code, whatever was written about it since; undefined while there are changes to it. */
export function codeOf(): string | undefined {
  if (git('status', '--porcelain', '--', ...CODE) !== '') return undefined;
  return createHash('sha256')
    .update(git('rev-parse', ...CODE.map((path) => `HEAD:${path}`)))
    .digest('hex');
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}

/** The page with these lines between a section's markers. */
export function between(page: string, name: string, lines: readonly string[]): string {
  const { begin, end } = markersOf(page, name);
  return [page.slice(0, begin), ...lines, page.slice(end)].join('\n');
}

/** The page with this row in the table between a section's markers: in the place of one that begins alike, else last. */
export function withRow(page: string, name: string, row: string): string {
  const { begin, end } = markersOf(page, name);
  const lines = page.slice(begin, end).split('\n').slice(1, -1);
  const [first = ''] = row.split(' | ');
  const at = lines.findIndex((line) => line.startsWith(`${first} |`));
  return between(page, name, at < 0 ? [...lines, row] : lines.with(at, row));
}

/** Where what is between them begins and ends, without their line breaks. */
function markersOf(page: string, name: string): { readonly begin: number; readonly end: number } {
  const [opening, closing] = [`<!-- ${name}:begin, written by npm run prove -->`, `<!-- ${name}:end -->`];
  const [from, end] = [page.indexOf(opening), page.indexOf(closing)];
  if (from < 0 || end < 0) throw new Error(`expected ${opening} and ${closing} in docs/results.md`);
  return { begin: from + opening.length, end };
}

/** p50 / p95 / p99 in whole milliseconds. */
export function times(distribution: Distribution): string {
  if (!('p50' in distribution)) return '–';
  return [distribution.p50, distribution.p95, distribution.p99].map((ms) => Math.round(ms)).join(' / ');
}
