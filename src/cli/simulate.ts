import { jsonReport, renderReport } from '../simulator/run/render-report.ts';
import { simulate as run } from '../simulator/run/simulate.ts';
import { DEFAULT_SWITCHES, moveSwitch } from '../simulator/switches.ts';
import { systemClock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { loadAgents } from '../variants/config.ts';
import { linesThatApologise, linesThatBuyTime } from './agent-lines.ts';
import { EXAMPLE_AGENT } from './example-agent.ts';
import { EXIT } from './exit-codes.ts';
import { findServer, type ServerFlags } from './find-server.ts';
import { showProgress } from './progress.ts';
import type { Surroundings } from './surroundings.ts';

export interface SimulateFlags extends ServerFlags {
  readonly calls: number;
  readonly turns: number;
  readonly seed?: number;
  readonly speechRate?: number;
  readonly bargeIn?: number;
  readonly reAsk?: number;
  readonly reminder?: number;
  readonly drop?: number;
  readonly gap?: number;
  readonly revisions?: number;
  readonly pauses?: number;
  readonly arrivals?: number;
  readonly agentId?: string;
  readonly switch: readonly string[];
  readonly filler: readonly string[];
  readonly apology: readonly string[];
  readonly expectRefused?: number;
  readonly expectAnswerP95?: number;
  readonly maxApologies?: number;
  readonly json?: boolean;
}

/** `offhook simulate`: many callers at once, then verdicts. Ends with 1 when one of them fails. */
export async function simulate(flags: SimulateFlags, around: Surroundings): Promise<number> {
  const { terminal } = around;
  const switches = flags.switch.reduce(moveSwitch, DEFAULT_SWITCHES);
  const interrupted = new AbortController();
  const stopListening = terminal.onInterrupt(() =>
    interrupted.abort(new Fault('cancelled', 'cli.interrupted', 'expected to finish, was interrupted')),
  );
  const progress = showProgress(terminal, systemClock);
  try {
    const { target, webhookKey } = await findServer(flags, around, interrupted.signal);
    const agents = await loadAgents(around.env, around.cwd, EXAMPLE_AGENT);
    const fillers = flags.filler.length > 0 ? flags.filler : linesThatBuyTime(agents);
    const apologies = flags.apology.length > 0 ? flags.apology : linesThatApologise(agents);
    const agentId = flags.agentId ?? agents[0]?.retellAgentIds[0];
    const report = await run(
      {
        ...target,
        ...chosen(flags),
        switches,
        fillers,
        apologies,
        ...(webhookKey !== undefined && { webhookKey }),
        ...(agentId !== undefined && { agentId }),
      },
      interrupted.signal,
      ({ calls, callsDone, turns, answerP95Ms }) => {
        const p95 = answerP95Ms === undefined ? '' : ` · answer p95 ${Math.round(answerP95Ms)} ms`;
        progress.show(`${callsDone}/${calls} calls · ${turns} turns${p95}`);
      },
    );
    progress.clear();
    const expectations = expected(flags);
    const judged = jsonReport(report, expectations);
    terminal.out(flags.json ? JSON.stringify(judged) : coloured(renderReport(report, expectations), terminal.paint));
    if (interrupted.signal.aborted) return EXIT.interrupted;
    return judged.isPassed ? EXIT.done : EXIT.failed;
  } finally {
    progress.clear();
    stopListening();
  }
}

function chosen(flags: SimulateFlags) {
  const { calls, turns, seed, speechRate, arrivals, bargeIn, reAsk, reminder, drop } = flags;
  const { gap, revisions, pauses } = flags;
  return {
    calls,
    turns,
    ...(seed !== undefined && { seed }),
    ...(speechRate !== undefined && { speechRate }),
    ...(arrivals !== undefined && { arrivalsPerSecond: arrivals }),
    shares: {
      ...(bargeIn !== undefined && { bargeIn }),
      ...(reAsk !== undefined && { reask: reAsk }),
      ...(reminder !== undefined && { reminder }),
      ...(drop !== undefined && { drop }),
    },
    hearing: {
      ...(gap !== undefined && { gapMs: gap }),
      ...(revisions !== undefined && { revisions }),
      ...(pauses !== undefined && { pauses }),
    },
  };
}

function expected({ expectRefused, expectAnswerP95, maxApologies }: SimulateFlags) {
  return {
    ...(expectRefused !== undefined && { expectRefused }),
    ...(expectAnswerP95 !== undefined && { answerP95Ms: expectAnswerP95 }),
    ...(maxApologies !== undefined && { maxApologyRatio: maxApologies }),
  };
}

function coloured(report: string, paint: Surroundings['terminal']['paint']): string {
  return report
    .trimEnd()
    .replace(/^ {2}✓/gm, `  ${paint('green', '✓')}`)
    .replace(/^ {2}✗/gm, `  ${paint('red', '✗')}`);
}
