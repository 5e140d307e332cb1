import type { SimulationReport } from '../../src/simulator/run/report.ts';
import { type Distribution, distributionOf } from '../../src/simulator/run/statistics.ts';
import type { Played } from '../../test/fleet/play.ts';
import type { Twins } from '../../test/fleet/twins.ts';
import { checkedOutCommit } from '../host.ts';
import { times } from './proof.ts';
import { SEED } from './provenance.ts';

/** One line of the table of fleets: figures over all rounds, times of the round in which they were worst. */
export function fleetRow(name: string, played: readonly Played[], failures: readonly string[]): string {
  const reports = played.flatMap(({ report, lateReport }) => (lateReport ? [report, lateReport] : [report]));
  const sum = (count: (report: SimulationReport) => number) => reports.reduce((all, one) => all + count(one), 0);
  const violations = played.flatMap((one) => one.violations);
  const twice = violations.filter(({ rule }) => rule === 'effect.twice').length;
  const failed = (kind: string) => failures.filter((failure) => failure.startsWith(`${kind}:`)).length;
  const effects = played.reduce((all, { history }) => all + history.effects.length, 0);
  return rowOf(name, failures, [
    sum(({ calls }) => calls.admitted),
    `${sum(({ turns }) => turns.count)} / ${failed('turn lost')}`,
    sum(({ calls }) => calls.dropped + calls.unreached),
    `${effects} / ${twice}`,
    failed('greeting.repeated'),
    sum(({ refused }) => refused.count),
    sum(({ redials }) => redials.count),
    times(worstOf(played.map(({ report }) => report.turns.firstSentenceMs))),
    times(worstOf(played.map(({ report }) => report.redials.resumedFirstSentenceMs))),
    failed('dead air'),
    played.reduce((all, { lostAsks }) => all + lostAsks, 0),
    violations.length,
  ]);
}

/** One line about calls with two sockets. */
export function twinsRow(name: string, calls: number, twins: Twins, failures: readonly string[]): string {
  const { fencedMs, unfenced, violations } = twins;
  return rowOf(name, failures, [calls, unfenced, times(distributionOf(fencedMs)), violations.length]);
}

function rowOf(name: string, failures: readonly string[], cells: readonly (string | number)[]): string {
  const verdict = failures.length === 0 ? 'pass' : '**fail**';
  return `| ${[name, verdict, ...cells, `${SEED}, ${checkedOutCommit()}`].join(' | ')} |`;
}

function worstOf(all: readonly Distribution[]): Distribution {
  return all.reduce((worst, one) => ('p99' in one && (!('p99' in worst) || one.p99 > worst.p99) ? one : worst), {
    count: 0,
  });
}
