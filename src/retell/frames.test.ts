import { describe, expect, it } from 'vitest';
import { type InboundFrame, parseFrame, printFrame } from './frames.ts';

const parse = (value: object) => parseFrame(JSON.stringify(value));

function frameOf(text: string): InboundFrame {
  const parsed = parseFrame(text);
  if (parsed.kind !== 'frame') throw new Error(`expected a frame, got ${JSON.stringify(parsed)}`);
  return parsed.frame;
}

const transcript = [
  { role: 'agent', content: 'Acme, good morning.', words: [{ word: 'Acme,', start: 0.42, end: 0.81 }] },
  { role: 'user', content: 'Where is my parcel?' },
];
const woven = [...transcript, { role: 'tool_call_invocation', tool_call_id: 't_1', name: 'track', arguments: '{}' }];
const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

describe('a frame from Retell', () => {
  it.each([
    { interaction_type: 'ping_pong', timestamp: 1_795_166_968_493 },
    {
      interaction_type: 'call_details',
      call: {
        call_id: 'call_7f1',
        agent_id: 'agent_9',
        call_type: 'phone_call',
        call_status: 'registered',
        direction: 'inbound',
        from_number: '+15550100',
        to_number: '+15550199',
        metadata: { tenant: 'acme' },
        retell_llm_dynamic_variables: { first_name: 'Ida' },
      },
    },
    { interaction_type: 'call_details', call: { call_id: 'call_7f1', call_type: 'web_call' } },
    { interaction_type: 'update_only', turntaking: 'user_turn', transcript, transcript_with_tool_calls: woven },
    { interaction_type: 'update_only', transcript: [] },
    { interaction_type: 'response_required', response_id: 4, transcript, transcript_with_tool_calls: woven },
    { interaction_type: 'reminder_required', response_id: 5, transcript },
  ])('is read as it came: $interaction_type', (frame) => {
    expect(parse(frame)).toEqual({ kind: 'frame', frame });
  });

  it('keeps fields and roles it does not know', () => {
    const frame = {
      interaction_type: 'response_required',
      response_id: 1,
      transcript: [{ role: 'transfer_target', content: 'Hello?', mood: 'calm' }],
      agent_mood: 'cheerful',
    };
    expect(parse(frame)).toEqual({ kind: 'frame', frame });
  });

  it.each([
    { interaction_type: 'mood_changed', mood: 'calm' },
    { interaction_type: 7 },
    {},
  ])('of a type it does not know is passed over: %j', (frame) => {
    expect(parse(frame)).toEqual({ kind: 'ignored' });
  });

  it.each([
    '',
    '{',
    'undefined',
    "{'a':1}",
    '{"interaction_type":"ping_pong","timestamp":1}}',
  ])('that is not JSON says so: %s', (text) => {
    expect(parseFrame(text)).toEqual({ kind: 'malformed', reason: 'frame.not_json' });
  });

  it.each(['null', '[]', '1', '"response_required"', 'true'])('that is no object says so: %s', (text) => {
    expect(parseFrame(text)).toEqual({ kind: 'malformed', reason: 'frame.not_object' });
  });

  it.each([
    '1e309',
    '"4"',
    '-1',
    '4.5',
    'null',
    'true',
    '9007199254740992',
    '[4]',
    '{}',
  ])('with the response id %s is refused: ids are whole numbers that can be counted with', (id) => {
    const malformed = { kind: 'malformed', reason: 'frame.bad_fields', field: 'response_id' };
    for (const type of ['response_required', 'reminder_required']) {
      expect(parseFrame(`{"interaction_type":"${type}","response_id":${id},"transcript":[]}`)).toEqual(malformed);
    }
  });

  it('without the field it is for names that field', () => {
    const bad = (field: string) => ({ kind: 'malformed', reason: 'frame.bad_fields', field });
    expect(parse({ interaction_type: 'response_required', transcript })).toEqual(bad('response_id'));
    expect(parse({ interaction_type: 'ping_pong', timestamp: '1' })).toEqual(bad('timestamp'));
    expect(parse({ interaction_type: 'call_details' })).toEqual(bad('call'));
  });

  it('with call details that cannot be read keeps those that can', () => {
    const call = { agent_id: 'agent_9', from_number: 15550100, retell_llm_dynamic_variables: ['Ida'] };
    expect(parse({ interaction_type: 'call_details', call })).toEqual({
      kind: 'frame',
      frame: { interaction_type: 'call_details', call: { agent_id: 'agent_9' } },
    });
  });
});

