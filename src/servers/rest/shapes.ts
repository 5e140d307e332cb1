import { z } from 'zod';

// What several routes say or are told. Answers are never judged when served: their shapes document and test them.

export const e164 = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'expected an E.164 number like +15550100')
  .meta({ examples: ['+15550100'] });
export const word = z.string().min(1).max(128);
const epochMs = z.number().describe('Epoch milliseconds.');

export const callOrDialId = z.object({
  path: z.object({ id: z.string().describe('The id of a call, or of an order to dial.') }),
});
export const liveCallId = z.object({ path: z.object({ id: z.string().describe('The id of a live call.') }) });

const dialId = { id: z.string().describe('Of the order to dial.') };
const queued = z.object({
  state: z.literal('queued'),
  ...dialId,
  position: z.number().describe('In the queue; 1 is next.'),
});
const dialling = z.object({ state: z.literal('dialling'), ...dialId });
const placed = z.object({ state: z.literal('placed'), ...dialId, callId: z.string() });
const failed = z.object({
  state: z
    .enum(['failed', 'unknown'])
    .describe('unknown: Retell may or may not have dialled; it is not dialled again.'),
  ...dialId,
  reason: z.string(),
});
const cancelled = z.object({ state: z.literal('cancelled'), ...dialId });
const DIALS = [queued, dialling, placed, failed, cancelled] as const;
export const dial = z.discriminatedUnion('state', DIALS);

const liveCall = z.object({
  state: z.literal('live'),
  callId: z.string(),
  agent: z.string(),
  startedAt: epochMs,
  phase: z.enum(['listening', 'speaking', 'adrift', 'over']).describe('adrift: its socket is lost, Retell dials back.'),
  isProven: z.boolean().describe('Somebody vouched for it.'),
  responseId: z.number().describe('Of the open turn, else of the last ask; -1 before the first.'),
});

const utterance = z.object({ role: z.enum(['agent', 'user', 'transfer_target']), content: z.string() });
const endedCall = z.object({
  state: z.literal('ended'),
  callId: z.string(),
  agent: z.object({ name: z.string(), version: z.string() }),
  startedAt: epochMs,
  endedAt: epochMs,
  reason: z.string().describe('The disconnection_reason of Retell where known, else ours: an open set.'),
  turns: z.number(),
  tools: z.array(z.object({ name: z.string(), outcome: z.enum(['done', 'failed', 'unknown']) })).readonly(),
  transcript: z.array(utterance).readonly().optional().describe('Only when asked for.'),
});
export const foundCall = z.discriminatedUnion('state', [liveCall, endedCall, ...DIALS]);

const listedEnded = z.object({
  state: z.literal('ended'),
  callId: z.string(),
  agent: z.string(),
  startedAt: epochMs,
  endedAt: epochMs.optional(),
  reason: z.string().optional(),
  turns: z.number(),
});
export const callList = z.object({
  queued: z.array(dial).readonly().describe('Waiting to be dialled, in their order; on the first page only.'),
  calls: z
    .array(z.discriminatedUnion('state', [liveCall, listedEnded]))
    .readonly()
    .describe('Newest first: those live, then those that ended.'),
  nextBefore: z.number().optional().describe('Ask for the next page with it; absent on the last.'),
});

const percentiles = z.object({ p50: z.number().optional(), p99: z.number().optional() });
const dependency = z.object({
  name: z.string(),
  state: z.enum(['closed', 'open', 'halfOpen']).describe('Of its breaker.'),
  hasAnswered: z.boolean().describe('Since the process began.'),
  waiting: z.number().optional().describe('What waits for its return.'),
  reason: z.string().optional().describe('Of its last Fault, while it is away.'),
});
export const status = z.object({
  active: z.number().describe('Slots held, adrift calls and dials included.'),
  capacity: z.number(),
  utilization: z.number().describe('active of capacity.'),
  queued: z.number().optional().describe('Waiting to be dialled; absent while nobody can say.'),
  turns: z.number().describe('That the percentiles and shares are taken over.'),
  firstSentenceMs: percentiles,
  answerMs: percentiles,
  slowShare: z.number(),
  over500Share: z.number(),
  fillerShare: z.number(),
  fallbackShare: z.number(),
  deadAir: z.object({ count: z.number(), worstMs: z.number() }),
  refused: z.number(),
  callbacks: z.number(),
  models: z
    .array(z.object({ name: z.string(), breaker: z.string() }))
    .readonly()
    .optional(),
  dependencies: z.array(dependency).readonly(),
});

export const deadJob = z.object({
  id: z.string(),
  kind: z.string(),
  payload: z.record(z.string(), z.unknown()).readonly().describe('Ids only.'),
  attempt: z.number().describe('Tries that were made.'),
  reason: z.string().describe('Of its last Fault.'),
  failedAt: epochMs,
});

export const deadJobList = z.object({
  jobs: z.array(deadJob).readonly(),
  nextBefore: z.string().optional().describe('Ask for the next page with it; absent on the last.'),
});

export const requeuedJob = z.object({ id: z.string(), state: z.literal('queued') });

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string().optional().describe('Stable; docs/faults.md lists it. Absent for who proved nothing.'),
  detail: z.string().optional().describe('What was expected and what came.'),
  effect: z.string().optional().describe('What callers notice, to be read after "callers".'),
  fixes: z.array(z.string()).readonly().optional().describe('What to do, most likely first.'),
});
