import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import { defineAgent } from '../agent/agent.ts';
import type { ToolJob } from '../agent/tool-desk.ts';
import { tool } from '../agent/tools.ts';
import type { CallId, ToolOutcome } from '../call/call.ts';
import type { LiveCall } from '../call/live-call.ts';
import { Fault } from '../std/fault.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { acceptInbound } from './accept-inbound.ts';
import { acceptWebhook, type SignedWebhook } from './accept-webhook.ts';
import { type CallHook, hookHandlers } from './call-hooks.ts';
import { idOf, memoryContext, retellOnPaper, workFor } from './context.fixture.ts';
import type { OperationContext } from './context.ts';
import { createDialQueue } from './dial-queue.ts';
import { endCall } from './end-call.ts';
import { getCall } from './get-call.ts';
import { listCalls } from './list-calls.ts';
import { placeCall } from './place-call.ts';
import { readStatus } from './read-status.ts';
import { runFunction } from './run-function.ts';
import { sayInCall } from './say-in-call.ts';

const { signal } = new AbortController();

const lookUp = tool({ description: 'reads', parameters: z.object({ q: z.string() }), effect: 'safe', run: () => 'ok' });
const book = tool({
  description: 'acts',
  parameters: z.object({ people: z.number() }),
  effect: 'once',
  run: () => 'booked',
});
const desk = defineAgent({
  name: 'desk',
  greeting: 'Hello.',
  instructions: 'Be kind.',
  variables: { house: 'Acme' },
  retellAgentIds: ['agent_desk'],
  tools: { look_up: lookUp },
});
const dentist = defineAgent({
  name: 'dentist',
  greeting: 'Hello.',
  instructions: 'Be kind.',
  variables: { house: 'Dental' },
  retellAgentIds: ['agent_dentist'],
  tools: { book },
});

/** A context over the memory adapters, and what was done to the live calls. */
function given(overrides: Partial<OperationContext> = {}) {
  const live = new Map<CallId, LiveCall>();
  const done: string[] = [];
  const { context, clock } = memoryContext({
    agents: [desk, dentist],
    defaultAgent: desk,
    liveCalls: {
      list: () => [...live.values()],
      prove: (callId) => done.push(`prove ${callId}`),
      end: async (callId, reason) => {
        done.push(`end ${callId} ${reason}`);
        return live.delete(callId);
      },
      interject: async (callId, text, action) => {
        done.push(`interject ${callId} ${text} ${action?.kind ?? ''}`.trim());
        return live.has(callId);
      },
    },
    callControl: undefined,
    ...overrides,
  });
  const queue = createDialQueue(context, { perSecond: 1 });
  const goLive = (callId: CallId) =>
    live.set(callId, { callId, agent: 'desk', startedAt: 1, phase: 'listening', isProven: true, responseId: 0 });
  return { context, clock, done, queue, goLive };
}

function ended(callId: CallId, key = `call_ended:${callId}`): SignedWebhook {
  const account = { disconnectionReason: 'user_hangup', durationMs: 5 };
  return { event: 'call_ended', key, callId, signedAtMs: 1, body: '{}', ended: account };
}

describe('acceptWebhook', () => {
  const callId = idOf('call_1_aaaa');

  it('stores it once, with the fact that the call was reported, and proves the call', async () => {
    const { context, done } = given();
    expect(await acceptWebhook(context, ended(callId), signal)).toBe('stored');
    expect(await acceptWebhook(context, ended(callId), signal)).toBe('duplicate');
    const facts = await context.records.pendingFacts(10, signal);
    expect(facts.map(({ event }) => event)).toMatchObject([
      { type: 'call.reported', callId, epoch: 0, disconnectionReason: 'user_hangup', durationMs: 5 },
    ]);
    expect(done).toContain(`prove ${callId}`);
    expect(await context.records.isEnded(callId, signal)).toBe(true);
  });

  it('enqueues the work of a hook on an analysis once, where there is one', async () => {
    const analyzed = { event: 'call_analyzed', key: `call_analyzed:${callId}`, callId, signedAtMs: 1, body: '{}' };
    for (const isHooked of [false, true]) {
      const heard: unknown[] = [];
      const onCallAnalyzed: CallHook = async (event) => void heard.push(event);
      const { context, clock } = given({ hooks: isHooked ? { onCallAnalyzed } : {} });
      await acceptWebhook(context, ended(callId), signal);
      for (let times = 0; times < 2; times++) await acceptWebhook(context, analyzed, signal);
      await workFor(1_000, context, clock, { handlers: hookHandlers({ onCallAnalyzed }) });
      expect(heard).toEqual(isHooked ? [{ callId, attempt: 1 }] : []);
    }
  });

  it('ends the call at once, so that its slot is free for the next caller', async () => {
    const { context, done } = given();
    await acceptWebhook(context, ended(callId), signal);
    expect(done).toContain(`end ${callId} user_hangup`);
  });

  it('is accepted even when the call cannot be ended at once', async () => {
    const { context } = given();
    const liveCalls = {
      ...context.liveCalls,
      end: () => Promise.reject(new Fault('unavailable', 'store.busy', 'busy')),
    };
    expect(await acceptWebhook({ ...context, liveCalls }, ended(callId), signal)).toBe('stored');
  });

  it('fails when it could not be stored, so that Retell sends it again', async () => {
    const records = {
      ...memoryRecords(),
      acceptWebhook: () => Promise.reject(new Fault('unavailable', 'records.thread_lost', 'gone')),
    };
    const { context, done } = given({ records });
    await expect(acceptWebhook(context, ended(callId), signal)).rejects.toThrow(Fault);
    expect(done).toEqual([]);
  });
});

