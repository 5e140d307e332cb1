import { beforeEach, describe, expect, it } from 'vitest';
import { newCallId, sampleEvent, sampleHead, sampleTurn } from '../../test/contracts/samples.ts';
import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import { memoryToolLedger } from '../adapters/memory/tool-ledger.ts';
import type { CallId } from '../call/call.ts';
import type { CallEvent } from '../call/events.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Records } from '../ports/records.ts';
import type { ToolLedger } from '../ports/tool-ledger.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { archiveHandler } from './archive.ts';

const signal = new AbortController().signal;

describe('the archive', () => {
  let callStore: CallStore;
  let records: Records;
  let toolLedger: ToolLedger;
  let callId: CallId;
  let facts: { readonly [name in 'started' | 'turn' | 'tool' | 'ended' | 'reported' | 'refused']: CallEvent };
  beforeEach(async () => {
    callStore = memoryCallStore(new ManualClock());
    records = memoryRecords();
    toolLedger = memoryToolLedger();
    callId = newCallId();
    facts = {
      started: sampleEvent(callId, 0, { type: 'call.started', agent: 'front-desk', agentVersion: '1', isProven: true }),
      turn: sampleEvent(callId, 1, sampleTurn(1)),
      tool: sampleEvent(callId, 2, { type: 'call.tool', name: 'book', outcome: 'done' }),
      ended: sampleEvent(callId, 3, { type: 'call.ended', reason: 'hung_up' }),
      reported: sampleEvent(
        callId,
        0,
        { type: 'call.reported', disconnectionReason: 'user_hangup', durationMs: 60_000 },
        0,
      ),
      refused: sampleEvent(callId, 9, { type: 'call.refused', action: 'end' }, 0),
    };
  });

  const archive = async (...events: readonly CallEvent[]) => {
    const handle = archiveHandler({ records, callStore, toolLedger });
    for (const event of events) await handle(event, signal);
  };
  const store = async () => {
    const { epoch } = await callStore.take(callId, signal);
    const appended = [{ index: 0, role: 'user' as const, content: 'a table for two' }];
    await callStore.commit(callId, epoch, { head: sampleHead(1), appended, facts: [] }, signal);
    await toolLedger.claim(callId, 'book', signal);
    await toolLedger.settle(callId, 'book', 'booked', signal);
  };
  const report = () => records.report(callId, signal);

  it('keeps every fact, and makes no report while the call goes on', async () => {
    await store();
    await archive(facts.started, facts.turn, facts.tool);
    expect(await records.facts(callId, signal)).toEqual([facts.started, facts.turn, facts.tool]);
    expect(await report()).toBeUndefined();
    expect(await callStore.load(callId, signal)).toBeDefined();
  });

  it('saves the report of an ended call and then forgets its live state and its tools', async () => {
    await store();
    await archive(facts.started, facts.turn, facts.tool, facts.ended);
    expect(await report()).toEqual({
      callId,
      agent: { name: 'front-desk', version: '1' },
      startedAt: sampleHead().startedAt,
      endedAt: facts.ended.at,
      reason: 'hung_up',
      turns: 1,
      tools: [{ name: 'book', outcome: 'done' }],
      transcript: [{ role: 'user', content: 'a table for two' }],
    });
    expect(await callStore.load(callId, signal)).toBeUndefined();
    expect(await toolLedger.claim(callId, 'book', signal)).toMatchObject({ kind: 'claimed' });
  });

  it('changes nothing when everything is delivered again', async () => {
    await store();
    const all = [facts.started, facts.turn, facts.tool, facts.ended, facts.reported];
    await archive(...all);
    const [before, listed] = [await report(), await records.listCalls(10, undefined, signal)];
    await archive(...all, ...all.toReversed());
    expect(await report()).toEqual(before);
    expect(await records.listCalls(10, undefined, signal)).toEqual(listed);
    expect(await records.facts(callId, signal)).toHaveLength(5);
  });

  it('comes to the same report whether our end or that of Retell comes first', async () => {
    await store();
    await archive(facts.started, facts.turn, facts.tool, facts.ended, facts.reported);
    const endedFirst = await report();
    records = memoryRecords();
    await store();
    await archive(facts.reported, facts.started, facts.turn, facts.tool, facts.ended);
    expect(await report()).toEqual(endedFirst);
    expect(endedFirst).toMatchObject({ reason: 'user_hangup', endedAt: facts.ended.at });
  });

  it('leaves a reported call that has not been ended here to the closer', async () => {
    await store();
    await archive(facts.started, facts.reported);
    expect(await report()).toBeUndefined();
    expect(await callStore.load(callId, signal)).toBeDefined();
  });

  it('makes a short report of a call known from its webhook alone', async () => {
    await archive(facts.reported);
    expect(await report()).toEqual({
      callId,
      agent: { name: 'unknown', version: 'unknown' },
      startedAt: facts.reported.at - 60_000,
      endedAt: facts.reported.at,
      reason: 'user_hangup',
      turns: 0,
      tools: [],
      transcript: [],
    });
  });

  it('lists a refused call, with the same report whichever of its facts comes first', async () => {
    await archive(facts.refused);
    expect(await report()).toMatchObject({ reason: 'refused', startedAt: facts.refused.at, endedAt: facts.refused.at });
    await archive(facts.reported);
    const refusedFirst = await report();
    records = memoryRecords();
    await archive(facts.reported, facts.refused);
    expect(await report()).toEqual(refusedFirst);
    expect(refusedFirst?.reason).toBe('user_hangup');
  });

  it('says of a caller who was promised a call back that they are owed one, whatever Retell says', async () => {
    const refused = sampleEvent(callId, 9, { type: 'call.refused', action: 'callback' }, 0);
    await archive(refused);
    expect(await report()).toMatchObject({ reason: 'refused_callback', startedAt: refused.at });
    await archive(facts.reported);
    expect(await report()).toMatchObject({ reason: 'refused_callback' });
    expect(await records.listCalls(10, undefined, signal)).toMatchObject([{ callId, reason: 'refused_callback' }]);
  });

  it('owes no call back to who got through after all', async () => {
    const refused = sampleEvent(callId, 9, { type: 'call.refused', action: 'callback' }, 0);
    await archive(refused, facts.started, facts.ended);
    expect(await report()).toMatchObject({ reason: 'hung_up' });
  });

  it('finishes what a crash cut short, wherever it did', async () => {
    for (const cut of ['saveFact', 'saveReport', 'remove', 'forget']) {
      callId = newCallId();
      const ended = { ...facts.ended, callId };
      await store();
      const crash = () => Promise.reject(new Error('killed'));
      const crashing = archiveHandler({
        records: {
          ...records,
          ...(cut === 'saveFact' && { saveFact: crash }),
          ...(cut === 'saveReport' && { saveReport: crash }),
        },
        callStore: { ...callStore, ...(cut === 'remove' && { remove: crash }) },
        toolLedger: { ...toolLedger, ...(cut === 'forget' && { forget: crash }) },
      });
      await expect(crashing(ended, signal)).rejects.toThrow('killed');
      await archive(ended);
      expect((await report())?.transcript).toEqual([{ role: 'user', content: 'a table for two' }]);
      expect(await callStore.load(callId, signal)).toBeUndefined();
      expect(await toolLedger.claim(callId, 'book', signal)).toMatchObject({ kind: 'claimed' });
    }
  });
});
