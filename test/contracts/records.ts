import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallId } from '../../src/call/call.ts';
import type { Job, Jobs } from '../../src/ports/jobs.ts';
import type { Records, WebhookRecord } from '../../src/ports/records.ts';
import { newCallId, sampleEvent, sampleReport, sampleTurn } from './samples.ts';
import { IN_MEMORY, type MakeSubject, type Subject, signal } from './subject.ts';

interface Archive {
  readonly records: Records;
  /** Where the jobs of what is stored go. */
  readonly jobs: Jobs;
}

/** What every archive must do. */
export function recordsContract(name: string, make: MakeSubject<Archive>, { isDurable } = IN_MEMORY): void {
  describe(`the records contract over ${name}`, () => {
    let subject: Subject<Archive>;
    let records: Records;
    let callId: CallId;

    beforeEach(async () => {
      subject = await make();
      records = subject.port.records;
      callId = newCallId();
    });
    afterEach(() => subject.close());

    const pending = async () => (await records.pendingFacts(100, signal)).map(({ event }) => event);

    it('stores a webhook with its facts once, however many deliveries come at once', async () => {
      const fact = sampleEvent(callId, 1, { type: 'call.reported', disconnectionReason: 'user_hangup' }, 0);
      const accept = () => records.acceptWebhook(webhookOf(callId, 'call_ended'), { facts: [fact], jobs: [] }, signal);
      const answers = await Promise.all(Array.from({ length: 20 }, accept));
      expect(answers.filter((answer) => answer === 'stored')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'duplicate')).toHaveLength(19);
      expect(await pending()).toEqual([fact]);
    });

    it('enqueues the jobs of a webhook when it is stored, and none for a duplicate', async () => {
      const accept = (n: number) =>
        records.acceptWebhook(
          webhookOf(callId, 'call_ended'),
          { facts: [], jobs: [{ kind: 'note', payload: { n } }] },
          signal,
        );
      expect([await accept(1), await accept(2)]).toEqual(['stored', 'duplicate']);
      const { jobs } = subject.port;
      await jobs.enqueue([{ kind: 'note', payload: { n: 3 } }], signal);
      const stop = new AbortController();
      const done: unknown[] = [];
      const note = async ({ payload }: Job) => {
        done.push(payload.n);
        if (payload.n === 3) stop.abort();
      };
      await jobs.work({ handlers: { note }, concurrency: 1 }, stop.signal);
      expect(done).toEqual([1, 3]);
    });

    it('knows a call that a webhook named, and one that a webhook ended', async () => {
      expect(await records.isNamed(callId, signal)).toBe(false);
      await records.acceptWebhook(webhookOf(callId, 'call_started'), { facts: [], jobs: [] }, signal);
      expect(await records.isNamed(callId, signal)).toBe(true);
      expect(await records.isEnded(callId, signal)).toBe(false);
      await records.acceptWebhook(webhookOf(callId, 'call_ended'), { facts: [], jobs: [] }, signal);
      expect(await records.isEnded(callId, signal)).toBe(true);
      expect(await records.isNamed(newCallId(), signal)).toBe(false);
    });

    it('accepts a webhook that names no call', async () => {
      const alert = { ...webhookOf(callId, 'alert_triggered'), callId: undefined };
      expect(await records.acceptWebhook(alert, { facts: [], jobs: [] }, signal)).toBe('stored');
      expect(await records.acceptWebhook(alert, { facts: [], jobs: [] }, signal)).toBe('duplicate');
      expect(await records.isNamed(callId, signal)).toBe(false);
    });

    it('lets the newest transcript win, whatever order they come in', async () => {
      const transcript = (signedAt: number) => ({ ...webhookOf(callId, 'transcript_updated'), signedAt });
      const accept = (signedAt: number) => records.acceptWebhook(transcript(signedAt), { facts: [], jobs: [] }, signal);
      expect(await accept(20)).toBe('stored');
      expect(await accept(10)).toBe('duplicate');
      expect(await accept(20)).toBe('duplicate');
      expect(await accept(30)).toBe('stored');
      expect(await accept(20)).toBe('duplicate');
    });

    it('never lets a later signature replace anything but a transcript', async () => {
      await records.acceptWebhook(webhookOf(callId, 'call_ended'), { facts: [], jobs: [] }, signal);
      const again = { ...webhookOf(callId, 'call_ended'), signedAt: 99 };
      expect(await records.acceptWebhook(again, { facts: [sampleEvent(callId, 1)], jobs: [] }, signal)).toBe(
        'duplicate',
      );
      expect(await pending()).toEqual([]);
    });

    it('comes to the same state for every order of webhooks with duplicates', async () => {
      const ended = { type: 'call.reported', disconnectionReason: 'user_hangup' } as const;
      const sent = (id: CallId): readonly WebhookRecord[] => [
        webhookOf(id, 'call_started'),
        ...[1, 2, 3].map((signedAt) => ({ ...webhookOf(id, 'transcript_updated'), signedAt })),
        ...['started', 'bridged', 'ended'].map((phase) => webhookOf(id, `transfer_${phase}`)),
        webhookOf(id, 'call_ended'),
        webhookOf(id, 'call_analyzed'),
      ];
      const places = Array.from({ length: 18 }, (_, place) => place);
      await fc.assert(
        fc.asyncProperty(fc.shuffledSubarray(places, { minLength: 18 }), async (order) => {
          const id = newCallId();
          const twice = [...sent(id), ...sent(id)];
          for (const webhook of order.flatMap((place) => twice[place] ?? []))
            await records.acceptWebhook(
              webhook,
              { facts: webhook.event === 'call_ended' ? [sampleEvent(id, 1, ended, 0)] : [], jobs: [] },
              signal,
            );
          expect((await pending()).filter((fact) => fact.callId === id)).toEqual([sampleEvent(id, 1, ended, 0)]);
          expect([await records.isNamed(id, signal), await records.isEnded(id, signal)]).toEqual([true, true]);
          for (const webhook of twice)
            expect(await records.acceptWebhook(webhook, { facts: [], jobs: [] }, signal)).toBe('duplicate');
        }),
        { numRuns: 10 },
      );
    });

    it('saves a fact once per call, epoch and seq', async () => {
      const first = sampleEvent(callId, 1);
      await records.saveFact(first, signal);
      await records.saveFact({ ...first, at: 5 }, signal);
      await records.saveFact(sampleEvent(callId, 1, undefined, 0), signal);
      await records.saveFact(sampleEvent(callId, 10), signal);
      await records.saveFact(sampleEvent(callId, 2), signal);
      await records.saveFact(sampleEvent(newCallId(), 1), signal);
      const saved = await records.facts(callId, signal);
      expect(saved.map(({ epoch, seq }) => [epoch, seq])).toEqual([
        [0, 1],
        [1, 1],
        [1, 2],
        [1, 10],
      ]);
      expect(saved[1]).toEqual(first);
      expect(await records.facts(newCallId(), signal)).toEqual([]);
    });

    it('saves a fact that is numbered by its time, as one of no session is', async () => {
      const refused = sampleEvent(callId, Date.now(), { type: 'call.refused', action: 'end' }, 0);
      await records.saveFact(refused, signal);
      expect(await records.facts(callId, signal)).toEqual([refused]);
    });

    it('gives back the report it was given last', async () => {
      expect(await records.report(callId, signal)).toBeUndefined();
      await records.saveReport(sampleReport(callId), signal);
      await records.saveReport(sampleReport(callId, { reason: 'agent_hangup' }), signal);
      expect(await records.report(callId, signal)).toEqual(sampleReport(callId, { reason: 'agent_hangup' }));
    });

    it('lists calls newest first, those still going on included, a page at a time', async () => {
      const [older, newer] = [newCallId(), newCallId()];
      await records.saveReport(sampleReport(older, { startedAt: 1_000 }), signal);
      await records.saveReport(sampleReport(newer, { startedAt: 3_000 }), signal);
      const started = { type: 'call.started', agent: 'front-desk', agentVersion: '1', isProven: true } as const;
      await records.saveFact({ ...sampleEvent(callId, 1, started), at: 2_000 }, signal);
      await records.saveFact(sampleEvent(callId, 2, sampleTurn(1)), signal);
      expect(await records.listCalls(10, undefined, signal)).toEqual([
        {
          callId: newer,
          agent: 'front-desk',
          startedAt: 3_000,
          endedAt: 1_800_000_060_000,
          reason: 'user_hangup',
          turns: 3,
        },
        { callId, agent: 'front-desk', startedAt: 2_000, endedAt: undefined, reason: undefined, turns: 1 },
        {
          callId: older,
          agent: 'front-desk',
          startedAt: 1_000,
          endedAt: 1_800_000_060_000,
          reason: 'user_hangup',
          turns: 3,
        },
      ]);
      expect((await records.listCalls(1, 3_000, signal)).map((call) => call.callId)).toEqual([callId]);
    });

    it('lists a call under its report once there is one, whatever is saved after', async () => {
      const started = { type: 'call.started', agent: 'other', agentVersion: '1', isProven: true } as const;
      await records.saveReport(sampleReport(callId), signal);
      await records.saveFact(sampleEvent(callId, 1, started), signal);
      const [listed] = await records.listCalls(10, undefined, signal);
      expect(listed).toMatchObject({ agent: 'front-desk', reason: 'user_hangup' });
    });

    it('keeps facts in its outbox until they are forgotten', async () => {
      const facts = [sampleEvent(callId, 1), sampleEvent(callId, 2)];
      await records.acceptWebhook(webhookOf(callId, 'call_ended'), { facts, jobs: [] }, signal);
      const [first] = await records.pendingFacts(1, signal);
      expect(first?.event).toEqual(facts[0]);
      await records.forgetFacts([first?.position ?? -1], signal);
      await records.forgetFacts([first?.position ?? -1], signal);
      expect(await pending()).toEqual([facts[1]]);
    });

    it('refuses an aborted signal with its reason', async () => {
      const reason = new Error('enough');
      await expect(records.report(callId, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    if (!isDurable) return;
    it('keeps everything over a reopening', async () => {
      const fact = sampleEvent(callId, 1);
      await records.acceptWebhook(webhookOf(callId, 'call_ended'), { facts: [fact], jobs: [] }, signal);
      await records.saveFact(fact, signal);
      await records.saveReport(sampleReport(callId), signal);
      ({ records } = await subject.reopen());
      expect(await records.acceptWebhook(webhookOf(callId, 'call_ended'), { facts: [fact], jobs: [] }, signal)).toBe(
        'duplicate',
      );
      expect(await pending()).toEqual([fact]);
      expect(await records.facts(callId, signal)).toEqual([fact]);
      expect(await records.report(callId, signal)).toEqual(sampleReport(callId));
    });
  });
}

function webhookOf(callId: CallId, event: string): WebhookRecord {
  return {
    key: `${event} ${callId}`,
    event,
    callId,
    signedAt: 1,
    receivedAt: 2,
    body: `{"event":"${event}"}`,
  };
}