describe('acceptInbound', () => {
  const request = { channel: 'call', retellAgentId: undefined, callId: undefined, signedAtMs: 1, body: '{}' } as const;

  it('chooses the agent that lists the Retell agent, with its variables', async () => {
    const { context } = given();
    expect(await acceptInbound(context, { ...request, retellAgentId: 'agent_dentist' }, signal)).toEqual({
      kind: 'accept',
      retellAgentId: undefined,
      variables: { house: 'Dental' },
    });
  });

  it('names the default agent where the number is bound to none, and leaves an unknown binding alone', async () => {
    const { context } = given();
    expect(await acceptInbound(context, request, signal)).toMatchObject({
      retellAgentId: 'agent_desk',
      variables: { house: 'Acme' },
    });
    expect(await acceptInbound(context, { ...request, retellAgentId: 'agent_else' }, signal)).toMatchObject({
      kind: 'accept',
      retellAgentId: undefined,
      variables: { house: 'Acme' },
    });
  });

  it('rejects an unknown agent when strict', async () => {
    const { context } = given({ isStrict: true });
    const decision = await acceptInbound(context, { ...request, retellAgentId: 'agent_else' }, signal);
    expect(decision).toEqual({ kind: 'reject' });
  });

  it('rejects a call when all slots are held, and never a chat', async () => {
    const { context } = given();
    for (const holder of ['a', 'b']) await context.leases.acquire(holder, 2, 60_000, signal);
    expect(await acceptInbound(context, request, signal)).toEqual({ kind: 'reject' });
    expect(await acceptInbound(context, { ...request, channel: 'chat' }, signal)).toMatchObject({ kind: 'accept' });
  });

  it('lets the caller in when neither slots nor archive can be asked', async () => {
    const down = () => Promise.reject(new Fault('unavailable', 'store.down', 'down'));
    const clock = new ManualClock();
    const { context } = given({
      leases: { ...memoryLeases(clock), count: down },
      records: { ...memoryRecords(), acceptWebhook: down },
    });
    expect(await acceptInbound(context, { ...request, callId: idOf('call_1_aaaa') }, signal)).toMatchObject({
      kind: 'accept',
    });
  });

  it('proves the call that a signed request names', async () => {
    const { context, done } = given();
    const callId = idOf('call_1_aaaa');
    await acceptInbound(context, { ...request, callId }, signal);
    expect(done).toEqual([`prove ${callId}`]);
    expect(await context.records.isNamed(callId, signal)).toBe(true);
  });
});

describe('runFunction', () => {
  const callId = idOf('call_1_aaaa');
  const asked = {
    tool: 'look_up',
    arguments: '{"q":"x"}',
    callId,
    retellAgentId: 'agent_desk',
    variables: { name: 'Ida' },
    isSigned: true,
  } as const;
  const deskOf = (jobs: ToolJob[]) => ({
    run: async (job: ToolJob): Promise<ToolOutcome> => {
      jobs.push(job);
      return { kind: 'done', content: 'ok' };
    },
  });

  it('hands the job to the desk with the agent and the variables of the call', async () => {
    const jobs: ToolJob[] = [];
    const { context } = given();
    expect(await runFunction(context, deskOf(jobs), asked)).toEqual({ kind: 'done', content: 'ok' });
    expect(jobs).toMatchObject([
      { callId, agent: { name: 'desk' }, request: 0, isProven: true, variables: { house: 'Acme', name: 'Ida' } },
    ]);
  });

  it('finds the tool at another agent when the one named has none of that name', async () => {
    const jobs: ToolJob[] = [];
    const { context } = given();
    await runFunction(context, deskOf(jobs), { ...asked, tool: 'book', arguments: '{}', retellAgentId: undefined });
    expect(jobs[0]?.agent.name).toBe('dentist');
  });

  it('is refused in a strict house to a Retell agent that nobody lists', async () => {
    const jobs: ToolJob[] = [];
    const stranger = { ...asked, retellAgentId: 'agent_else' };
    await runFunction(given().context, deskOf(jobs), stranger);
    expect(jobs).toHaveLength(1);
    const { context } = given({ isStrict: true });
    await expect(runFunction(context, deskOf(jobs), stranger)).rejects.toMatchObject({
      kind: 'not_found',
      reason: 'function.unknown_agent',
    });
    expect(jobs).toHaveLength(1);
  });

  it('does not count arguments that nobody signed as proof', async () => {
    const jobs: ToolJob[] = [];
    const { context, done } = given();
    await runFunction(context, deskOf(jobs), { ...asked, isSigned: false });
    expect(jobs[0]?.isProven).toBe(false);
    expect(done).toEqual([]);
  });

  it('wants the call for a tool that acts, and does without for one that reads', async () => {
    const { context } = given();
    const nameless = { ...asked, callId: undefined };
    expect(await runFunction(context, deskOf([]), nameless)).toMatchObject({ kind: 'done' });
    await expect(runFunction(context, deskOf([]), { ...nameless, tool: 'book' })).rejects.toMatchObject({
      reason: 'function.no_call',
    });
  });

  it.each(['nothing_such', '__proto__', 'constructor'])('knows no tool named %s', async (name) => {
    const { context } = given();
    await expect(runFunction(context, deskOf([]), { ...asked, tool: name })).rejects.toMatchObject({
      kind: 'not_found',
      reason: 'function.unknown_tool',
    });
  });
});

