import { describe, expect, it } from 'vitest';
import { parseCallId } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import type { Transcript } from '../call/transcript.ts';
import type { Details, Line } from '../session/line.ts';
import { silentLog } from '../std/log.ts';
import { ManualClock } from '../std/manual-clock.ts';
import { type RetellLineOptions, speakRetell } from './retell-line.ts';
import type { CallSocket } from './socket.ts';

const callId = parseCallId('call_00000001');
if (!callId) throw new Error('expected a call id');
const CONFIG = { response_type: 'config', config: { auto_reconnect: true, call_details: true } };
const PING = { interaction_type: 'ping_pong', timestamp: 1_795_166_968_493 };
const PONG = { response_type: 'ping_pong', timestamp: 1_795_166_968_493 };
const HI = [{ role: 'user', content: 'hi', words: [] }];

/** Retell's end of a line that is spoken over a recorded socket. */
function open(options: Partial<RetellLineOptions> = {}) {
  const clock = new ManualClock();
  const texts: string[] = [];
  const letGo: string[] = [];
  const malformed: string[] = [];
  const heard: (Details | Transcript | readonly unknown[] | 'closed')[] = [];
  let line: Line | undefined;
  const socket: CallSocket = {
    send: (text) => void texts.push(text),
    pull: () => false,
    forget() {},
    terminate: () => void letGo.push('terminate'),
    hangUp: () => void letGo.push('hangUp'),
  };
  const listener = speakRetell(
    socket,
    { callId: callId ?? fail(), isProven: true },
    {
      clock,
      log: silentLog,
      hearsDigits: false,
      onMalformed: (reason) => void malformed.push(reason),
      accept: (accepted) => {
        line = accepted;
        return {
          onDetails: (details) => void heard.push(details),
          onAsk: (...ask) => void heard.push(ask),
          onHeard: (transcript) => void heard.push(transcript),
          onClosed: () => void heard.push('closed'),
        };
      },
      ...options,
    },
  );
  const sent = () => texts.map((text): unknown => JSON.parse(text));
  const receive = (frame: object) => listener.onFrame(Buffer.from(JSON.stringify(frame)));
  const carry = (effect: Effect) => line?.carry(effect);
  return { ...listener, clock, letGo, malformed, heard, sent, receive, carry, line: () => line };
}

function fail(): never {
  throw new Error('expected a call id');
}

describe('the first frame', () => {
  it('is config, whatever the session says as soon as it has its line', () => {
    const peer = open({
      accept: (line) => {
        line.carry({ kind: 'say', responseId: 0, text: 'Hello.', isComplete: true });
        return { onDetails() {}, onAsk() {}, onHeard() {}, onClosed() {} };
      },
    });
    expect(peer.sent()).toMatchObject([CONFIG, { response_type: 'response', response_id: 0 }]);
  });

  it('asks for the woven transcript only where key presses are wanted: it doubles the frames', () => {
    expect(open().sent()).toEqual([CONFIG]);
    expect(open({ hearsDigits: true }).sent()).toEqual([
      { ...CONFIG, config: { ...CONFIG.config, transcript_with_tool_calls: true } },
    ]);
  });
});

describe('a ping', () => {
  it('is echoed before anything else is done, though the session never comes back to anyone', async () => {
    const never = () => new Promise<void>(() => {});
    const peer = open({
      accept: () => ({ onDetails: never, onAsk: never, onHeard: never, onClosed: never }),
    });
    peer.receive({ interaction_type: 'response_required', response_id: 1, transcript: HI });
    peer.receive(PING);
    expect(peer.sent()).toEqual([CONFIG, PONG]);
  });

  it('is echoed in the middle of malformed frames', () => {
    const peer = open();
    peer.onFrame(Buffer.from('{'));
    peer.receive(PING);
    peer.onFrame(Buffer.from('null'));
    peer.receive(PING);
    expect(peer.sent()).toEqual([CONFIG, PONG, PONG]);
  });

  it('that does not come for 5 s lets go of the socket within a second, without a close frame', async () => {
    const peer = open();
    peer.receive(PING);
    await peer.clock.advance(4_999);
    peer.receive(PING);
    await peer.clock.advance(4_999);
    expect(peer.letGo).toEqual([]);
    await peer.clock.advance(1_000);
    expect(peer.letGo).toEqual(['terminate']);
    await peer.clock.advance(60_000);
    expect(peer.letGo).toEqual(['terminate']);
  });

  it('is not missed on a socket that is gone', async () => {
    const peer = open();
    peer.receive(PING);
    peer.onClosed();
    await peer.clock.advance(60_000);
    expect(peer.letGo).toEqual([]);
  });

  it('is missed on a socket that said one thing and then nothing', async () => {
    const peer = open();
    peer.receive({ interaction_type: 'unheard_of' });
    await peer.clock.advance(5_000);
    expect(peer.letGo).toEqual(['terminate']);
  });

  it('or any other frame has to come within 5 s of the opening', async () => {
    const peer = open();
    await peer.clock.advance(4_999);
    expect(peer.letGo).toEqual([]);
    await peer.clock.advance(1);
    expect(peer.letGo).toEqual(['terminate']);
  });
});

