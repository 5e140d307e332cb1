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
    ['a woven one', '"transcript_with_tool_calls":[{"role":"dtmf","digit":"1"}]'],
    ['a woven one that is none', '"transcript_with_tool_calls":5'],
    ['an escape behind', '"mood":"\\"calm\\""'],
  ])('is parsed in full with %s', (_what, member) => {
    const bytes = Buffer.from(`${ask(2, morning, parcel).toString().slice(0, -1)},${member}}`);
    expect(isCut(ask(1, morning), bytes)).toBe(false);
  });

  it('is parsed in full with its transcript before other lists, or a key of that name before it', () => {
    const woven = { interaction_type: 'response_required', response_id: 2, transcript_with_tool_calls: [morning] };
    expect(isCut(ask(1, morning), print({ ...woven, transcript: [morning] }))).toBe(false);
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

describe('an update', () => {
  it('is kept until it is asked for, once', () => {
    const decoder = createFrameDecoder();
    decoder.decode(ask(1, morning));
    expect(decoder.decode(update(morning, parcel))).toEqual({ kind: 'update' });
    expect(decoder.decode(update(morning, parcel, friday))).toEqual({ kind: 'update' });
    expect(decoder.readUpdate()).toEqual({ kind: 'heard', transcript: [morning, parcel, friday].map(plain) });
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
    expect(decoder.readUpdate()).toMatchObject({ transcript: [{}, { content: 'Where is my parcel?' }] });
  });

  it('is judged when it is read, and not when it was dropped', () => {
    const decoder = createFrameDecoder();
    const broken = update(morning, parcel).subarray(0, -1);
    decoder.decode(ask(1, morning));
    expect(decoder.decode(broken)).toEqual({ kind: 'update' });
    expect(decoder.readUpdate()).toEqual({ kind: 'malformed', reason: 'frame.not_json' });
    decoder.decode(broken);
    decoder.decode(update(morning));
    expect(decoder.readUpdate()).toEqual({ kind: 'heard', transcript: [plain(morning)] });
  });

  it.each([
    '"interaction_type":"response_required","response_id":2',
    '"interaction\\u005ftype":"response_required","response_id":2',
  ])('that turns out to be an ask is not put off: %s', (members) => {
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

  it('with much that is new is learned at once, so that the next one has little', () => {
    const decoder = createFrameDecoder();
    const long = Array.from({ length: 100 }, () => parcel);
    decoder.decode(ask(1, morning));
    decoder.decode(update(morning, ...long));
    const ofRead = decoder.readUpdate();
    decoder.decode(update(morning, ...long, friday));
    const ofCut = decoder.readUpdate();
    const last = (read: typeof ofRead) => (read?.kind === 'heard' ? read.transcript?.[100] : undefined);
    expect(last(ofRead)).toEqual(plain(parcel));
    expect(last(ofCut)).toBe(last(ofRead));
  });

  it('of a call with woven transcripts is kept as it came', () => {
    const both = new BothWays();
    const woven = (type: string, ...items: readonly object[]) =>
      print({ interaction_type: type, response_id: 1, transcript: items, transcript_with_tool_calls: items });
    both.decode(woven('response_required', morning));
    const bytes = woven('update_only', morning, { role: 'dtmf', digit: '1' });
    const pooled = Buffer.concat([bytes, Buffer.alloc(64 * 1024)]).subarray(0, bytes.length);
    both.decode(pooled);
    expect(both.decoder.heldBytes).toBe(bytes.length);
    both.readUpdate();
    expect(both.decoder.heldBytes).toBe(0);
    both.decode(woven('update_only', morning, said('user', 'word '.repeat(60_000))));
    expect(both.decoder.heldBytes).toBe(0);
    both.readUpdate();
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

  it('counts an update that nobody read, which is read before its bytes are let go of', () => {
    const both = new BothWays();
    both.decode(ask(1, morning));
    const before = both.decoder.heldBytes;
    both.decode(update(morning, parcel));
    expect(both.decoder.heldBytes).toBeGreaterThan(before + 100);
    both.decoder.release();
    expect(both.decoder.heldBytes).toBe(0);
    both.readUpdate();
  });

  it('is nothing of a frame beyond 2 MiB', () => {
    const both = new BothWays();
    const huge = said('user', 'word '.repeat(60_000));
    expect(ask(1, huge).length).toBeGreaterThan(2 * 1024 * 1024);
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
