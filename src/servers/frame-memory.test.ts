import { expect, it } from 'vitest';
import { systemClock } from '../std/clock.ts';
import { silentLog } from '../std/log.ts';
import { CALL, given, until } from './llm-socket.fixture.ts';
import { frame, PING, TEXT } from './raw-peer.fixture.ts';
import { speakRetell } from './retell-line.ts';
import type { CallSocket } from './socket.ts';

const text = (value: object) => frame({ opcode: TEXT, payload: JSON.stringify(value) });
const update = text({ interaction_type: 'update_only', transcript: [{ role: 'user', content: 'x'.repeat(2_000) }] });
const ping = text({ interaction_type: 'ping_pong', timestamp: 1 });
const note = 'y'.repeat(2_000);

const ASKS: readonly (readonly [string, Buffer, readonly string[]])[] = [
  ['without words', text({ interaction_type: 'response_required', response_id: 1, note }), ['update', 'ask 1']],
  ['that cannot be read', text({ interaction_type: 'response_required', response_id: 'one', note }), ['bad', 'update']],
];
const CASES = ASKS.flatMap(([name, ask, expected]) => [1, 4, 6, 7].map((tail) => ({ name, ask, expected, tail })));

it.each(CASES)('an update keeps its last $tail bytes when an ask $name came with them', async ({
  ask,
  expected,
  tail,
}) => {
  const heard: string[] = [];
  const listener = {
    onDetails() {},
    onAsk: (_ask: string, responseId: number) => void heard.push(`ask ${responseId}`),
    onHeard: () => void heard.push('update'),
    onClosed: () => void heard.push('closed'),
  };
  const onMalformed = () => heard.push('bad');
  const options = { clock: systemClock, log: silentLog, hearsDigits: false, onMalformed, accept: () => listener };
  const { dial, counted } = await given({ accept: (socket, info) => speakRetell(socket, info, options) });
  const peer = await dial(`/llm-websocket/${CALL}`);
  const pings = (count: number) => until(() => peer.answer().split('"ping_pong"').length > count);

  peer.send(Buffer.concat([ping, update.subarray(0, -tail)]));
  await pings(1);
  peer.send(Buffer.concat([update.subarray(-tail), ask]));
  await until(() => heard.length > 0);
  peer.send(ping);
  await pings(2);
  peer.send(text({ interaction_type: 'response_required', response_id: 2, note }));
  await until(() => heard.includes('ask 2'));
  expect(heard.slice(0, expected.length)).toEqual(expected);
  expect(counted).toEqual([]);
});

it('what waits to leave stays whole when an update that came with it is overtaken', async () => {
  let updates = 0;
  const sockets: CallSocket[] = [];
  const { dial } = await given({
    accept(socket) {
      sockets.push(socket);
      return { onFrame() {}, onWaiting: () => updates++, onClosed() {} };
    },
  });
  const peer = await dial(`/llm-websocket/${CALL}`);
  peer.socket.pause();
  sockets[0]?.send('z'.repeat(8_000_000));
  peer.send(Buffer.concat([frame({ opcode: PING, payload: 'ABCDEFGH' }), update]));
  await until(() => updates === 1);
  peer.send(update);
  await until(() => updates === 2);
  sockets[0]?.send('after the pong');
  peer.socket.resume();
  await until(() => peer.answer().endsWith('after the pong'));
  expect(peer.answer()).toContain('ABCDEFGH');
});