describe('a frame', () => {
  it('reaches the session in its own words', async () => {
    const peer = open();
    const call = { agent_id: 'agent_9', retell_llm_dynamic_variables: { name: 'Ida', age: 7 } };
    peer.receive({ interaction_type: 'call_details', call });
    peer.receive({ interaction_type: 'response_required', response_id: 1, transcript: HI });
    peer.receive({ interaction_type: 'reminder_required', response_id: 2, transcript: HI });
    const said = [{ role: 'user', content: 'hi' }];
    expect(peer.heard).toEqual([
      { agentId: 'agent_9', variables: { name: 'Ida' } },
      ['response', 1, said],
      ['reminder', 2, said],
    ]);
  });

  it('that only updates is read in a pause of two seconds, the newest for all before it', async () => {
    const peer = open();
    const update = (content: string) => ({ interaction_type: 'update_only', transcript: [{ role: 'user', content }] });
    peer.receive(update('I would'));
    peer.receive(update('I would like'));
    await peer.clock.advance(1_999);
    expect(peer.heard).toEqual([]);
    await peer.clock.advance(1);
    expect(peer.heard).toEqual([[{ role: 'user', content: 'I would like' }]]);
    peer.receive(update('I would like a table'));
    peer.onClosed();
    expect(peer.heard.slice(1)).toEqual([[{ role: 'user', content: 'I would like a table' }], 'closed']);
  });

  it('that only updates is read as it comes once the session has asked for that, and only there', () => {
    const peer = open();
    const update = (content: string) => ({ interaction_type: 'update_only', transcript: [{ role: 'user', content }] });
    peer.receive(update('I would'));
    expect(peer.heard).toEqual([]);
    peer.line()?.hearAtOnce();
    peer.receive(update('I would like'));
    peer.receive(update('I would like a table'));
    expect(peer.heard).toEqual([
      [{ role: 'user', content: 'I would like' }],
      [{ role: 'user', content: 'I would like a table' }],
    ]);
  });

  it('that only updates is not read at all when an ask brings every word', async () => {
    const peer = open();
    peer.receive({ interaction_type: 'update_only', transcript: HI });
    peer.receive({ interaction_type: 'response_required', response_id: 1, transcript: HI });
    await peer.clock.advance(4_000);
    expect(peer.heard).toHaveLength(1);
  });

  it('that asks with a transcript that cannot be read is still an ask', () => {
    const peer = open();
    peer.receive({ interaction_type: 'response_required', response_id: 1, transcript: 'nonsense' });
    peer.receive({ interaction_type: 'update_only', transcript: 'nonsense' });
    expect(peer.heard).toEqual([['response', 1, undefined]]);
  });

  it('that cannot be read is counted and passed over', () => {
    const peer = open();
    for (const text of ['{', '[]', '{"interaction_type":"response_required","response_id":1e309}'])
      peer.onFrame(Buffer.from(text));
    expect(peer.malformed).toEqual(['frame.not_json', 'frame.not_object', 'frame.bad_fields']);
    expect(peer.heard).toEqual([]);
    peer.receive({ interaction_type: 'response_required', response_id: 1, transcript: HI });
    expect(peer.heard).toHaveLength(1);
    expect(peer.letGo).toEqual([]);
  });

  it('of a type nobody knows is passed over and not held against anyone', () => {
    const peer = open();
    peer.receive({ interaction_type: 'mood_changed' });
    expect([peer.malformed, peer.heard]).toEqual([[], []]);
  });
});

describe('the line', () => {
  it('prints effects as frames, and says nothing of those that concern only us', () => {
    const peer = open();
    peer.carry({ kind: 'commit' });
    peer.carry({ kind: 'say', responseId: 1, text: 'Bye.', isComplete: true, action: { kind: 'end' } });
    expect(peer.sent().slice(1)).toEqual([
      { response_type: 'response', response_id: 1, content: 'Bye.', content_complete: true, end_call: true },
    ]);
  });

  it('lets go in the two ways a socket knows', () => {
    const peer = open();
    peer.line()?.terminate();
    peer.line()?.hangUp();
    expect(peer.letGo).toEqual(['terminate', 'hangUp']);
  });
});
