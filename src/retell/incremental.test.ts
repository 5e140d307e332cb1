import { describe, expect, it } from 'vitest';
import { BothWays } from './both-ways.fixture.ts';
import { createFrameDecoder, type DecodedFrame } from './incremental.ts';

const said = (role: string, content: string) => ({
  role,
  content,
  words: content.split(' ').map((word, index) => ({ word, start: index, end: index + 0.31 })),
});
const print = (frame: object) => Buffer.from(JSON.stringify(frame));
const ask = (id: number, ...transcript: readonly unknown[]) =>
  print({ interaction_type: 'response_required', response_id: id, transcript });
const update = (...transcript: readonly unknown[]) => print({ interaction_type: 'update_only', transcript });

const morning = said('agent', 'Good morning.');
const parcel = said('user', 'Where is my parcel?');
const friday = said('agent', 'It arrives on Friday.');
const plain = ({ role, content }: { readonly role: string; readonly content: string }) => ({ role, content });

function transcriptIn(decoded: DecodedFrame) {
  if (decoded.kind !== 'ask') throw new Error(`expected an ask, got ${JSON.stringify(decoded)}`);
  return decoded.transcript ?? [];
}

/** Whether the second ask was cut: what it shares with the first is not only equal, but was not parsed again. */
function isCut(...frames: readonly Buffer[]): boolean {
  const both = new BothWays();
  const transcripts = frames.map((bytes) => transcriptIn(both.decode(bytes)));
  return transcripts.at(-1)?.[0] === transcripts.at(-2)?.[0];
}

describe('an ask', () => {
  it('parses only the utterances that are new or grew', () => {
    const decoder = createFrameDecoder();
    const first = transcriptIn(decoder.decode(ask(1, morning, parcel, said('agent', 'It'))));
    const second = transcriptIn(decoder.decode(ask(2, morning, parcel, friday)));
    expect(second).toEqual([morning, parcel, friday].map(plain));
    expect(second[0]).toBe(first[0]);
    expect(second[1]).toBe(first[1]);
  });

  it('keeps what stands before a revision', () => {
    const decoder = createFrameDecoder();
    const first = transcriptIn(decoder.decode(ask(1, morning, parcel, friday, parcel, friday)));
    const second = transcriptIn(decoder.decode(ask(2, morning, said('user', 'Hi'), friday, parcel, friday)));
    expect(second.map(({ content }) => content)[1]).toBe('Hi');
    expect(second[0]).toBe(first[0]);
    expect(second[2]).not.toBe(first[2]);
  });

  it('is cut whatever stands before and behind its transcript, if that is plain', () => {
    const reminder = { interaction_type: 'reminder_required', mood: 'calm', response_id: 2 };
    expect(isCut(ask(1, morning), print({ ...reminder, transcript: [morning, parcel], extra: { a: [1] } }))).toBe(true);
    expect(isCut(ask(1, morning), ask(2, morning))).toBe(true);
    expect(isCut(ask(1, morning, parcel), ask(2, morning))).toBe(true);
  });

  it.each([
    ['a second transcript behind', '"transcript":[{"role":"user","content":"other"}]'],
    ['a second one spelled with escapes', '"tr\\u0061nscript":[]'],
    ['two woven ones', '"transcript_with_tool_calls":[],"transcript_with_tool_calls":[]'],
    ['a woven one behind what is not plain', '"x":{},"transcript_with_tool_calls":[]'],
    ['a woven one that is none', '"transcript_with_tool_calls":5'],
    ['an escape behind', '"mood":"\\"calm\\""'],
  ])('is parsed in full with %s', (_what, member) => {
    const bytes = Buffer.from(`${ask(2, morning, parcel).toString().slice(0, -1)},${member}}`);
    expect(isCut(ask(1, morning), bytes)).toBe(false);
  });

  it('is parsed in full with a key of that name before its transcript', () => {
    expect(isCut(ask(1, morning), Buffer.from(`{"transcript":5,${ask(2, morning).toString().slice(1)}`))).toBe(false);
  });

  it('is parsed in full after an utterance that could not be read', () => {
    expect(isCut(ask(1, morning, { role: 'sms' }), ask(2, morning, { role: 'sms' }, parcel))).toBe(false);
    expect(isCut(ask(1, morning, null), ask(2, morning, null, parcel))).toBe(true);
  });

  it('is not cut where a list ends early', () => {
    const broken = ask(2, morning, parcel).toString();
    for (const tail of [',]}', ']}}', ' {}]}', 'null]}', ',}']) {
      const both = new BothWays();
      both.decode(ask(1, morning));
      const frame = broken.slice(0, broken.indexOf(',{"role":"user"')) + tail;
      expect(both.decode(Buffer.from(frame)).kind).toBe('malformed');
    }
  });
});

