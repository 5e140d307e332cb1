import { afterEach, describe, expect, it } from 'vitest';
import { verifySignature } from '../../retell/signature.ts';
import { systemClock } from '../../std/clock.ts';
import { DEFAULT_TIMINGS } from '../line/timings.ts';
import {
  greet,
  type SampleBehaviour,
  type SampleServer,
  type SampleSession,
  startSampleServer,
} from '../stubs/sample-server.fixture.ts';
import { allPositions } from '../switches.ts';
import { type SimulationOptions, type SimulationProgress, simulate } from './simulate.ts';
import { verdicts } from './verdicts.ts';

const FAST = { speechRate: 200, timings: { ...DEFAULT_TIMINGS, redialMs: { min: 1, max: 5 } } };
const inTime = () => AbortSignal.timeout(20_000);

let server: SampleServer | undefined;
afterEach(() => server?.close());

async function run(behaviour: SampleBehaviour, options: Partial<SimulationOptions> = {}, signal = inTime()) {
  const started = await startSampleServer(behaviour);
  server = started;
  return simulate({ baseUrl: started.url, calls: 4, turns: 4, seed: 1, ...FAST, ...options }, signal);
}

const failed = (report: Awaited<ReturnType<typeof run>>, expectations = {}) =>
  verdicts(report, expectations)
    .filter(({ isPassed }) => !isPassed)
    .map(({ claim }) => claim);

/** A server with room for so many calls; the others hear a busy line. */
function limited(room: number): SampleBehaviour {
  let taken = 0;
  return {
    onOpen: (session) => {
      taken += 1;
      if (taken <= room) {
        greet(session);
        return;
      }
      session.send({ response_type: 'config', config: { auto_reconnect: true, call_details: false } });
      session.send({
        response_type: 'response',
        response_id: 0,
        content: 'All lines are busy. Goodbye.',
        content_complete: true,
        end_call: true,
      });
    },
  };
}

/**
 * Answers a little later, unless a newer ask has come: re-asks then find something to supersede. An ask left open by
 * a lost socket is answered on the next.
 */
function answerLater(delayMs: number): SampleBehaviour {
  const open = new Map<string, { readonly id: number; session: SampleSession }>();
  const answer = (callId: string, id: number) => {
    const ask = open.get(callId);
    if (ask?.id !== id || ask.session.socket.readyState !== ask.session.socket.OPEN) return;
    open.delete(callId);
    ask.session.answer(id, 'That can be arranged. Is there more?');
  };
  return {
    onOpen(session) {
      greet(session);
      const ask = open.get(session.callId);
      if (!ask) return;
      ask.session = session;
      answer(session.callId, ask.id);
    },
    onAsk(session, { response_id: id }) {
      open.set(session.callId, { id, session });
      systemClock.after(delayMs, () => answer(session.callId, id));
    },
  };
}

