import { describe, expect, it } from 'vitest';
import { memoryRecords } from '../adapters/memory/records.ts';
import { defineAgent } from '../agent/agent.ts';
import { type CallId, parseCallId } from '../call/call.ts';
import type { CallControl, RemoteCall } from '../ports/call-control.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { retellOnPaper } from './context.fixture.ts';
import { createCallProver } from './prove-call.ts';

const { signal } = new AbortController();
const desk = defineAgent({ name: 'desk', greeting: 'Hi.', instructions: 'Be kind.', retellAgentIds: ['agent_desk'] });

function id(text: string): CallId {
  const callId = parseCallId(text);
  if (!callId) throw new Error(text);
  return callId;
}

/** What a prover needs; `fetch` is Retell's answer, none without a key. */
function given(fetch?: CallControl['fetch'], isStrict = false) {
  const clock = new ManualClock();
  const callControl = fetch && retellOnPaper({ fetch });
  const context = {
    agents: [desk],
    defaultAgent: desk,
    isStrict,
    records: memoryRecords(),
    callControl,
    clock,
    log: silentLog,
  };
  return { context, clock };
}

describe('the prover', () => {
  const callId = id('call_1_aaaa');
  const remote = (status: string, agentId?: string): RemoteCall => ({ callId, status, agentId });

  it('believes a signed webhook, and remembers', async () => {
    const { context } = given();
    const prover = createCallProver(context);
    expect(await prover.prove(callId, signal)).toBe('unknown');
    const webhook = { key: 'k', event: 'call_started', callId, signedAt: 1, receivedAt: 1, body: '{}' };
    await context.records.acceptWebhook(webhook, { facts: [], jobs: [] }, signal);
    expect(await prover.prove(callId, signal)).toBe('proven');
  });

  it('asks Retell once for many, and believes only calls that may open a socket', async () => {
    let asked = 0;
    const statuses = ['ongoing', 'ended'];
    const fetch = async () => remote(statuses[asked++] ?? 'ongoing');
    const { context, clock } = given(fetch);
    const prover = createCallProver(context);
    expect(await Promise.all([prover.prove(callId, signal), prover.prove(callId, signal)])).toEqual([
      'proven',
      'proven',
    ]);
    expect(asked).toBe(1);
    expect(await prover.prove(id('call_2_aaaa'), signal)).toBe('denied');
    await clock.advance(11_000);
    expect(await prover.prove(id('call_2_aaaa'), signal)).toBe('proven');
  });

  it('does not know when Retell does not answer within 2 s, and asks again the next time', async () => {
    let isDown = true;
    const fetch = () => (isDown ? new Promise<RemoteCall>(() => {}) : Promise.resolve(remote('registered')));
    const { context, clock } = given(fetch);
    const prover = createCallProver(context);
    const proof = prover.prove(callId, signal);
    await clock.advance(2_000);
    expect(await proof).toBe('unknown');
    isDown = false;
    expect(await prover.prove(callId, signal)).toBe('proven');
  });

  it('denies a call of an agent that nobody lists when strict', async () => {
    const fetch = async () => remote('ongoing', 'agent_else');
    const { context } = given(fetch, true);
    expect(await createCallProver(context).prove(callId, signal)).toBe('denied');
  });
});