describe('an ask with a woven transcript', () => {
  const use = { role: 'tool_call_invocation', tool_call_id: 't_1', name: 'track', arguments: '{"order":"A]}"}' };
  const outcome = { role: 'tool_call_result', tool_call_id: 't_1', content: '[{}]', successful: true };
  const one = { role: 'dtmf', digit: '1' };
  const pressed = { role: 'user', content: '(pressed 1)' };
  const lists = (spoken: readonly unknown[], woven: readonly unknown[]) => ({
    transcript: spoken,
    transcript_with_tool_calls: woven,
  });
  const required = { interaction_type: 'response_required', response_id: 1 };
  const first = print({ ...required, ...lists([morning, parcel], [morning, parcel, use]) });

  it('has neither list parsed again', () => {
    const both = new BothWays();
    const [greeting, question] = transcriptIn(both.decode(first));
    const next = lists([morning, parcel, friday], [morning, parcel, use, outcome, friday]);
    const second = transcriptIn(both.decode(print({ ...required, ...next })));
    expect(second).toEqual([morning, parcel, friday].map(plain));
    expect(second[0]).toBe(greeting);
    expect(second[1]).toBe(question);
    const keyed = lists(next.transcript, [...next.transcript_with_tool_calls, one]);
    const third = transcriptIn(both.decode(print({ ...required, ...keyed })));
    expect(third).toEqual([...[morning, parcel, friday].map(plain), pressed]);
    const fourth = transcriptIn(both.decode(print({ ...required, ...keyed, mood: 'calm' })));
    expect(fourth[3]).toBe(third[3]);
  });

  it.each([
    ['before its plain one', { transcript_with_tool_calls: [morning, use], transcript: [morning, parcel] }],
    ['behind other members', { transcript: [morning], turntaking: 'user_turn', transcript_with_tool_calls: [morning] }],
    ['gone', { transcript: [morning, parcel] }],
    ['that is empty', lists([morning, parcel], [])],
    ['of other words', lists([morning], [friday, use])],
  ])('is cut with that one %s', (_what, members) => {
    expect(isCut(first, print({ ...required, ...members }))).toBe(true);
  });

  it.each(['null', '5', '"x"'])('is told from one that counts not, for a transcript of %s behind it', (other) => {
    const both = new BothWays();
    both.decode(first);
    const { transcript, transcript_with_tool_calls: woven } = lists([morning, parcel], [morning, use]);
    const text = JSON.stringify({ ...required, transcript, woven });
    both.decode(Buffer.from(text.replace('"woven"', `"transcript":${other},"transcript_with_tool_calls"`)));
  });

  it('alone is read and held', () => {
    const alone = print({ ...required, transcript_with_tool_calls: [morning, use, parcel] });
    expect(isCut(alone, alone)).toBe(true);
  });

  it('that cannot be read holds nothing of it, and the other all the same', () => {
    const both = new BothWays();
    both.decode(print({ ...required, ...lists([morning], [5, 'x']) }));
    expect(both.decoder.heldBytes).toBeGreaterThan(0);
    both.decode(print({ ...required, ...lists([{ role: 'sms' }], [morning, { role: 'sms' }]) }));
    both.decode(print({ ...required, ...lists([{ role: 'sms' }, morning], [morning, { role: 'sms' }, one]) }));
  });
});

describe('an update', () => {
  it('is kept until it is asked for, once', () => {
    const decoder = createFrameDecoder();
    decoder.decode(ask(1, morning));
    expect(decoder.decode(update(morning, parcel))).toEqual({ kind: 'update' });
    expect(decoder.decode(update(morning, parcel, friday))).toEqual({ kind: 'update' });
    expect(decoder.readUpdate()).toEqual([morning, parcel, friday].map(plain));
    expect(decoder.readUpdate()).toBeUndefined();
  });

  it('is dropped for an ask that came after it', () => {
    const decoder = createFrameDecoder();
    decoder.decode(ask(1, morning));
    decoder.decode(update(morning, parcel));
    decoder.decode(ask(2, morning, parcel));
    expect(decoder.readUpdate()).toBeUndefined();
  });

  it.each([
    ['whose transcript cannot be read', '{"interaction_type":"response_required","response_id":2,"transcript":5}'],
    ['that cannot be read', '{"interaction_type":"response_required","transcript":[]}'],
  ])('is still there after an ask %s', (_what, text) => {
    const decoder = createFrameDecoder();
    decoder.decode(ask(1, morning));
    decoder.decode(update(morning, parcel));
    decoder.decode(Buffer.from(text));
    expect(decoder.readUpdate()).toMatchObject([{}, { content: 'Where is my parcel?' }]);
  });

  it('that cannot be read leaves nothing of one before it, and one that is malformed is passed over', () => {
    const both = new BothWays();
    both.decode(update(morning, parcel));
    expect(both.decode(update(morning, friday).subarray(0, -1)).kind).toBe('malformed');
    expect(both.readUpdate()).toEqual([morning, parcel].map(plain));
    both.decode(update(morning, parcel));
    both.decode(Buffer.from('{"interaction_type":"update_only","transcript":5}'));
    expect(both.readUpdate()).toBeUndefined();
  });

  it.each([
    '"interaction_type":"response_required","response_id":2',
    '"interaction\\u005ftype":"response_required","response_id":2',
  ])('that turns out to be an ask is one: %s', (members) => {
    for (const woven of [{}, { transcript_with_tool_calls: [] }]) {
      const both = new BothWays();
      both.decode(print({ interaction_type: 'response_required', response_id: 1, transcript: [morning], ...woven }));
      const bytes = print({ interaction_type: 'update_only', transcript: [morning, parcel], ...woven });
      const ofAsk = both.decode(Buffer.from(`${bytes.toString().slice(0, -1)},${members}}`));
      expect(transcriptIn(ofAsk)).toEqual([morning, parcel].map(plain));
      const early = bytes.toString().replace('"update_only"', `"update_only",${members}`);
      expect(transcriptIn(both.decode(Buffer.from(early)))).toEqual([morning, parcel].map(plain));
    }
  });

  it('is learned from: the ask that repeats it has little new', () => {
    const decoder = createFrameDecoder();
    decoder.decode(update(morning, parcel));
    const [, ofUpdate] = decoder.readUpdate() ?? [];
    expect(transcriptIn(decoder.decode(ask(1, morning, parcel)))[1]).toBe(ofUpdate);
  });
});

