import { RULES } from '../monitor/rules.ts';
import { DEFAULT_SWITCHES } from '../switches.ts';
import type { SimulationReport } from './report.ts';
import { type Distribution, percent } from './statistics.ts';
import { type Expectations, type Verdict, verdicts } from './verdicts.ts';

/** The report for people, verdicts first. Ends with a line break. */
export function renderReport(report: SimulationReport, expectations: Expectations = {}): string {
  const { calls, refused, turns, redials, webhooks } = report;
  const lines = [
    ' VERDICTS',
    ...verdictLines(report, expectations),
    ...breachLines(report),
    row(
      'CALLS',
      `${calls.wanted} wanted · ${calls.finished} finished · ${calls.dropped} dropped · ${calls.unreached} unreached · peak ${calls.peak} at once`,
    ),
    row('', `ended by ${tallyOf(calls.endings)}`),
    row(
      'TURNS',
      `${turns.count} asked · ${turns.answered} answered · ${turns.superseded} superseded · ${turns.abandoned} abandoned · ${turns.lost} lost · ${turns.reminders} reminders${turns.apologies === undefined ? '' : ` · ${turns.apologies} apologies`}`,
    ),
    row('', `first sentence  ${figures(turns.firstSentenceMs)}`),
    row('', `answer          ${figures(turns.answerMs)}`),
    row(
      '',
      `over 500 ms ${percent(turns.slowRatio)} · with a filler ${percent(turns.fillerRatio)} · ${turns.toolCalls} tool calls`,
    ),
    ...(refused.count > 0
      ? [
          row('REFUSED', `${refused.count} · ${tallyOf(refused.actions)}`),
          row('', `busy line       ${figures(refused.busyLineMs)}`),
        ]
      : []),
    ...(redials.count > 0
      ? [row('REDIALS', `${redials.count} · first sentence after  ${figures(redials.resumedFirstSentenceMs)}`)]
      : []),
    ...(webhooks.sent > 0
      ? [
          row(
            'WEBHOOKS',
            `${webhooks.sent} sent · ${webhooks.repeated} repeated · ${webhooks.failed} failed · ack  ${figures(webhooks.ackMs)}`,
          ),
        ]
      : []),
    row('PONGS', `slowest ${Math.round(report.pongs.slowestMs)} ms`),
    row('MACHINE', `the simulator's own lag  ${figures(report.simulatorLagMs)}`),
    ...switchLines(report),
    row('SEED', `${report.seed} (run again with --seed ${report.seed}) · ${(report.durationMs / 1000).toFixed(1)} s`),
  ];
  return `${lines.join('\n')}\n`;
}

/** The report for machines: what was found, what was made of it. */
export function jsonReport(
  report: SimulationReport,
  expectations: Expectations = {},
): SimulationReport & { readonly isPassed: boolean; readonly verdicts: readonly Verdict[] } {
  const all = verdicts(report, expectations);
  return { ...report, isPassed: all.every(({ isPassed }) => isPassed), verdicts: all };
}

function verdictLines(report: SimulationReport, expectations: Expectations): readonly string[] {
  return verdicts(report, expectations).map(
    ({ claim, isPassed, figure }) => `  ${isPassed ? '✓' : '✗'} ${claim.padEnd(36)} ${figure}`,
  );
}

function breachLines(report: SimulationReport): readonly string[] {
  return report.breaches.flatMap(({ rule, count, examples }) => [
    row('BREACH', `${rule} × ${count}: ${RULES[rule]}`),
    ...examples.map(({ callId, detail }) => row('', `${callId}: ${detail}`)),
  ]);
}

/** Only what was moved: the defaults are no news. */
function switchLines(report: SimulationReport): readonly string[] {
  const defaults = new Map(Object.entries(DEFAULT_SWITCHES));
  const moved = Object.entries(report.switches).filter(([name, position]) => defaults.get(name) !== position);
  return moved.length === 0 ? [] : [row('SWITCHES', moved.map(([name, position]) => `${name}=${position}`).join(' '))];
}

function row(title: string, text: string): string {
  return ` ${title.padEnd(12)}${text}`;
}

function figures(distribution: Distribution): string {
  if (!('p50' in distribution)) return 'none';
  const { p50, p95, p99, max, count } = distribution;
  const ms = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toString());
  return `p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}  max ${ms(max)} ms  (n = ${count})`;
}

function tallyOf(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return entries.length === 0 ? 'nothing' : entries.map(([name, count]) => `${name} ${count}`).join(', ');
}
