import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelChunk } from '../../ports/language-model.ts';
import { Fault } from '../../std/fault.ts';
import { readChunks } from './openai-stream.ts';

const SECRET = 'my card is 4242';

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const delta = (delta: unknown, finish: string | null = null) =>
  event({ id: 'x', choices: [{ index: 0, delta, finish_reason: finish }] });
const says = (content: string) => delta({ content });
const piece = (index: number, args: string, id?: string, name?: string) =>
  delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: args } }] });
const stop = delta({}, 'stop');
const DONE = 'data: [DONE]\n\n';

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]) {
  let from = 0;
  for (const size of sizes) {
    yield bytes.subarray(from, from + size);
    from += size;
  }
  yield bytes.subarray(from);
}

async function read(source: AsyncIterable<Uint8Array>) {
  const chunks: ModelChunk[] = [];
  let fault: Fault | undefined;
  try {
    for await (const chunk of readChunks(source, 'test/model')) chunks.push(chunk);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = error;
  }
  return { chunks, fault, outcome: fault?.reason ?? 'ended' };
}

const readText = (text: string, sizes: readonly number[] = []) => read(inPieces(Buffer.from(text), sizes));

/** What was said, whichever of it came together, and the rest. */
const meaning = (chunks: readonly ModelChunk[]) => ({
  words: chunks.map((chunk) => (chunk.kind === 'text' ? chunk.text : '')).join(''),
  rest: chunks.filter(({ kind }) => kind !== 'text'),
});

/** The words and whole calls, without the signs of life. */
const telling = (chunks: readonly ModelChunk[]) => chunks.filter((chunk) => chunk.kind !== 'text' || chunk.text !== '');

describe('words', () => {
  it('streams each delta and ends with [DONE]', async () => {
    const text = says('Good ') + says('day.') + DONE;
    expect(await readText(text, [says('Good ').length, says('day.').length])).toMatchObject({
      chunks: [{ kind: 'text', text: 'Good ' }, { kind: 'text', text: 'day.' }, { kind: 'end' }],
      outcome: 'ended',
    });
  });

  it('gives words that came together as one chunk, and those before an event that cannot be read', async () => {
    expect((await readText(says('Good ') + says('day.') + DONE)).chunks[0]).toEqual({
      kind: 'text',
      text: 'Good day.',
    });
    expect(await readText(`${says('Good ')}data: {\n\n`)).toMatchObject({
      chunks: [{ kind: 'text', text: 'Good ' }],
      outcome: 'model.stream_malformed',
    });
  });

  it('ends with a finish reason where no [DONE] follows', async () => {
    expect((await readText(says('Hi.') + stop)).outcome).toBe('ended');
  });

  it('says nothing for a role, null content, a usage event, comments and unknown fields', async () => {
    const usage = event({ choices: [], usage: { total_tokens: 7 } });
    const text = `: ping\n\nretry: soon\nfoo: bar\n\n${delta({ role: 'assistant', content: null })}${usage}`;
    expect((await readText(text + says('Hi.') + DONE)).chunks).toEqual([
      { kind: 'text', text: 'Hi.' },
      { kind: 'end' },
    ]);
  });

  it('reads only the first of several choices', async () => {
    const other = event({ choices: [{ index: 1, delta: { content: 'No.' }, finish_reason: 'stop' }] });
    expect((await readText(other + says('Yes.') + DONE)).chunks[0]).toEqual({ kind: 'text', text: 'Yes.' });
  });

  it('leaves what follows the end unread', async () => {
    async function* endless() {
      yield Buffer.from(says('Hi.') + DONE);
      throw new Fault('bug', 'test.read_on', 'expected nobody to read on');
    }
    expect((await read(endless())).outcome).toBe('ended');
  });
});

describe('tool calls', () => {
  it('puts a call together from its pieces, with a sign of life for each', async () => {
    const pieces = [piece(0, '', 'call_1', 'book'), piece(0, '{"gue'), piece(0, 'sts":2}')];
    const text = pieces.join('') + delta({}, 'tool_calls') + DONE;
    const life = { kind: 'text', text: '' };
    const sizes = pieces.map(({ length }) => length);
    expect((await readText(text, sizes)).chunks).toEqual([
      life,
      life,
      life,
      { kind: 'toolCall', call: { id: 'call_1', name: 'book', arguments: '{"guests":2}' } },
      { kind: 'end' },
    ]);
  });

  it('keeps two calls apart whose pieces are mixed', async () => {
    const text =
      piece(0, '{"a"', 'call_1', 'first') + piece(1, '{"b"', 'call_2', 'second') + piece(0, ':1}') + piece(1, ':2}');
    expect(telling((await readText(text + stop)).chunks)).toEqual([
      { kind: 'toolCall', call: { id: 'call_1', name: 'first', arguments: '{"a":1}' } },
      { kind: 'toolCall', call: { id: 'call_2', name: 'second', arguments: '{"b":2}' } },
      { kind: 'end' },
    ]);
  });

  it('tells calls apart by id where a server sends no index', async () => {
    const whole = (id: string, name: string) => delta({ tool_calls: [{ id, function: { name, arguments: '{}' } }] });
    const { chunks } = await readText(whole('call_1', 'first') + whole('call_2', 'second') + stop);
    expect(telling(chunks)).toMatchObject([{ call: { name: 'first' } }, { call: { name: 'second' } }, {}]);
  });

  it('makes up an id, and empty arguments, where a server sends none', async () => {
    const { chunks } = await readText(piece(0, '', undefined, 'now') + stop);
    expect(telling(chunks)[0]).toEqual({
      kind: 'toolCall',
      call: { id: expect.stringMatching(/^call_[0-9a-f]{16}$/), name: 'now', arguments: '{}' },
    });
  });

  it('refuses a call that ran out of tokens', async () => {
    const { chunks, outcome } = await readText(piece(0, '{"gue', 'call_1', 'book') + delta({}, 'length') + DONE);
    expect(outcome).toBe('model.tool_call_cut');
    expect(telling(chunks)).toEqual([]);
  });

  it('never gives out a call whose stream was cut, at whatever byte', async () => {
    const text = piece(0, '{"guests":2,"name":"Jo"}', 'call_1', 'book');
    for (let length = 0; length <= text.length; length++) {
      const { chunks, outcome } = await readText(text.slice(0, length));
      expect(telling(chunks)).toEqual([]);
      expect(['model.stream_cut', 'model.bad_response']).toContain(outcome);
    }
  });
});