describe('what is held', () => {
  it('is one frame of utterances with some room, and is let go of', () => {
    const both = new BothWays();
    expect(both.decoder.heldBytes).toBe(0);
    const transcript: object[] = [morning];
    for (let id = 1; id <= 100; id++) {
      transcript.push(parcel, friday);
      const bytes = ask(id, ...transcript);
      both.decode(bytes);
      expect(both.decoder.heldBytes).toBeLessThan(1.3 * bytes.length);
    }
    both.decode(ask(101, morning));
    expect(both.decoder.heldBytes).toBeLessThan(300);
    both.decoder.release();
    expect(both.decoder.heldBytes).toBe(0);
    expect(transcriptIn(both.decode(ask(102, morning, parcel)))).toEqual([morning, parcel].map(plain));
  });

  it('does not include an update that nobody read, which outlives the bytes', () => {
    const both = new BothWays();
    both.decode(update(morning, parcel));
    both.decoder.release();
    expect(both.decoder.heldBytes).toBe(0);
    expect(both.readUpdate()).toEqual([morning, parcel].map(plain));
  });

  it('is both lists of a woven call of two hours', () => {
    const decoder = createFrameDecoder();
    const spoken = Array.from({ length: 5_500 }, () => parcel);
    const woven = spoken.flatMap((each) => [each, { role: 'tool_call_result', content: 'x'.repeat(60) }]);
    const frame = { interaction_type: 'response_required', response_id: 1, transcript: spoken };
    const bytes = print({ ...frame, transcript_with_tool_calls: woven });
    expect(bytes.length).toBeGreaterThan(2_800_000);
    decoder.decode(bytes);
    expect(decoder.heldBytes).toBeGreaterThan(bytes.length);
    expect(decoder.heldBytes).toBeLessThan(1.3 * bytes.length);
    decoder.release();
    expect(decoder.heldBytes).toBe(0);
  });

  it('is nothing of a list beyond 3 MiB', () => {
    const both = new BothWays();
    const huge = said('user', 'word '.repeat(85_000));
    expect(ask(1, huge).length).toBeGreaterThan(3 * 1024 * 1024);
    both.decode(ask(1, huge));
    expect(both.decoder.heldBytes).toBe(0);
    both.decode(ask(2, huge, parcel));
  });

  it('is not what came in: a buffer from the socket is free once its ask is decoded', () => {
    const decoder = createFrameDecoder();
    const bytes = ask(1, morning);
    decoder.decode(bytes);
    bytes.fill(0);
    expect(transcriptIn(decoder.decode(ask(2, morning, parcel)))).toEqual([morning, parcel].map(plain));
  });
});

describe('other frames', () => {
  it.each([
    { interaction_type: 'ping_pong', timestamp: 1_795_166_968_493 },
    { timestamp: 5.5, interaction_type: 'ping_pong' },
    { interaction_type: 'ping_pong', timestamp: '5' },
    { interaction_type: 'call_details', call: { agent_id: 'agent_9' } },
    { interaction_type: 'ping_pong', timestamp: 5, transcript: [morning, parcel] },
    { interaction_type: 'call_details', transcript: [morning, parcel], call: { agent_id: 'agent_9' } },
    { interaction_type: 'mood_changed', transcript: [morning, parcel] },
    [],
  ])('say what they say, in the middle of a call: %j', (frame) => {
    const both = new BothWays();
    both.decode(ask(1, morning));
    both.decode(update(morning, parcel));
    both.decode(print(frame));
    both.readUpdate();
    const [first] = transcriptIn(both.decode(ask(2, morning, parcel)));
    expect(transcriptIn(both.decode(ask(3, morning, parcel)))[0]).toBe(first);
  });

  it.each([
    '007',
    '1e3',
    '-0',
    '99999999999999999',
    '1.',
    '',
  ])('with the timestamp %s are no quick pings', (timestamp) => {
    new BothWays().decode(Buffer.from(`{"interaction_type":"ping_pong","timestamp":${timestamp}}`));
  });
});