describe('a simulation', () => {
  it('passes against a server that keeps the rules, with callers of every kind', async () => {
    const shares = { bargeIn: 0.3, reask: 0.2, reminder: 0.1, drop: 0.2, digit: 0.1 };
    const progress: SimulationProgress[] = [];
    const started = await startSampleServer(answerLater(8));
    server = started;
    const options = { baseUrl: started.url, calls: 10, turns: 5, seed: 3, shares, ...FAST };
    const report = await simulate(options, inTime(), (now) => progress.push(now));
    expect(failed(report, { expectRefused: 0 })).toEqual([]);
    expect(report.calls).toMatchObject({ wanted: 10, finished: 10, peak: 10, endings: { user_hangup: 10 } });
    expect(report.turns.count).toBeGreaterThanOrEqual(50);
    expect(report.turns.superseded).toBeGreaterThan(0);
    expect(report.turns.reminders).toBeGreaterThan(0);
    expect(report.redials.count).toBeGreaterThan(0);
    expect(progress.at(-1)).toMatchObject({ calls: 10, callsDone: 10, turns: report.turns.count });
  });

  it('counts refused callers apart, with their busy line and its action', async () => {
    const report = await run(limited(2), { calls: 5, shares: { drop: 0 } });
    expect(report.refused).toMatchObject({ count: 3, actions: { end: 3 }, unserved: 0, busyLineMs: { count: 3 } });
    expect(report.calls).toMatchObject({ admitted: 2, finished: 2 });
    expect(failed(report, { expectRefused: 3 })).toEqual([]);
    expect(failed(report, { expectRefused: 2 })).toEqual(['refused = 2']);
  });

  it('fails for silence, for a turn never closed, and says why', async () => {
    const report = await run({ onAsk: () => {} }, { calls: 1, turns: 1, lostAfterMs: 1_100, shares: { drop: 0 } });
    expect(report.turns).toMatchObject({ lost: 1 });
    expect(report.deadAir.count).toBe(1);
    expect(failed(report)).toContain('turns lost = 0');
    expect(failed(report)).toContain('no dead air > 1.0 s');
  });

  it('fails for a server that answers every ask with an apology', async () => {
    const apologies = ['Sorry, I did not get that.'];
    const sorry: SampleBehaviour = { onAsk: (session, ask) => session.answer(ask.response_id, apologies[0] ?? '') };
    const report = await run(sorry, { calls: 1, turns: 3, apologies, shares: { drop: 0, reask: 0 } });
    expect(report.turns.apologies).toBe(report.turns.answered);
    expect(failed(report)).toEqual(['answered, not apologised']);
    expect(failed(report, { maxApologyRatio: 1 })).toEqual([]);
  });

  it('fails for breaches and names them', async () => {
    const report = await run(
      { onAsk: (session) => session.answer(99, 'Yes.') },
      { calls: 1, turns: 1, lostAfterMs: 200, shares: { drop: 0 } },
    );
    expect(report.breaches.map(({ rule }) => rule)).toContain('content.unknown_id');
  });

  it('fails for a dropped call', async () => {
    const report = await run({ onAsk: (session) => session.socket.close(1012) });
    expect(report.calls).toMatchObject({ dropped: 4, endings: { error_llm_websocket_runtime: 4 } });
    expect(failed(report)).toContain('no call dropped');
    expect(report.breaches.map(({ rule }) => rule)).toContain('close.live_call');
  });

  it('plays the same calls again for the same seed', async () => {
    const script = async (seed: number) => {
      const heard: string[] = [];
      const onFrame: SampleBehaviour['onFrame'] = ({ callId }, frame) => {
        if (frame.interaction_type !== 'response_required') return;
        heard.push(`${callId.split('_').at(-1)} ${frame.response_id} ${frame.transcript?.at(-1)?.content}`);
      };
      await run({ onFrame }, { seed, calls: 2, shares: { drop: 0, bargeIn: 0, reask: 0 } });
      await server?.close();
      return heard.sort();
    };
    const first = await script(5);
    expect(await script(5)).toEqual(first);
    expect(await script(6)).not.toEqual(first);
  });

  it('begins calls at the given rate', async () => {
    const opened: number[] = [];
    await run(
      {
        onOpen: (session) => {
          opened.push(systemClock.now());
          greet(session);
        },
      },
      { calls: 3, turns: 1, arrivalsPerSecond: 20, shares: { drop: 0 } },
    );
    expect((opened.at(-1) ?? 0) - (opened[0] ?? 0)).toBeGreaterThan(80);
  });

  it('signs and sends the webhooks of every call, some of them twice', async () => {
    const events: string[] = [];
    const verdictsSeen: string[] = [];
    const report = await run(
      {
        onRequest: (request, raw, response) => {
          const header = request.headers['x-retell-signature'];
          const signature = typeof header === 'string' ? header : undefined;
          verdictsSeen.push(verifySignature(Buffer.from(raw), signature, ['k'], systemClock.wall()));
          events.push(JSON.parse(raw).event);
          response.writeHead(204).end();
        },
      },
      { webhookKey: 'k', duplicateRatio: 1, calls: 2, turns: 1, webhooksOutOfOrder: true },
    );
    expect(events.sort()).toEqual(
      ['call_started', 'call_ended', 'call_ended', 'call_analyzed', 'call_analyzed'].flatMap((e) => [e, e]).sort(),
    );
    expect(new Set(verdictsSeen)).toEqual(new Set(['valid']));
    expect(report.webhooks).toMatchObject({ sent: 10, failed: 0 });
  });

  it('gives what it has measured when it is cut short', async () => {
    const controller = new AbortController();
    let asks = 0;
    const report = await run(
      {
        onAsk: () => {
          asks += 1;
          if (asks === 4) controller.abort(new Error('enough'));
        },
      },
      { calls: 8, arrivalsPerSecond: 100, webhookKey: 'k' },
      controller.signal,
    );
    expect(report.isPartial).toBe(true);
    expect(failed(report)).toContain('every call was played');
  });

  it('says at once when nobody listens', async () => {
    await expect(simulate({ baseUrl: 'http://127.0.0.1:1', calls: 50, turns: 10 }, inTime())).rejects.toMatchObject({
      kind: 'unavailable',
      reason: 'simulator.server_unreachable',
    });
  });

  it('lets a server keep its promises in every position of every switch', async () => {
    const started = await startSampleServer({});
    server = started;
    const shares = { bargeIn: 0.2, reask: 0.2, reminder: 0, drop: 0.3, digit: 0 };
    for (const switches of allPositions()) {
      const report = await simulate(
        {
          baseUrl: started.url,
          query: 'tenant=a',
          calls: 3,
          turns: 3,
          seed: 11,
          shares,
          switches,
          webhookKey: 'k',
          ...FAST,
        },
        inTime(),
      );
      expect(failed(report), JSON.stringify(switches)).toEqual([]);
    }
  });
});
