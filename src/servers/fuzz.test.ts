import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineAgent } from '../agent/agent.ts';
import { systemClock } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { openHouse, signed } from './house.fixture.ts';
import { CLOSE, dial, frame, type RawPeer, TEXT } from './raw-peer.fixture.ts';
import { speakRetell } from './retell-line.ts';

const RUNS = { numRuns: 150 };

const agent = defineAgent({ name: 'desk', greeting: 'Hello.', instructions: 'Be kind.' });
const crashes: unknown[] = [];
const onCrash = (thrown: unknown) => crashes.push(thrown);
let house: Awaited<ReturnType<typeof openHouse>>;
let neighbour: RawPeer;
let callNumber = 0;

beforeAll(async () => {
  process.on('unhandledRejection', onCrash);
  house = await openHouse(
    {
      agents: [agent],
      defaultAgent: agent,
    },
    {
      door: {
        accept: (socket, info) =>
          speakRetell(socket, info, {
            clock: systemClock,
            log: silentLog,
            hearsDigits: false,
            onMalformed() {},
            accept: () => ({ onDetails() {}, onAsk() {}, onHeard() {}, onClosed() {} }),
          }),
      },
    },
  );
  neighbour = await dial(house.port, '/llm-websocket/call_neighbour');
});

afterAll(async () => {
  process.off('unhandledRejection', onCrash);
  await house.close();
});

/** The neighbour's ping is still echoed, and nothing else was thrown anywhere. */
async function expectUnharmed(): Promise<void> {
  const before = neighbour.opcodes().length;
  neighbour.send(frame({ opcode: TEXT, payload: '{"interaction_type":"ping_pong","timestamp":1}' }));
  await expect.poll(() => neighbour.opcodes().length, { interval: 1 }).toBe(before + 1);
  expect(crashes).toEqual([]);
}

const oddKeys = fc.constantFrom('event', 'call', 'call_id', 'args', 'name', 'transcript', '__proto__', 'response_id');
const oddJson = fc
  .letrec((tie) => ({
    leaf: fc.oneof(
      fc.string(),
      fc.double(),
      fc.constant(null),
      fc.boolean(),
      fc.constantFrom('call_ended', 'response_required', 'call_1_aaaa', 1e308, -1),
    ),
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(oddKeys, fc.string()), tie('tree'), { maxKeys: 5 }),
    ),
  }))
  .tree.map((value) => JSON.stringify(value));
const deep = fc
  .tuple(fc.constantFrom('[', '{"a":', '{"call":'), fc.integer({ min: 1, max: 50_000 }))
  .map(([open, depth]) => open.repeat(depth));
const body = fc.oneof(oddJson, deep, fc.string({ unit: 'binary' }));

describe('anything at all', () => {
  it('POSTed to Retell’s routes is answered, and harms nobody', { timeout: 30_000 }, async () => {
    const paths = fc.constantFrom('/webhooks/retell', '/webhooks/retell/inbound', '/functions/look', '/functions/%00');
    const header = fc.oneof(fc.constant('sign'), fc.string({ unit: 'grapheme-ascii' }));
    await fc.assert(
      fc.asyncProperty(paths, body, header, async (path, text, signature) => {
        const headers = signature === 'sign' ? signed(text) : { 'x-retell-signature': signature };
        const answer = await house.post(path, text, headers);
        const allowed = signature === 'sign' ? [200, 204, 400, 404] : [401];
        expect(allowed).toContain(answer.status);
      }),
      RUNS,
    );
    await expectUnharmed();
  });

  it('sent as a text frame leaves the socket open', { timeout: 30_000 }, async () => {
    const peer = await dial(house.port, '/llm-websocket/call_fuzzed_text');
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        peer.send(frame({ opcode: TEXT, payload: text }));
      }),
      RUNS,
    );
    const pings = peer.opcodes().length;
    peer.send(frame({ opcode: TEXT, payload: '{"interaction_type":"ping_pong","timestamp":2}' }));
    await expect.poll(() => peer.opcodes().length).toBeGreaterThan(pings);
    await expectUnharmed();
  });

  it('sent as bytes costs its own socket at most, and draws no close frame first', { timeout: 30_000 }, async () => {
    const shape = fc
      .record(
        {
          opcode: fc.integer({ min: 0, max: 15 }),
          payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
          isFinal: fc.boolean(),
          isMasked: fc.boolean(),
          reserved: fc.integer({ min: 0, max: 7 }),
          claimedLength: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        },
        { requiredKeys: ['opcode'] },
      )
      .map(frame);
    const bytes = fc.oneof(
      shape,
      fc.uint8Array({ maxLength: 64 }).map((raw) => Buffer.from(raw)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 5 }), async (pieces) => {
        const peer = await dial(house.port, `/llm-websocket/call_fuzz_${callNumber++}`);
        for (const piece of pieces) peer.send(piece);
        peer.socket.end();
        const code = await peer.closed;
        // A close frame goes out only in answer to one of theirs.
        if (peer.opcodes().includes(CLOSE)) expect(Buffer.concat(pieces).includes(0x80 | CLOSE)).toBe(true);
        else expect(code).toBe(1006);
      }),
      RUNS,
    );
    await expectUnharmed();
  });
});
