import { createHash } from 'node:crypto';
import type { CallId, ToolOutcome } from '../call/call.ts';
import type { Claim, ToolLedger } from '../ports/tool-ledger.ts';
import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { withDeadline } from '../std/signals.ts';
import type { Agent, Variables } from './agent.ts';
import { type PreparedTool, type Tool, type ToolContext, type ToolWishes, toolContext } from './tools.ts';

/** A tool to be run for a call. */
export interface ToolJob {
  readonly callId: CallId;
  readonly agent: Agent;
  readonly name: string;
  /** JSON text, not yet validated. */
  readonly arguments: string;
  readonly request: number;
  readonly isProven: boolean;
  readonly isRetryGranted: boolean;
  readonly variables: Variables;
}

/**
 * Where tools run: once in effect, whoever asks how often. A job for a key that is already running joins it, so a
 * redialled call finds the tool its old socket started. Never throws: a failure is an outcome.
 */
export interface ToolDesk {
  run(job: ToolJob): Promise<ToolOutcome>;
  /** Aborts what still runs; the ledger then says that its outcome is unknown. */
  close(): void;
}

/** A tool's result beyond this is cut: a prompt and a transcript are no place for a data dump. */
const MAX_RESULT_CHARS = 15_000;
/** Runs of one tool at the same time, over all calls; the next one fails at once. */
const RUNS_PER_TOOL = 10;
/** Kinds of Fault that say: nothing was done. Anything else a `once` tool throws leaves its outcome unknown. */
const NOT_DONE: ReadonlySet<string> = new Set(['invalid', 'unauthenticated', 'not_found', 'conflict', 'exhausted']);

