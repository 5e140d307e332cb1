import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './host.ts';
import type { Findings, Mode } from './mode.ts';
import { table } from './mode.ts';

const RESULTS = join(ROOT, 'docs', 'results.md');

/** What a mode found, for a terminal. */
export function printFindings({ title }: Mode, findings: Findings): string {
  return ['', `### ${title}`, '', ...findings.lines, '', ...goalsOf(findings), ''].join('\n');
}

/**
 * Puts a mode's findings in their place in docs/results.md, between its own markers, so that a mode can be run alone.
 *
 * @param how the machine, the versions, the seed and the command
 */
export function writeFindings({ name, title }: Mode, findings: Findings, how: string): void {
  const [begin, end] = [`<!-- bench:${name}:begin -->`, `<!-- bench:${name}:end -->`];
  const section = [begin, `### ${title}`, '', how, '', ...findings.lines, '', ...goalsOf(findings), end].join('\n');
  const page = readFileSync(RESULTS, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`expected ${begin} and ${end} in docs/results.md`);
  writeFileSync(RESULTS, page.slice(0, from) + section + page.slice(to + end.length));
}

function goalsOf({ goals }: Findings): readonly string[] {
  return table(
    ['goal', 'measured', 'holds'],
    goals.map(({ claim, figure, isHeld }) => [claim, figure, isHeld ? 'yes' : '**no**']),
  );
}
