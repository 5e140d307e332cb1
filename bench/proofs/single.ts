import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import frontDesk from '../../agents/front-desk.ts';
import { linesThatApologise } from '../../src/cli/agent-lines.ts';
import { jsonReport } from '../../src/simulator/run/render-report.ts';
import { type SimulationOptions, simulate } from '../../src/simulator/run/simulate.ts';
import { startModelStub } from '../../src/simulator/stubs/model-stub.ts';
import type { StubShare } from '../../src/simulator/stubs/stub-behaviour.ts';
import { DEFAULT_SWITCHES, type Switches } from '../../src/simulator/switches.ts';
import { startHouse } from '../../test/calls/house.ts';
import { checkedOutCommit, ROOT } from '../host.ts';
import { withSection } from '../results-page.ts';
import { type Proof, type Proven, times } from './proof.ts';
import { SEED } from './provenance.ts';

interface Part {
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

const PARTS: readonly Part[] = [
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

/** One server process, in quiet and in trouble: each part is a whole simulation of fifty calls. */
export const SINGLE: Proof = {
  name: 'single',
  withinMs: 30 * 60_000,
  async run(signal, tell): Promise<Proven> {
    const rows: string[] = [];
    const failures: string[] = [];
    for (const part of PARTS) {
      const { row, failed } = await prove(part, signal);
      rows.push(row);
      failures.push(...failed);
      tell(row);
    }
    return { failures, writeInto: (page) => withSection(page, 'prove', section(rows)) };
  },
};

async function prove(
  part: Part,
  signal: AbortSignal,
): Promise<{ readonly row: string; readonly failed: readonly string[] }> {
  const stub =
    part.model &&
    (await startModelStub({
      seed: SEED,
      shares: part.model,
      otherwise: { kind: 'ok', firstTokenMs: 200, tokenMs: 15 },
    }));
  const house = await startHouse({
    cwd: ROOT,
    env: {
      OFFHOOK_MAX_CALLS: String(part.maxCalls),
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
        switches: { ...DEFAULT_SWITCHES, ...part.switches },
        ...part.run,
      },
      AbortSignal.any([signal, AbortSignal.timeout(300_000)]),
    );
    const judged = jsonReport(report, { expectRefused: part.expectRefused });
    const failed = judged.verdicts
      .filter(({ isPassed }) => !isPassed)
      .map(({ claim, figure }) => `${part.name}: ${claim}: ${figure}`);
    const evidence = judged.isPassed ? [] : [JSON.stringify(judged.breaches), house.output().slice(-2_000)];
    return { row: rowOf(part.name, judged), failed: [...failed, ...evidence] };
  } finally {
    await house.close();
    await stub?.close();
  }
}

function rowOf(name: string, report: ReturnType<typeof jsonReport>): string {
  const { turns, refused, deadAir, breaches, redials } = report;
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

function section(rows: readonly string[]): readonly string[] {
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`;
  return [
    `Commit ${checkedOutCommit()}, seed ${SEED}, ${machine}; server and simulator on the same machine. 50 calls of 10 turns, all at once.`,
    '',
    '| | verdicts | turns / lost | dead air | breaches | first sentence p50 / p95 / p99 ms | answer p50 / p95 / p99 ms | fillers | redials | refused |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ];
}
