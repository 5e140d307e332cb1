/**
 * The long proofs: plays whole simulations against a real server process, in quiet and in trouble, and writes what
 * came of them to docs/results.md. `npm run prove`; ends with 1 when a verdict fails.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import frontDesk from '../agents/front-desk.ts';
import { linesThatApologise } from '../src/cli/agent-lines.ts';
import { jsonReport } from '../src/simulator/run/render-report.ts';
import { type SimulationOptions, simulate } from '../src/simulator/run/simulate.ts';
import { startModelStub } from '../src/simulator/stubs/model-stub.ts';
import type { StubShare } from '../src/simulator/stubs/stub-behaviour.ts';
import { DEFAULT_SWITCHES, type Switches } from '../src/simulator/switches.ts';
import { startHouse } from '../test/calls/house.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RESULTS = join(ROOT, 'docs', 'results.md');
const SEED = 20_261_121;

interface Proof {
  readonly name: string;
  readonly maxCalls: number;
  readonly expectRefused: number;
  /** Undefined: the agent's script answers, as on a first start. */
  readonly model: readonly StubShare[] | undefined;
  readonly run?: Partial<SimulationOptions>;
  readonly switches?: Partial<Switches>;
}

const TROUBLE: readonly StubShare[] = [
  { ratio: 0.05, behaviour: { kind: 'refuse', status: 429, retryAfterSeconds: 2 } },
  { ratio: 0.05, behaviour: { kind: 'cut', afterTokens: 6 } },
];
const HANG: readonly StubShare[] = [{ ratio: 0.05, behaviour: { kind: 'hang', at: 'before_headers' } }];

const PROOFS: readonly Proof[] = [
  { name: 'scripted model', maxCalls: 60, expectRefused: 0, model: undefined },
  { name: 'model answers in 200 ms', maxCalls: 60, expectRefused: 0, model: [] },
  { name: 'model hangs in 5 % of requests', maxCalls: 60, expectRefused: 0, model: HANG },
  { name: '5 % 429, 5 % cut streams', maxCalls: 60, expectRefused: 0, model: TROUBLE },
  {
    name: 'one turn in ten loses its socket, asks reissued',
    maxCalls: 60,
    expectRefused: 0,
    model: [],
    run: { shares: { drop: 0.1 } },
    switches: { reissueAsk: 'yes' },
  },
  { name: 'fifty at once, ten slots', maxCalls: 10, expectRefused: 40, model: undefined },
];

const rows: string[] = [];
let hasFailed = false;
for (const proof of PROOFS) {
  const { row, isPassed } = await prove(proof);
  rows.push(row);
  hasFailed ||= !isPassed;
  console.log(row);
}
writeResults(rows);
process.exitCode = hasFailed ? 1 : 0;

async function prove(proof: Proof): Promise<{ readonly row: string; readonly isPassed: boolean }> {
  const stub =
    proof.model &&
    (await startModelStub({
      seed: SEED,
      shares: proof.model,
      otherwise: { kind: 'ok', firstTokenMs: 200, tokenMs: 15 },
    }));
  const house = await startHouse({
    cwd: ROOT,
    env: {
      OFFHOOK_MAX_CALLS: String(proof.maxCalls),
      OFFHOOK_LOG: 'error',
      ...(stub && { OPENAI_API_KEY: 'stub-key', OPENAI_BASE_URL: stub.url, OPENAI_MODEL: 'stub' }),
    },
  });
  try {
    const report = await simulate(
      {
        baseUrl: house.url,
        calls: 50,
        turns: 10,
        seed: SEED,
        webhookKey: readFileSync(join(house.dataDir, 'data', 'webhook-key'), 'utf8').trim(),
        fillers: frontDesk.safeRules.fillers.concat(frontDesk.safeRules.progress),
        apologies: linesThatApologise([frontDesk]),
        switches: { ...DEFAULT_SWITCHES, ...proof.switches },
        ...proof.run,
      },
      AbortSignal.timeout(300_000),
    );
    const judged = jsonReport(report, { expectRefused: proof.expectRefused });
    for (const { claim, figure } of judged.verdicts.filter(({ isPassed }) => !isPassed)) {
      console.error(`✗ ${proof.name}: ${claim}: ${figure}`);
    }
    if (!judged.isPassed) console.error(JSON.stringify(judged.breaches), house.output().slice(-2_000));
    return { row: rowOf(proof.name, judged), isPassed: judged.isPassed };
  } finally {
    await house.close();
    await stub?.close();
  }
}

function rowOf(name: string, report: ReturnType<typeof jsonReport>): string {
  const { turns, refused, deadAir, breaches, redials } = report;
  const times = (distribution: typeof turns.answerMs) =>
    'p50' in distribution
      ? [distribution.p50, distribution.p95, distribution.p99].map((ms) => Math.round(ms)).join(' / ')
      : '–';
  return `| ${[
    name,
    report.isPassed ? 'pass' : '**fail**',
    `${turns.count} / ${turns.lost}`,
    deadAir.count,
    breaches.reduce((sum, { count }) => sum + count, 0),
    times(turns.firstSentenceMs),
    times(turns.answerMs),
    `${(turns.fillerRatio * 100).toFixed(1)} %`,
    redials.count,
    refused.count === 0
      ? '0'
      : `${refused.count}, p99 ${'p99' in refused.busyLineMs ? Math.round(refused.busyLineMs.p99) : '–'} ms`,
  ].join(' | ')} |`;
}

function writeResults(results: readonly string[]): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`;
  const section = [
    '<!-- prove:begin, written by npm run prove -->',
    `Commit ${commit}, seed ${SEED}, ${machine}; server and simulator on the same machine. 50 calls of 10 turns, all at once.`,
    '',
    '| | verdicts | turns / lost | dead air | breaches | first sentence p50 / p95 / p99 ms | answer p50 / p95 / p99 ms | fillers | redials | refused |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...results,
    '<!-- prove:end -->',
  ].join('\n');
  const page = readFileSync(RESULTS, 'utf8');
  writeFileSync(RESULTS, page.replace(/<!-- prove:begin[\s\S]*prove:end -->/, section));
}
