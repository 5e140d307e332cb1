import { memoryCallStore } from '../adapters/memory/call-store.ts';

import { memoryDials } from '../adapters/memory/dials.ts';
import { memoryJobs } from '../adapters/memory/jobs.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import { defineAgent } from '../agent/agent.ts';
import { type CallId, parseCallId } from '../call/call.ts';
import type { CallControl, RemoteCall } from '../ports/call-control.ts';
import type { Job, JobWork } from '../ports/jobs.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import type { OperationContext } from './context.ts';

const desk = defineAgent({ name: 'desk', greeting: 'Hello.', instructions: 'Be kind.' });

/** A well-formed id. For tests only, as all here. */
export function idOf(text: string): CallId {
  const callId = parseCallId(text);
  if (!callId) throw new Error(text);
  return callId;
}

/** A Retell that takes every call and knows none, but for what is told otherwise. */
export function retellOnPaper(overrides: Partial<CallControl> = {}): CallControl {
  return {
    place: async () => ({ callId: idOf('call_placed'), status: 'registered', agentId: undefined }),
    fetch: async () => undefined,
    end: async () => {},
    findByMetadata: async () => undefined,
    ended: async () => [],
    concurrency: async () => ({ current: 0, limit: 20 }),
    agents: async () => [],
    ...overrides,
  };
}

export function overAt(callId: CallId, disconnectionReason = 'user_hangup'): RemoteCall {
  return { callId, status: 'ended', agentId: undefined, disconnectionReason, durationMs: 7_000 };
}

/** A context over the memory adapters, whose jobs a test may have done. */
export function memoryContext(overrides: Partial<OperationContext> = {}) {
  const clock = new ManualClock();
  const jobs = memoryJobs(clock);
  const context: OperationContext = {
    agents: [desk],
    defaultAgent: desk,
    isStrict: false,
    maxCalls: 2,
    liveCalls: { list: () => [], prove() {}, end: async () => false, interject: async () => false },
    callStore: memoryCallStore(clock),
    leases: memoryLeases(clock),
    records: memoryRecords(jobs.add),
    jobs,
    dials: memoryDials(clock, jobs.add),
    hooks: {},
    callControl: retellOnPaper(),
    clock,
    log: silentLog,
    ...overrides,
  };
  return { context, clock };
}

/** Does the jobs of a context while the clock is moved on; gives what was done, oldest first. */
export async function workFor(byMs: number, context: OperationContext, clock: ManualClock, work: JobWork) {
  const done: Job[] = [];
  const stopping = new AbortController();
  const handlers = Object.fromEntries(
    Object.entries(work.handlers).map(([kind, handle]) => [
      kind,
      async (job: Job, signal: AbortSignal) => {
        done.push(job);
        await handle(job, signal);
      },
    ]),
  );
  const working = context.jobs.work({ ...work, handlers }, stopping.signal);
  await clock.advance(byMs);
  stopping.abort();
  await working;
  return done;
}
