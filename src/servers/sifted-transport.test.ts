import { describe, expect, it } from 'vitest';
import type { LineInfo } from '../session/line.ts';
import { systemClock } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { CALL, given, until } from './llm-socket.fixture.ts';
import { frame, TEXT } from './raw-peer.fixture.ts';
import { speakRetell } from './retell-line.ts';
import type { CallSocket } from './socket.ts';

describe('a call whose frames are sifted', () => {
  it('hands out only the newest of its updates, when it is asked for, and the last before it says that the peer is gone', async () => {
    const told: string[] = [];
    let socket: CallSocket | undefined;
    const { dial } = await given({
      accept(accepted) {
        socket = accepted;
        return {
          onFrame: (bytes) => told.push(bytes.toString()),
          onWaiting: () => told.push('waiting'),
          onClosed: () => told.push('closed'),
        };
      },
    });
    const peer = await dial(`/llm-websocket/${CALL}`);
    const update = (words: string) => `{"interaction_type":"update_only","transcript":[${words}]}`;
    for (const words of ['1', '2']) peer.send(frame({ opcode: TEXT, payload: update(words) }));
    await until(() => told.length === 2);
    socket?.pull();
    peer.send(frame({ opcode: TEXT, payload: update('3') }));
    await until(() => told.length === 4);
    peer.socket.destroy();
    await until(() => told.includes('closed'));
    expect(told).toEqual(['waiting', 'waiting', update('2'), 'waiting', update('3'), 'closed']);
  });

  it('hands out every frame of a call that nobody vouches for', async () => {
    const texts: string[] = [];
    const accept = () => ({ onFrame: (bytes: Buffer) => texts.push(bytes.toString()), onWaiting() {}, onClosed() {} });
    const { dial } = await given({ accept, trustsEveryCall: false });
    const peer = await dial(`/llm-websocket/${CALL}`);
    const updates = ['1', '2', '3'].map((word) => `{"interaction_type":"update_only","transcript":[${word}]}`);
    for (const payload of updates) peer.send(frame({ opcode: TEXT, payload }));
    await until(() => texts.length === 3);
    expect(texts).toEqual(updates);
  });

  it('hears an update before an ask that cannot be read, though the ask came after it', async () => {
    const told: unknown[] = [];
    const accept = (socket: CallSocket, info: LineInfo) =>
      speakRetell(socket, info, {
        clock: systemClock,
        log: silentLog,
        hearsDigits: false,
        onMalformed() {},
        accept: () => ({
          onDetails() {},
          onAsk: (_ask, responseId) => told.push(responseId),
          onHeard: (transcript) => told.push(transcript),
          onClosed() {},
        }),
      });
    const { dial } = await given({ accept });
    const peer = await dial(`/llm-websocket/${CALL}`);
    const words = '[{"role":"user","content":"new words"}]';
    const update = frame({ opcode: TEXT, payload: `{"interaction_type":"update_only","transcript":${words}}` });
    const ask = frame({
      opcode: TEXT,
      payload: '{"interaction_type":"response_required","response_id":7,"transcript":"none"}',
    });
    peer.send(Buffer.concat([update, ask]));
    await until(() => told.length === 2);
    expect(told).toEqual([[{ role: 'user', content: 'new words' }], 7]);
  });
});