describe('bad streams', () => {
  it.each([
    ['text that is not JSON', `data: ${SECRET}\n\n`, 'model.stream_malformed'],
    ['JSON that is no object', 'data: 7\n\n', 'model.stream_malformed'],
    ['content that is no string', delta({ content: { of: SECRET } }), 'model.stream_malformed'],
    ['choices that are no list', event({ choices: SECRET }), 'model.stream_malformed'],
    ['an error event', event({ error: { message: SECRET } }), 'model.stream_failed'],
    ['an HTML page', `<html>\n<body>${SECRET}</body>\n</html>\n`, 'model.bad_response'],
    ['nothing at all', '', 'model.bad_response'],
    ['words and then nothing', says(SECRET), 'model.stream_cut'],
    ['a last event without its blank line', `${says('Hi')}data: [DONE]`, 'model.stream_cut'],
    ['`data:` without a newline', `${says('Hi')}data: {"choices":[`, 'model.stream_cut'],
  ])('faults on %s, and does not repeat it', async (_, text, reason) => {
    const { fault } = await readText(text);
    expect(fault?.reason).toBe(reason);
    expect(`${fault?.message} ${JSON.stringify(fault?.detail)} ${fault?.cause}`).not.toContain(SECRET);
  });

  async function* repeat(text: string, times: number) {
    const bytes = Buffer.from(text);
    for (let i = 0; i < times; i++) yield bytes;
  }

  it('gives up on a line without an end after a megabyte', async () => {
    async function* line() {
      yield Buffer.from('data: ');
      yield* repeat('x'.repeat(64 * 1024), 160);
    }
    expect((await read(line())).outcome).toBe('model.event_too_large');
  });

  it('gives up on an event of too many lines', async () => {
    expect((await read(repeat(`data: ${'x'.repeat(1_000)}\n`, 2_000))).outcome).toBe('model.event_too_large');
  });

  it('gives up on one event too large that came in one piece', async () => {
    expect((await readText(`data: ${'x'.repeat(1_100_000)}\n\n`)).outcome).toBe('model.event_too_large');
  });

  it('gives up on an endless stream after four megabytes', async () => {
    const { outcome } = await read(repeat(`: ${'x'.repeat(64 * 1024)}\n\n`, 1_000));
    expect(outcome).toBe('model.stream_too_large');
  });
});

describe('however the bytes are split', () => {
  const newline = fc.constantFrom('\n', '\r\n', '\r');
  const words = fc.string({ unit: fc.constantFrom('a', ' ', 'é', '日', '👍🏽', '"', '\\n', '\u2028'), maxLength: 12 });
  const part = fc.oneof(
    words.map((content) => ({ content })),
    fc.record({
      tool_calls: fc.tuple(
        fc.record({
          index: fc.constantFrom(0, 1),
          id: fc.constant('call_1'),
          function: fc.record({ name: fc.constant(''), arguments: words }),
        }),
      ),
    }),
  );

  it('gives the same words and calls', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ part, newline, hasComment: fc.boolean() }), { maxLength: 8 }),
        newline,
        fc.boolean(),
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }),
        async (parts, lastNewline, isCut, sizes) => {
          const body = parts
            .map(({ part, newline, hasComment }) => {
              const data = JSON.stringify({ choices: [{ index: 0, delta: part }] });
              return `${hasComment ? `: hm${newline}` : ''}data: ${data}${newline}${newline}`;
            })
            .join('');
          const text = isCut ? body : `${body}data: [DONE]${lastNewline}${lastNewline}`;
          const whole = await readText(text);
          const split = await readText(text, sizes);
          expect(meaning(split.chunks)).toEqual(meaning(whole.chunks));
          expect(split.outcome).toBe(whole.outcome);
          const said = parts.map(({ part }) => ('content' in part ? part.content : '')).join('');
          expect(meaning(whole.chunks).words).toBe(said);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives the same words and calls byte by byte', async () => {
    const text = `\uFEFF${says('Zwölf Gäste 👍🏽 日本')}`.replaceAll('\n', '\r\n') + says('. ') + DONE;
    const bytes = Buffer.from(text);
    const single = await read(
      inPieces(
        bytes,
        Array.from(bytes, () => 1),
      ),
    );
    expect(meaning(single.chunks)).toEqual(meaning((await readText(text)).chunks));
    expect(single.chunks[0]).toEqual({ kind: 'text', text: 'Zwölf Gäste 👍🏽 日本' });
  });
});
