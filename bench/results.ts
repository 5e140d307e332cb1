import type { Findings, Mode } from './mode.ts';
import { table } from './mode.ts';
import { editResults, withSection } from './results-page.ts';

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
  const section = [`### ${title}`, '', how, '', ...findings.lines, '', ...goalsOf(findings)];
  editResults((page) => withSection(page, `bench:${name}`, section));
}

function goalsOf({ goals }: Findings): readonly string[] {
  return table(
    ['goal', 'measured', 'holds'],
    goals.map(({ claim, figure, isHeld }) => [claim, figure, isHeld ? 'yes' : '**no**']),
  );
}
