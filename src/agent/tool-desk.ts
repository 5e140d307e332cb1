import { createHash } from 'node:crypto';
import type { CallId, ToolOutcome } from '../call/call.ts';
import type { ClaimId, ToolLedger } from '../ports/tool-ledger.ts';
import { type Bulkhead, createBulkhead } from '../resilience/bulkhead.ts';
import { type Clock, sleep } from '../std/clock.ts';
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
  /** Ledger keys of unknown outcome that the caller wants tried again. */
  readonly granted: readonly string[];
  readonly variables: Variables;
  /** Whether the asking session holds its call still: what acts once is not begun otherwise. Absent: nobody else can. */
  readonly isHeld?: () => Promise<boolean>;
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
/**
 * After its deadline a tool is given up by whoever runs it. What it had sent by then has landed within this: a second,
 * after the two that the ledger may take to answer a claim, since a tool's time begins with that answer.
 */
const LANDING_MS = 3_000;
const LOOK_AGAIN_MS = 250;
/** Reasons that say: nothing was done. Anything else a `once` tool throws leaves its outcome unknown. */
const NOT_DONE: ReadonlySet<string> = new Set(['tool.refused', 'bulkhead.full']);

const DID_NOT_WORK = 'this did not work';
const NOT_AVAILABLE = 'this is not available right now';

/** A tool about to run, with what it is claimed under. */
interface Run {
  readonly job: ToolJob;
  readonly tool: Tool;
  readonly prepared: PreparedTool;
  readonly key: string;
}

type Done = Extract<ToolOutcome, { kind: 'done' }>;

