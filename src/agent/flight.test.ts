import { describe, expect, it } from 'vitest';
import type { DraftChunk } from '../call/call.ts';
import { Fault } from '../std/fault.ts';
import { settle } from '../std/manual-clock.ts';
import { Flight } from './flight.ts';

const sentence = (text: string): DraftChunk => ({ kind: 'sentence', text });
const left = new Fault('cancelled', 'test.left', 'the caller spoke');

/** A flight whose chunks the test lets out one by one. */
function setUp() {
  const chunks: DraftChunk[] = [];
  let wake = Promise.withResolvers<void>();
  let ending: { readonly error?: Fault } | undefined;
  const seen = { reason: undefined as unknown };
  const change = (make: () => void) => {
    make();
    wake.resolve();
    wake = Promise.withResolvers();
    return settle();
  };
  const flight = new Flight(async function* (signal) {
    signal.addEventListener('abort', () => {
      seen.reason = signal.reason;
      wake.resolve();
    });
    for (let at = 0; !signal.aborted; ) {
      const chunk = chunks[at];
      if (chunk) {
        at += 1;
        yield chunk;
      } else if (ending) {
        if (ending.error) throw ending.error;
        return;
      } else await wake.promise;
    }
    throw signal.reason;
  });
  return {
    flight,
    seen,
    say: (text: string) => change(() => chunks.push(sentence(text))),
    finish: (error?: Fault) =>
      change(() => {
        ending = error ? { error } : {};
      }),
  };
}

function listen(flight: Flight) {
  const controller = new AbortController();
  const heard: string[] = [];
  const ended = (async () => {
    try {
      for await (const chunk of flight.listen(controller.signal)) if (chunk.kind === 'sentence') heard.push(chunk.text);
      return 'ended';
    } catch (thrown) {
      return thrown;
    }
  })();
  return { heard, ended, leave: () => controller.abort(left) };
}

describe('a flight', () => {
  it('is heard from the beginning by whoever joins, as it goes on', async () => {
    const { flight, say, finish } = setUp();
    const first = listen(flight);
    await say('One.');
    const second = listen(flight);
    await say('Two.');
    expect([first.heard, second.heard]).toEqual([
      ['One.', 'Two.'],
      ['One.', 'Two.'],
    ]);
    await finish();
    const late = listen(flight);
    expect(await Promise.all([first.ended, second.ended, late.ended])).toEqual(['ended', 'ended', 'ended']);
    expect(late.heard).toEqual(['One.', 'Two.']);
  });

  it('goes on for the second listener when the first leaves', async () => {
    const { flight, say, finish, seen } = setUp();
    const first = listen(flight);
    const second = listen(flight);
    await say('One.');
    first.leave();
    expect(await first.ended).toBe(left);
    expect([seen.reason, flight.isOver]).toEqual([undefined, false]);
    await say('Two.');
    await finish();
    expect(await second.ended).toBe('ended');
    expect([first.heard, second.heard]).toEqual([['One.'], ['One.', 'Two.']]);
  });

  it('is aborted, with their reason, when the last listener leaves', async () => {
    const { flight, say, seen } = setUp();
    const listeners = [listen(flight), listen(flight)];
    await say('One.');
    for (const { leave } of listeners) leave();
    await settle();
    expect(seen.reason).toBe(left);
    expect(flight.isOver).toBe(true);
    await say('Two.');
    expect(listeners.map(({ heard }) => heard)).toEqual([['One.'], ['One.']]);
  });

  it('is aborted when its last listener stops reading', async () => {
    const { flight, say, seen } = setUp();
    const reading = flight.listen(new AbortController().signal);
    const first = reading.next();
    await say('One.');
    expect((await first).value).toEqual(sentence('One.'));
    await reading.return();
    expect(seen.reason).toBeDefined();
  });

  it('fails for every listener, after what it said', async () => {
    const { flight, say, finish } = setUp();
    const first = listen(flight);
    await say('One.');
    const second = listen(flight);
    const broken = new Fault('unavailable', 'test.broken', 'on purpose');
    await finish(broken);
    const late = listen(flight);
    expect(await Promise.all([first.ended, second.ended, late.ended])).toEqual([broken, broken, broken]);
    expect([first.heard, second.heard, late.heard]).toEqual([['One.'], ['One.'], ['One.']]);
  });

  it('that fails before anyone listens breaks nothing', async () => {
    const { flight, finish } = setUp();
    const broken = new Fault('unavailable', 'test.broken', 'on purpose');
    await finish(broken);
    expect(await listen(flight).ended).toBe(broken);
  });
});
