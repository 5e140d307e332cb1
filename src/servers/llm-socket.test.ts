import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { LineInfo } from '../session/line.ts';
import { type Clock, systemClock } from '../std/clock.ts';
import { ManualClock, settle } from '../std/manual-clock.ts';
import { CALL, given, until } from './llm-socket.fixture.ts';
import type { SocketDoorOptions } from './llm-socket.ts';
import { BINARY, CLOSE, dial, type FrameShape, frame, PING, TEXT } from './raw-peer.fixture.ts';

describe('the path', () => {
  it('takes the call id from the bare path when there is no secret', async () => {
    const { port, accepted } = await given();
    expect((await dial(port, `/llm-websocket/${CALL}`)).status).toBe(101);
    expect((await dial(port, `/llm-websocket/${CALL}?tenant=acme`)).status).toBe(101);
    expect((await dial(port, `/llm-websocket?tenant=acme/${CALL}`)).status).toBe(101);
    expect(accepted.map(({ info }) => info)).toEqual(
      Array.from({ length: 3 }, () => ({ callId: CALL, isProven: true })),
    );
  });

  it('wants one of the secrets when there are any, and proves the call by it', async () => {
    const { port, accepted } = await given({ secrets: ['old-secret', 'new secret'], trustsEveryCall: false });
    expect((await dial(port, `/llm-websocket/old-secret/${CALL}`)).status).toBe(101);
    expect((await dial(port, `/llm-websocket/new%20secret/${CALL}`)).status).toBe(101);
    expect((await dial(port, `/llm-websocket/old-secret?x=1/${CALL}`)).status).toBe(101);
    expect(accepted.every(({ info }) => info.isProven)).toBe(true);
  });

  it.each([
    ['the bare path although there is a secret', `/llm-websocket/${CALL}`, 'secret'],
    ['a wrong secret', `/llm-websocket/old-secreT/${CALL}`, 'secret'],
    ['an empty secret', `/llm-websocket//${CALL}`, 'secret'],
    ['a variable that was never set', `/llm-websocket/{{token}}/${CALL}`, 'unresolved_variable'],
    ['the same, encoded', `/llm-websocket/%7B%7Btoken%7D%7D/${CALL}`, 'unresolved_variable'],
    ['an id that is too short', '/llm-websocket/old-secret/call', 'call_id'],
    ['an id with odd letters', '/llm-websocket/old-secret/call_1_aaaa%0d%0a', 'call_id'],
    ['a path below the id', `/llm-websocket/old-secret/${CALL}/more`, 'secret'],
    ['another room', `/llm/old-secret/${CALL}`, 'path'],
    ['a room that begins alike', `/llm-websocketx/old-secret/${CALL}`, 'path'],
  ])('answers a plain 404 to %s', async (_what, path, reason) => {
    const { port, refused, accepted } = await given({ secrets: ['old-secret'] });
    const peer = await dial(port, path);
    await peer.closed;
    expect(peer.status).toBe(404);
    expect(peer.answer().split('\r\n\r\n')[1]).toBe('{"type":"about:blank","title":"Not Found","status":404}');
    expect(refused).toEqual([reason]);
    expect(accepted).toEqual([]);
  });

  it('refuses browsers, other versions and half handshakes', async () => {
    const { port, refused } = await given();
    const path = `/llm-websocket/${CALL}`;
    expect((await dial(port, path, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await dial(port, path, { 'sec-websocket-version': '8' })).status).toBe(400);
    expect((await dial(port, path, { 'sec-websocket-key': 'short' })).status).toBe(400);
    expect(refused).toEqual(['origin', 'handshake', 'handshake']);
  });

  it('refuses a call that ended, and every call while draining', async () => {
    const { port, door, refused } = await given({ isEnded: async (callId) => callId === CALL });
    expect((await dial(port, `/llm-websocket/${CALL}`)).status).toBe(404);
    door.stopAdmitting();
    expect((await dial(port, '/llm-websocket/call_2_aaaa')).status).toBe(503);
    expect(refused).toEqual(['ended', 'draining']);
  });

  it('answers the caller when the archive does not say whether the call ended', async () => {
    const clock = new ManualClock();
    const { port, accepted } = await given({ clock, isEnded: () => new Promise(() => {}) });
    const peer = dial(port, `/llm-websocket/${CALL}`);
    for (let i = 0; i < 100 && accepted.length === 0; i++) await clock.advance(100);
    expect((await peer).status).toBe(101);
  });
});

describe('a breach of the protocol lets go without a close frame', () => {
  const many = Array.from({ length: 1_100 }, () => ({ opcode: 0, isFinal: false }));
  const breaches: readonly (readonly [string, string, readonly FrameShape[]])[] = [
    ['a frame above 8 MiB', 'frame.too_large', [{ opcode: TEXT, claimedLength: BigInt(8 * 1024 * 1024 + 1) }]],
    ['a length beyond counting', 'frame.too_large', [{ opcode: TEXT, claimedLength: 1n << 62n }]],
    ['too many fragments', 'frame.too_many_parts', [{ opcode: TEXT, isFinal: false }, ...many]],
    ['text that is not UTF-8', 'frame.bad_utf8', [{ opcode: TEXT, payload: Buffer.from([0xc3, 0x28]) }]],
    ['an opcode nobody defined', 'frame.bad_protocol', [{ opcode: 3 }]],
    ['a control opcode nobody defined', 'frame.bad_protocol', [{ opcode: 11 }]],
    ['a reserved bit', 'frame.bad_protocol', [{ opcode: TEXT, payload: 'x', reserved: 4 }]],
    ['an unmasked frame', 'frame.bad_protocol', [{ opcode: TEXT, payload: 'x', isMasked: false }]],
    ['a continuation of nothing', 'frame.bad_protocol', [{ opcode: 0, payload: 'x' }]],
    ['a second message inside the first', 'frame.bad_protocol', [{ opcode: TEXT, isFinal: false }, { opcode: TEXT }]],
    ['a ping in pieces', 'frame.bad_protocol', [{ opcode: PING, isFinal: false }]],
    ['a ping too long', 'frame.bad_protocol', [{ opcode: PING, payload: 'x'.repeat(126) }]],
    ['a close frame of one byte', 'frame.bad_protocol', [{ opcode: CLOSE, payload: 'x' }]],
    ['a close code nobody may send', 'frame.bad_protocol', [{ opcode: CLOSE, payload: Buffer.from([3, 0xed]) }]],
    [
      'a close reason that is not UTF-8',
      'frame.bad_utf8',
      [{ opcode: CLOSE, payload: Buffer.from([3, 0xe8, 0xc3, 0x28]) }],
    ],
  ];

  it.each(breaches)('%s', async (_what, reason, shapes) => {
    const { dial, accepted, counted } = await given();
    const peer = await dial(`/llm-websocket/${CALL}`);
    const neighbour = await dial('/llm-websocket/call_2_aaaa');
    peer.send(Buffer.concat(shapes.map(frame)));
    expect(await peer.closed).toBe(1006);
    expect(peer.opcodes()).not.toContain(CLOSE);
    expect(counted).toEqual([reason]);
    await until(() => accepted[0]?.isClosed === true);
    neighbour.send(frame({ opcode: TEXT, payload: 'still here' }));
    await until(() => accepted[1]?.texts[0] === 'still here');
    expect(accepted[1]?.isClosed).toBe(false);
  });

  it('also while our own words wait to be read', async () => {
    const { dial, accepted } = await given();
    const peer = await dial(`/llm-websocket/${CALL}`);
    accepted[0]?.socket.send('x'.repeat(100));
    peer.send(frame({ opcode: 3 }));
    expect(await peer.closed).toBe(1006);
  });

  it('takes a frame of exactly 8 MiB', async () => {
    const { dial, accepted } = await given();
    const peer = await dial(`/llm-websocket/${CALL}`);
    peer.send(frame({ opcode: TEXT, payload: 'x'.repeat(8 * 1024 * 1024) }));
    await until(() => accepted[0]?.texts[0]?.length === 8 * 1024 * 1024);
  });
});

describe('letting go', () => {
  it('sends 1000 only when the call hangs up', async () => {
    const { port, accepted } = await given();
    const client = new WebSocket(`ws://127.0.0.1:${port}/llm-websocket/${CALL}`);
    const code = new Promise((resolve) => client.on('close', resolve));
    await until(() => accepted.length === 1);
    accepted[0]?.socket.send('goodbye');
    accepted[0]?.socket.hangUp();
    expect(await code).toBe(1000);
    await until(() => accepted[0]?.isClosed === true);
  });

  it('terminates without a close frame', async () => {
    const { dial, accepted, door } = await given();
    const peers = [await dial(`/llm-websocket/${CALL}`), await dial('/llm-websocket/call_2_aaaa')];
    accepted[0]?.socket.terminate();
    expect(await peers[0]?.closed).toBe(1006);
    door.terminateAll();
    expect(await peers[1]?.closed).toBe(1006);
    await until(() => accepted.length === 2 && accepted.every(({ isClosed }) => isClosed));
  });

  it.each([1000, 1001, 4000])('answers the close frame with which the peer ends the call (%i)', async (code) => {
    const { dial, accepted } = await given();
    const peer = await dial(`/llm-websocket/${CALL}`);
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    peer.send(frame({ opcode: CLOSE, payload }));
    expect(await peer.closed).toBe(code);
    await until(() => accepted[0]?.isClosed === true);
  });

  it('swallows what is sent to a socket that is gone', async () => {
    const { dial, accepted } = await given();
    const peer = await dial(`/llm-websocket/${CALL}`);
    peer.socket.destroy();
    await until(() => accepted[0]?.isClosed === true);
    accepted[0]?.socket.send('anyone?');
    accepted[0]?.socket.hangUp();
    accepted[0]?.socket.terminate();
  });

  it('lets go of a peer that has not read for five seconds, and of no other', async () => {
    const clock = new ManualClock();
    const { dial, accepted } = await given({ clock });
    const slow = await dial(`/llm-websocket/${CALL}`);
    await dial('/llm-websocket/call_2_aaaa');
    slow.socket.pause();
    for (let i = 0; i < 16; i++) accepted[0]?.socket.send('x'.repeat(1024 * 1024));
    await clock.advance(5_000);
    expect(accepted[0]?.isClosed).toBe(false);
    await clock.advance(1_000);
    await until(() => accepted[0]?.isClosed === true);
    expect(accepted[1]?.isClosed).toBe(false);
  });

  it('lets go when nobody takes the socket over', async () => {
    const { dial } = await given({ accept: () => undefined });
    expect(await (await dial(`/llm-websocket/${CALL}`)).closed).toBe(1006);
  });
});

describe('frames', () => {
  it('passes binary ones over, counts them, and stays', async () => {
    const { dial, accepted, counted } = await given();
    const peer = await dial(`/llm-websocket/${CALL}`);
    peer.send(frame({ opcode: BINARY, payload: 'x' }));
    peer.send(frame({ opcode: TEXT, payload: 'words' }));
    await until(() => accepted[0]?.texts.length === 1);
    expect(accepted[0]?.texts).toEqual(['words']);
    expect(counted).toEqual(['frame.binary']);
  });

  it('survives a session that throws', async () => {
    const listener = {
      onFrame() {
        throw new Error('agent code');
      },
      onWaiting() {},
      onClosed() {
        throw new Error('agent code');
      },
    };
    const { dial } = await given({ accept: () => listener });
    const peer = await dial(`/llm-websocket/${CALL}`);
    peer.send(frame({ opcode: TEXT, payload: 'x' }));
    peer.send(frame({ opcode: PING, payload: 'alive?' }));
    await until(() => peer.opcodes().includes(10));
    peer.socket.destroy();
    expect((await dial(`/llm-websocket/${CALL}`)).status).toBe(101);
  });
});

describe('calls nobody vouches for', () => {
  const untrusting = (clock: Clock = systemClock, overrides: Partial<SocketDoorOptions> = {}) =>
    given({ clock, trustsEveryCall: false, ...overrides });

  it('may talk, one socket per call, and never displace', async () => {
    const { dial, accepted, refused } = await untrusting();
    expect((await dial(`/llm-websocket/${CALL}`)).status).toBe(101);
    expect((await dial(`/llm-websocket/${CALL}`)).status).toBe(404);
    expect(accepted.map(({ info }) => info.isProven)).toEqual([false]);
    expect(refused).toEqual(['unproven']);
  });

  it('are fifty at most', async () => {
    const { statusOf } = await untrusting();
    for (let i = 0; i < 50; i++) expect(await statusOf(`call_many_${i}`)).toBe(101);
    expect(await statusOf('call_many_51')).toBe(404);
  });

  it('give up their place as soon as a webhook names them or Retell knows them', async () => {
    const { statusOf, door, accepted, proven } = await untrusting(systemClock, {
      prover: {
        isNamed: async () => false,
        prove: async (callId) => (callId === 'call_2_aaaa' ? 'proven' : 'unknown'),
      },
    });
    await statusOf(CALL);
    await statusOf('call_2_aaaa');
    await until(() => proven.length === 1);
    // The first still has its place, the second has none.
    for (let i = 0; i < 49; i++) expect(await statusOf(`call_many_${i}`)).toBe(101);
    expect(await statusOf('call_3_aaaa')).toBe(404);
    const { callId = CALL as LineInfo['callId'] } = accepted[0]?.info ?? {};
    for (let again = 0; again < 2; again++) door.markProven(callId);
    expect(await statusOf('call_3_aaaa')).toBe(101);
    expect(await statusOf('call_4_aaaa')).toBe(404);
  });

  it('may redial once they are vouched for', async () => {
    let isNamed = false;
    const { dial, accepted } = await untrusting(systemClock, {
      prover: { isNamed: async () => isNamed, prove: async () => 'unknown' },
    });
    await dial(`/llm-websocket/${CALL}`);
    isNamed = true;
    expect((await dial(`/llm-websocket/${CALL}`)).status).toBe(101);
    expect(accepted.map(({ info }) => info.isProven)).toEqual([false, true]);
  });

  it.each(['gone', 'named'])('are asked about again until they are %s', async (becomes) => {
    const clock = new ManualClock();
    let asks = 0;
    const prove = async () => {
      asks += 1;
      if (asks === 1) throw new TypeError('a prover that broke');
      return 'unknown' as const;
    };
    const { dial, door, accepted } = await untrusting(clock, { prover: { isNamed: async () => false, prove } });
    const peer = await dial(`/llm-websocket/${CALL}`);
    peer.send(frame({ opcode: TEXT, payload: 'x' }));
    await until(() => accepted[0]?.texts.length === 1);
    await clock.advance(5_000);
    expect(asks).toBe(2);
    if (becomes === 'named') door.markProven(CALL as LineInfo['callId']);
    else peer.socket.destroy();
    await until(() => becomes === 'named' || accepted[0]?.isClosed === true);
    await clock.advance(60_000);
    expect(asks).toBe(2);
  });

  it('are let go of after 60 s when Retell denies them', async () => {
    const clock = new ManualClock();
    const prover = { isNamed: async () => false, prove: async () => 'denied' as const };
    const { dial, accepted } = await untrusting(clock, { prover });
    const peer = await dial(`/llm-websocket/${CALL}`);
    peer.send(frame({ opcode: TEXT, payload: 'x' }));
    await until(() => accepted[0]?.texts.length === 1);
    await clock.advance(60_000);
    expect(await peer.closed).toBe(1006);
  });

  it('are let go of when they say nothing for five seconds', async () => {
    const clock = new ManualClock();
    const { dial, accepted } = await untrusting(clock);
    await dial(`/llm-websocket/${CALL}`);
    const talking = await dial('/llm-websocket/call_2_aaaa');
    talking.send(frame({ opcode: TEXT, payload: 'x' }));
    await until(() => accepted[1]?.texts.length === 1);
    await clock.advance(5_000);
    await until(() => accepted[0]?.isClosed === true);
    expect(accepted[1]?.isClosed).toBe(false);
  });

  it('are let go of when they flood, and proven calls are not', async () => {
    const flood = Buffer.concat(Array.from({ length: 500 }, () => frame({ opcode: TEXT, payload: 'x' })));
    const clock = new ManualClock();
    const stranger = await untrusting(clock);
    const peer = await stranger.dial(`/llm-websocket/${CALL}`);
    peer.send(flood);
    expect(await peer.closed).toBe(1006);
    const known = await given({ clock });
    (await known.dial(`/llm-websocket/${CALL}`)).send(flood);
    await until(() => known.accepted[0]?.texts.length === 500);
    await settle();
    expect(known.accepted[0]?.isClosed).toBe(false);
  });
});