export function createToolDesk(ledger: ToolLedger, clock: Clock, log: Log): ToolDesk {
  const lifetime = new AbortController();
  const running = new Map<string, Promise<ToolOutcome>>();
  const bulkheads = new Map<Tool, Bulkhead>();

  return {
    async run(job) {
      try {
        lifetime.signal.throwIfAborted();
        return await admit(job);
      } catch (thrown) {
        const fault = toFault(thrown, 'tool.not_started');
        log.error({ callId: job.callId, tool: job.name, reason: fault.reason }, 'tool could not be run');
        return failed(NOT_AVAILABLE);
      }
    },
    close: () => lifetime.abort(new Fault('cancelled', 'tool.process_stopping', 'the process is stopping')),
  };

  async function admit(job: ToolJob): Promise<ToolOutcome> {
    const tool = Object.hasOwn(job.agent.tools, job.name) ? job.agent.tools[job.name] : undefined;
    if (!tool) return failed(`there is no tool named ${job.name}`);
    if (tool.effect === 'once' && !job.isProven) return failed('not possible: this call is not verified yet');
    const args = parseArguments(job.arguments);
    const prepared = args === undefined ? { problem: 'expected JSON' } : await tool.prepare(args);
    if ('problem' in prepared) return failed(`these arguments do not fit: ${prepared.problem}`);
    const run: Run = { job, tool, prepared, key: ledgerKey(job, tool, prepared) };
    if (tool.effect === 'once' && (await job.isHeld?.()) === false) return failed(NOT_AVAILABLE);
    const flight = `${job.callId} ${run.key}`;
    const joined = running.get(flight);
    if (joined) return joined;
    const outcome = named(run, runOnce(run)).finally(() => running.delete(flight));
    running.set(flight, outcome);
    return outcome;
  }

  /**
   * Claims before acting. Whoever claimed it before may be at work on it in another process, from which the call was
   * taken: that one is given its time, then it is found out what became of it. Of all who find that it may be done, one
   * takes the claim over.
   */
  async function runOnce(run: Run): Promise<ToolOutcome> {
    const { job, tool, key } = run;
    if (tool.effect === 'safe') return act(run);
    let first: ClaimId | undefined;
    for (;;) {
      const claim = await ledger.claim(job.callId, key, lifetime.signal);
      if (claim.kind === 'done') return recall(claim.content);
      if (claim.kind === 'claimed' || tool.effect === 'idempotent') return act(run, claim.claimId);
      first ??= claim.claimId;
      if (claim.sinceMs < tool.timeoutMs + LANDING_MS) {
        await sleep(clock, LOOK_AGAIN_MS, lifetime.signal);
        continue;
      }
      const found = await lookUp(run);
      // The caller's yes was for what had become of this claim, not of one that took its place.
      const isGranted = claim.claimId === first && job.granted.includes(key);
      if (found.kind === 'done' || (found.kind === 'unknown' && !isGranted)) return found;
      const claimId = await ledger.takeOver(job.callId, key, claim.claimId, lifetime.signal);
      if (claimId !== undefined) return act(run, claimId);
      await sleep(clock, LOOK_AGAIN_MS, lifetime.signal);
    }
  }

  /** An unknown outcome says of what, so that the caller's yes is for that and nothing else. */
  async function named({ key }: Run, running: Promise<ToolOutcome>): Promise<ToolOutcome> {
    const outcome = await running;
    return outcome.kind === 'unknown' ? { kind: 'unknown', key } : outcome;
  }

  async function act(run: Run, claimId?: ClaimId): Promise<ToolOutcome> {
    const { tool, prepared } = run;
    try {
      return await bulkheadOf(run).run(
        () => perform(run, async (context, wishes) => settle(run, await prepared.run(context), wishes)),
        lifetime.signal,
      );
    } catch (thrown) {
      const fault = toFault(thrown, 'tool.threw');
      log.warn({ callId: run.job.callId, tool: run.job.name, reason: fault.reason }, 'tool failed');
      const isNotDone = NOT_DONE.has(fault.reason);
      if (tool.effect === 'once' && !isNotDone) return afterUnknown(run, fault, claimId);
      await release(run, claimId);
      return failed(isNotDone ? fault.message : DID_NOT_WORK);
    }
  }

  async function afterUnknown(run: Run, fault: Fault, claimId: ClaimId | undefined): Promise<ToolOutcome> {
    const found = await lookUp(run);
    if (found.kind !== 'undone') return found;
    // A run that we stopped waiting for may still land: what is not found of it is unknown, not undone.
    if (fault.kind === 'timeout' || fault.kind === 'cancelled') return { kind: 'unknown' };
    await release(run, claimId);
    return failed(DID_NOT_WORK);
  }

  /** What the tool's own lookup knows of an effect that nobody settled; without one nothing is known. */
  async function lookUp(run: Run): Promise<Done | { readonly kind: 'unknown' } | { readonly kind: 'undone' }> {
    const { lookup } = run.prepared;
    if (!lookup) return { kind: 'unknown' };
    try {
      return await perform(run, async (context, wishes) => {
        const found = await lookup(context);
        return found === undefined ? { kind: 'undone' } : settle(run, found, wishes);
      });
    } catch (thrown) {
      const { reason } = toFault(thrown, 'tool.lookup_threw');
      log.warn({ callId: run.job.callId, tool: run.job.name, reason }, 'tool lookup failed');
      return { kind: 'unknown' };
    }
  }

  /** Runs the author's code under its deadline. What it brings after that is lost to the turn, not to the ledger. */
  function perform<T>(run: Run, work: (context: ToolContext, wishes: ToolWishes) => Promise<T>): Promise<T> {
    const { job, tool, key } = run;
    const wishes: ToolWishes = { tells: [] };
    return withDeadline(clock, tool.timeoutMs, 'tool.timeout', lifetime.signal, (signal) => {
      signal.throwIfAborted();
      const { callId, variables } = job;
      return work(toolContext({ callId, variables, idempotencyKey: `${callId}:${key}`, signal }, wishes), wishes);
    });
  }

  /** The effect took place, whatever becomes of writing that down: a key left unsettled is never repeated on a guess. */
  async function settle({ job, tool, key }: Run, result: unknown, wishes: ToolWishes): Promise<Done> {
    const { action, tells } = wishes;
    const done: Done = { kind: 'done', content: printResult(result), ...(action && { action }), tells: [...tells] };
    if (tool.effect === 'safe') return done;
    try {
      await ledger.settle(job.callId, key, keep(done), lifetime.signal);
    } catch (thrown) {
      log.error(
        { callId: job.callId, tool: job.name, reason: toFault(thrown).reason },
        'tool result could not be kept',
      );
    }
    return done;
  }

  async function release({ job, key }: Run, claimId: ClaimId | undefined): Promise<void> {
    if (claimId === undefined) return;
    try {
      await ledger.release(job.callId, key, claimId, lifetime.signal);
    } catch (thrown) {
      log.error({ callId: job.callId, tool: job.name, reason: toFault(thrown).reason }, 'tool key could not be freed');
    }
  }

  function bulkheadOf({ job, tool }: Run): Bulkhead {
    const known = bulkheads.get(tool);
    if (known) return known;
    const bulkhead = createBulkhead(job.name, RUNS_PER_TOOL);
    bulkheads.set(tool, bulkhead);
    return bulkhead;
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
    return JSON.parse(text.trim() === '' ? '{}' : text);
  } catch {
    return undefined; // no JSON text means this: the model is told what was expected
  }
}

function printResult(result: unknown): string {
  return printed(result).slice(0, MAX_RESULT_CHARS).toWellFormed();
}

function printed(result: unknown): string {
  try {
    return typeof result === 'string' ? result : (JSON.stringify(result) ?? 'done');
  } catch {
    return 'done'; // it was, though its result (a circle, a bigint) cannot be shown
  }
}

/** What the ledger keeps of a done tool. Whoever asks again is owed its action too; tells left when it was done. */
function keep({ content, action }: Done): string {
  return JSON.stringify({ content, action });
}

function recall(kept: string): Done {
  const { content, action }: Pick<Done, 'content' | 'action'> = JSON.parse(kept);
  return { kind: 'done', content, ...(action && { action }) };
}

function failed(content: string): ToolOutcome {
  return { kind: 'failed', content };
}