describe('a transcript', () => {
  const ask = (value: unknown) => parse({ interaction_type: 'response_required', response_id: 1, transcript: value });

  it.each([
    undefined,
    null,
    'hello',
    { 0: 'hello' },
    7,
    [1, 2],
    [{ role: 'user' }],
    [[]],
  ])('that cannot be read leaves the ask to be answered: %j', (value) => {
    const parsed = ask(value);
    expect(parsed).toMatchObject({ kind: 'frame', frame: { response_id: 1 } });
    expect(parsed).not.toHaveProperty('frame.transcript.0');
    expect(parsed.kind === 'frame' && 'transcript' in parsed.frame && parsed.frame.transcript).toBeFalsy();
  });

  it('loses only the utterances that cannot be read', () => {
    const mixed = [{ role: 'user', content: 'hi' }, { role: 'sms' }, null, 'x', { role: 'user', content: 4 }];
    expect(ask(mixed)).toMatchObject({ frame: { transcript: [{ role: 'user', content: 'hi' }] } });
  });
});

describe('a hostile frame', () => {
  it('cannot reach the prototype of anything', () => {
    const evil = '{"agent_id":"evil","polluted":true}';
    const details = frameOf(`{"interaction_type":"call_details","__proto__":${evil},"call":{"__proto__":${evil}}}`);
    expect(details).toEqual({ interaction_type: 'call_details', call: {} });
    expect(Reflect.get(details, 'polluted')).toBeUndefined();
    expect(details.interaction_type === 'call_details' && details.call.agent_id).toBeUndefined();
    const said = `{"role":"user","content":"hi","__proto__":${evil}}`;
    frameOf(`{"interaction_type":"update_only","transcript":[${said}],"constructor":{"prototype":${evil}}}`);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(parseFrame('{"__proto__":{"interaction_type":"ping_pong","timestamp":1}}')).toEqual({ kind: 'ignored' });
  });

  it.each([
    deep,
    `{"interaction_type":"update_only","transcript":${deep}}`,
    `{"interaction_type":"response_required","response_id":${deep}}`,
    `{"interaction_type":"response_required","response_id":1,"transcript":[],"x":${deep}}`,
    `{"interaction_type":"call_details","call":{"metadata":${deep},"retell_llm_dynamic_variables":{"a":${deep}}}}`,
    '{"a":'.repeat(100_000),
  ])('nested a hundred thousand deep is survived', (text) => {
    expect(() => parseFrame(text)).not.toThrow();
  });

  it('of 8 MB does not stop the other calls for long', () => {
    const utterances = JSON.stringify(Array.from({ length: 300_000 }, () => ({ role: 'u', content: '' })));
    const numbers = `[${'1,'.repeat(4_000_000)}1]`;
    const words = JSON.stringify([{ role: 'user', content: 'word '.repeat(1_600_000) }]);
    const began = performance.now();
    for (const list of [utterances, numbers, words]) {
      parseFrame(`{"interaction_type":"response_required","response_id":1,"transcript":${list}}`);
    }
    // Measured: 0.25 s for the three; a schema took 10 s. Pings may wait 5 s before Retell lets go of a socket.
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});

describe('a frame to Retell', () => {
  it('is printed as text', () => {
    expect(printFrame({ response_type: 'ping_pong', timestamp: 5 })).toBe(
      '{"response_type":"ping_pong","timestamp":5}',
    );
  });
});