describe('calls from outside', () => {
  const callId = idOf('call_1_aaaa');

  it('places a call with the Retell agent of the agent named', async () => {
    const { context } = given();
    const orders: unknown[] = [];
    const queue = {
      place: async (order: unknown) => {
        orders.push(order);
        return { state: 'cancelled', id: 'x' } as const;
      },
    };
    const numbers = { fromNumber: '+15550100', toNumber: '+15550199' };
    await placeCall(context, queue, { ...numbers, agent: 'dentist' });
    expect(orders).toEqual([{ ...numbers, agentId: 'agent_dentist' }]);
    await expect(placeCall(context, queue, { ...numbers, agent: 'dentits' })).rejects.toMatchObject({
      reason: 'calls.unknown_agent',
      fixes: ['use dentist'],
    });
  });

  it('finds a live call before its older report, and words only when asked for', async () => {
    const { context, queue, goLive } = given();
    await context.records.saveReport(
      {
        callId,
        agent: { name: 'desk', version: '1' },
        startedAt: 1,
        endedAt: 2,
        reason: 'user_hangup',
        turns: 1,
        tools: [],
        transcript: [{ role: 'user', content: 'secret words' }],
      },
      signal,
    );
    const found = await getCall(context, queue, callId, { withTranscript: false }, signal);
    expect(found).toMatchObject({ state: 'ended', reason: 'user_hangup' });
    expect(JSON.stringify(found)).not.toContain('secret');
    expect(await getCall(context, queue, callId, { withTranscript: true }, signal)).toMatchObject({
      transcript: [{ content: 'secret words' }],
    });
    goLive(callId);
    expect(await getCall(context, queue, callId, { withTranscript: true }, signal)).toMatchObject({ state: 'live' });
    expect(await listCalls(context, queue, { limit: 10, before: undefined }, signal)).toMatchObject({
      calls: [{ state: 'live', callId }],
      nextBefore: undefined,
    });
    await expect(getCall(context, queue, 'nobody', { withTranscript: false }, signal)).rejects.toMatchObject({
      reason: 'calls.unknown',
    });
  });

  it('ends a call through Retell, and through the call itself where there is no key', async () => {
    const withKey = given({ callControl: retellOnPaper() });
    withKey.goLive(callId);
    expect(await endCall(withKey.context, withKey.queue, callId, signal)).toBe('ended');
    expect(withKey.done).toEqual([`end ${callId} ended_by_operator`]);
    const without = given();
    without.goLive(callId);
    expect(await endCall(without.context, without.queue, callId, signal)).toBe('ended');
    expect(without.done).toEqual([`interject ${callId}  end`]);
    await expect(endCall(without.context, without.queue, 'call_2_aaaa', signal)).rejects.toMatchObject({
      reason: 'calls.unknown',
    });
  });

  it('speaks up in a live call only', async () => {
    const { context, goLive, done } = given();
    await expect(sayInCall(context, callId, 'Hello.', undefined, signal)).rejects.toThrow(Fault);
    goLive(callId);
    await sayInCall(context, callId, 'Hello.', { kind: 'end' }, signal);
    expect(done.at(-1)).toBe(`interject ${callId} Hello. end`);
  });

  it('reads how full the house is', async () => {
    const { context, queue } = given();
    await context.leases.acquire('a', 2, 60_000, signal);
    const none = { p50: undefined, p99: undefined };
    const figures = {
      turns: 0,
      firstSentenceMs: none,
      answerMs: none,
      slowShare: 0,
      over500Share: 0,
      fillerShare: 0,
      fallbackShare: 0,
      deadAir: { count: 0, worstMs: 0 },
      refused: 3,
    };
    expect(await readStatus(context, queue, () => figures, signal)).toMatchObject({
      active: 1,
      capacity: 2,
      utilization: 0.5,
      queued: 0,
      refused: 3,
    });
  });
});