export function createToolDesk(ledger: ToolLedger, clock: Clock, log: Log): ToolDesk {
  const lifetime = new AbortController();
  const running = new Map<string, Promise<ToolOutcome>>();
  const runsOf = new Map<string, number>();

  return {
    async run(job) {
      try {
        return await admit(job);
      } catch (thrown) {
        const fault = toFault(thrown);
        log.error({ callId: job.callId, tool: job.name, reason: fault.reason }, 'tool could not be run');
        return failed('this is not available right now');
      }
    },
    close: () => lifetime.abort(new Fault('cancelled', 'tool.process_stopping', 'the process is stopping')),
  };

  async function admit(job: ToolJob): Promise<ToolOutcome> {
    const tool = Object.hasOwn(job.agent.tools, job.name) ? job.agent.tools[job.name] : undefined;
    if (!tool) return failed(`there is no tool named ${job.name}`);
    if (tool.effect === 'once' && !job.isProven) return failed('not possible: this call is not verified yet');
    const prepared = await tool.prepare(parseArguments(job.arguments));
    if ('problem' in prepared) return failed(`these arguments do not fit: ${prepared.problem}`);
    const key = ledgerKey(job, tool, prepared);
    const flight = `${job.callId} ${key}`;
    const joined = running.get(flight);
    if (joined) return joined;
    const run = runOnce(job, tool, prepared, key).finally(() => running.delete(flight));
    running.set(flight, run);
    return run;
  }

  /** Claims before acting, and finds out first what became of a claim that nobody settled. */
  async function runOnce(job: ToolJob, tool: Tool, prepared: PreparedTool, key: string): Promise<ToolOutcome> {
    if (tool.effect === 'safe') return act(job, tool, prepared, key);
    const claim: Claim = await ledger.claim(job.callId, key, lifetime.signal);
    if (claim.kind === 'done') return { kind: 'done', content: claim.content };
    const mayAct = claim.kind === 'claimed' || tool.effect === 'idempotent' || job.isRetryGranted;
    return mayAct ? act(job, tool, prepared, key) : lookUp(job, tool, prepared, key);
  }

  async function act(job: ToolJob, tool: Tool, prepared: PreparedTool, key: string): Promise<ToolOutcome> {
    const wishes: ToolWishes = { tells: [] };
    try {
      const result = await withinBulkhead(job.name, () => perform(job, tool, key, wishes, prepared.run));
      const content = printResult(result);
      if (tool.effect !== 'safe') await ledger.settle(job.callId, key, content, lifetime.signal);
      return { kind: 'done', content, ...(wishes.action && { action: wishes.action }), tells: wishes.tells };
    } catch (thrown) {
      return afterThrow(job, tool, prepared, key, toFault(thrown, 'tool.threw'));
    }
  }

  async function afterThrow(
    job: ToolJob,
    tool: Tool,
    prepared: PreparedTool,
    key: string,
    fault: Fault,
  ): Promise<ToolOutcome> {
    log.warn({ callId: job.callId, tool: job.name, reason: fault.reason }, 'tool failed');
    const isCertain = NOT_DONE.has(fault.kind);
    if (tool.effect === 'once' && !isCertain) return lookUp(job, tool, prepared, key);
    if (tool.effect !== 'safe') await ledger.release(job.callId, key, lifetime.signal);
    return failed(isCertain ? fault.message : 'this did not work');
  }

  /** The outcome of an effect is unknown: the tool's own lookup decides, else the caller will be asked. */
  async function lookUp(job: ToolJob, tool: Tool, prepared: PreparedTool, key: string): Promise<ToolOutcome> {
    const { lookup } = prepared;
    if (!lookup) return { kind: 'unknown' };
    try {
      const found = await perform(job, tool, key, { tells: [] }, lookup);
      if (found === undefined) {
        await ledger.release(job.callId, key, lifetime.signal);
        return await again(job, tool, prepared, key);
      }
      const content = printResult(found);
      await ledger.settle(job.callId, key, content, lifetime.signal);
      return { kind: 'done', content };
    } catch (thrown) {
      log.warn({ callId: job.callId, tool: job.name, reason: toFault(thrown).reason }, 'tool lookup failed');
      return { kind: 'unknown' };
    }
  }

  /** It certainly did not happen. After a crash that means: do it now; a second unknown in a row goes to the caller. */
  async function again(job: ToolJob, tool: Tool, prepared: PreparedTool, key: string): Promise<ToolOutcome> {
    const claim = await ledger.claim(job.callId, key, lifetime.signal);
    if (claim.kind !== 'claimed') return { kind: 'unknown' };
    return act(job, tool, { ...prepared, lookup: undefined }, key);
  }

  function perform(
    job: ToolJob,
    tool: Tool,
    key: string,
    wishes: ToolWishes,
    work: (context: ToolContext) => Promise<unknown>,
  ): Promise<unknown> {
    return withDeadline(clock, tool.timeoutMs, 'tool.timeout', lifetime.signal, (signal) => {
      const { callId, variables } = job;
      return work(toolContext({ callId, variables, idempotencyKey: `${callId}:${key}`, signal }, wishes));
    });
  }

  async function withinBulkhead<T>(name: string, work: () => Promise<T>): Promise<T> {
    const runs = runsOf.get(name) ?? 0;
    if (runs >= RUNS_PER_TOOL) {
      throw new Fault('exhausted', 'tool.bulkhead_full', `expected at most ${RUNS_PER_TOOL} runs of ${name} at once`);
    }
    runsOf.set(name, runs + 1);
    try {
      return await work();
    } finally {
      runsOf.set(name, (runsOf.get(name) ?? 1) - 1);
    }
  }
}

/** What makes two jobs the same effect. Hashed: arguments are personal, and keys are stored and shown. */
function ledgerKey(job: ToolJob, tool: Tool, prepared: PreparedTool): string {
  const scope = tool.scope === 'request' ? `#${job.request}` : '';
  const digest = createHash('sha256').update(prepared.key).digest('hex').slice(0, 32);
  return `${job.name}${scope}:${digest}`;
}

function parseArguments(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch {
    return undefined; // the schema then says what is missing
  }
}

function printResult(result: unknown): string {
  const text = typeof result === 'string' ? result : (JSON.stringify(result) ?? 'done');
  return text.slice(0, MAX_RESULT_CHARS);
}

function failed(content: string): ToolOutcome {
  return { kind: 'failed', content };
}
