import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BINARY, CLOSE, frame, PING, TEXT } from './raw-peer.fixture.ts';
import { createUpdateSieve } from './update-sieve.ts';

const UPDATE = '{"interaction_type":"update_only"';
const update = (words: string) => frame({ opcode: TEXT, payload: `${UPDATE},"transcript":[${words}]}` });
const ask = (words: string) =>
  frame({ opcode: TEXT, payload: `{"interaction_type":"response_required","response_id":1,"transcript":[${words}]}` });

/** A sieve that has been fed, and what came out of it. */
function open(maySift = () => true) {
  const passed: Buffer[] = [];
  let waits = 0;
  const sieve = createUpdateSieve({ pass: (bytes) => passed.push(bytes), onWaiting: () => waits++, maySift });
  return { ...sieve, passed: () => Buffer.concat(passed), waits: () => waits };
}

/** What should come out of a sieve that is pulled at the end. */
function passedOf(frames: readonly { readonly kind: string; readonly bytes: Buffer }[]): readonly Buffer[] {
  const passed: Buffer[] = [];
  let waiting: Buffer[] = [];
  for (const { kind, bytes } of frames) {
    if (kind === 'update') waiting = [bytes];
    else if (kind === 'ask') passed.push(bytes);
    else passed.push(...waiting.splice(0), bytes);
  }
  return [...passed, ...waiting];
}

describe('the sieve for updates', () => {
  it('lets an update wait until another overtakes it', () => {
    const sieve = open();
    sieve.feed(Buffer.concat([update('1'), update('2'), update('3')]));
    expect(sieve.passed()).toEqual(Buffer.alloc(0));
    expect(sieve.waits()).toBe(3);
    sieve.pull();
    expect(sieve.passed()).toEqual(update('3'));
    sieve.pull();
    expect(sieve.passed()).toEqual(update('3'));
  });

  it.each([
    ['a ping of Retell', frame({ opcode: TEXT, payload: '{"interaction_type":"ping_pong","timestamp":1}' })],
    ['a ping of the protocol', frame({ opcode: PING, payload: 'alive?' })],
    ['a close', frame({ opcode: CLOSE })],
    ['an empty text', frame({ opcode: TEXT })],
    ['an update in pieces', frame({ opcode: TEXT, payload: `${UPDATE}}`, isFinal: false })],
    ['an update in binary', frame({ opcode: BINARY, payload: `${UPDATE}}` })],
    ['an update without a mask', frame({ opcode: TEXT, payload: `${UPDATE}}`, isMasked: false })],
    ['an update that claims an extension', frame({ opcode: TEXT, payload: `${UPDATE}}`, reserved: 4 })],
    [
      'an update printed otherwise',
      frame({ opcode: TEXT, payload: `{"interaction_type": "update_only"}${' '.repeat(9)}` }),
    ],
  ])('passes on at once, after the update before it: %s', (_, other) => {
    const sieve = open();
    sieve.feed(Buffer.concat([update('1'), other]));
    expect(sieve.passed()).toEqual(Buffer.concat([update('1'), other]));
  });

  it('lets an ask pass an update, which is handed on after it or forgotten', () => {
    const [read, unread] = [open(), open()];
    for (const sieve of [read, unread]) {
      sieve.feed(Buffer.concat([update('1'), ask('2')]));
      expect(sieve.passed()).toEqual(ask('2'));
    }
    read.forget();
    for (const sieve of [read, unread]) sieve.pull();
    expect(read.passed()).toEqual(ask('2'));
    expect(unread.passed()).toEqual(Buffer.concat([ask('2'), update('1')]));
  });

  it('hands nothing out in the middle of another frame, but right after it', () => {
    const sieve = open();
    const whole = ask('2'.repeat(200));
    const half = Math.floor(whole.length / 2);
    sieve.feed(Buffer.concat([update('1'), whole.subarray(0, half)]));
    expect(sieve.pull()).toBe(true);
    expect(sieve.passed()).toEqual(whole.subarray(0, half));
    sieve.feed(whole.subarray(half));
    expect(sieve.passed()).toEqual(Buffer.concat([whole, update('1')]));
    expect(sieve.pull()).toBe(false);
  });

  it('leaves a frame that claims more than any limit to the library, as it comes', () => {
    const sieve = open();
    const huge = frame({ opcode: TEXT, payload: `${UPDATE}}`, claimedLength: 2n ** 62n });
    sieve.feed(huge);
    sieve.feed(Buffer.from('more'));
    expect(sieve.passed()).toEqual(Buffer.concat([huge, Buffer.from('more')]));
  });

  it('keeps no long list of crumbs', () => {
    const sieve = open();
    const long = update('1'.repeat(2_000));
    for (const byte of long.subarray(0, 1_500)) sieve.feed(Buffer.from([byte]));
    expect(sieve.passed()).toEqual(long.subarray(0, 1_500));
  });

  it('passes everything on while it may not sift', () => {
    const sieve = open(() => false);
    sieve.feed(Buffer.concat([update('1'), update('2')]));
    expect(sieve.passed()).toEqual(Buffer.concat([update('1'), update('2')]));
  });

  it('passes on every byte but those of overtaken updates, in order, however the bytes are split', () => {
    const words = fc.string({ maxLength: 200 }).map((text) => JSON.stringify(text));
    const sent = fc.oneof(
      { weight: 4, arbitrary: words.map((text) => ({ kind: 'update', bytes: update(text) })) },
      { weight: 1, arbitrary: words.map((text) => ({ kind: 'ask', bytes: ask(text) })) },
      { weight: 1, arbitrary: fc.constant({ kind: 'other', bytes: frame({ opcode: PING, payload: 'x' }) }) },
    );
    fc.assert(
      fc.property(fc.array(sent), fc.array(fc.integer({ min: 1, max: 300 })), (frames, sizes) => {
        const sieve = open();
        const bytes = Buffer.concat(frames.map((each) => each.bytes));
        let from = 0;
        for (const size of sizes) {
          if (from < bytes.length) sieve.feed(bytes.subarray(from, from + size));
          from += size;
        }
        if (from < bytes.length) sieve.feed(bytes.subarray(from));
        sieve.pull();
        expect(sieve.passed()).toEqual(Buffer.concat(passedOf(frames)));
      }),
    );
  });
});
