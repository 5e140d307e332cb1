import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../std/clock.ts';
import { type ModelStub, type ModelStubOptions, startModelStub } from './model-stub.ts';

const inTime = () => AbortSignal.timeout(5_000);

let stub: ModelStub | undefined;
afterEach(() => stub?.close());

async function start(options: ModelStubOptions = {}): Promise<ModelStub> {
  const made = await startModelStub(options);
  stub = made;
  return made;
}

const ask = (to: ModelStub, body: object = {}, signal: AbortSignal = inTime()) =>
  fetch(`${to.url}/chat/completions`, {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json', authorization: 'Bearer k' },
    body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'A table?' }], ...body }),
  });

/** The events of a stream, `[DONE]` included. */
const events = (text: string) =>
  text.split('\n\n').flatMap((block) => (block.startsWith('data: ') ? [block.slice(6)] : []));

const words = (text: string) =>
  events(text)
    .filter((event) => event !== '[DONE]')
    .map((event) => JSON.parse(event).choices[0].delta.content ?? '')
    .join('');

describe('the model stub', () => {
  it('streams an answer to the last user message, one word at a time, and ends it', async () => {
    const text = await (await ask(await start())).text();
    expect(words(text)).toBe('You asked about A table. That can be arranged.');
    expect(events(text).length).toBe(11);
    expect(events(text).at(-1)).toBe('[DONE]');
    expect(JSON.parse(events(text).at(-2) ?? '').choices[0].finish_reason).toBe('stop');
  });

  it('answers whole when it is not asked to stream', async () => {
    const body = await (await ask(await start(), { stream: false })).json();
    expect(body).toMatchObject({
      choices: [{ message: { content: 'You asked about A table. That can be arranged.' } }],
    });
  });

  it('streams tool calls in pieces', async () => {
    const answer = () => ({ toolCalls: [{ name: 'book', arguments: '{"people":2}' }] });
    const text = await (await ask(await start({ answer }), { tools: [{ function: { name: 'book' } }] })).text();
    const pieces = events(text)
      .slice(0, -2)
      .map((event) => JSON.parse(event).choices[0].delta.tool_calls[0]);
    expect(pieces[0]).toMatchObject({ index: 0, id: 'call_0', function: { name: 'book', arguments: '' } });
    expect(pieces.length).toBe(3);
    expect(pieces.map((piece) => piece.function.arguments).join('')).toBe('{"people":2}');
    expect(text).toContain('"finish_reason":"tool_calls"');
    expect(stub?.requests()[0]).toMatchObject({ model: 'm', tools: ['book'] });
  });

  it('takes its time where told to', async () => {
    const made = await start({ otherwise: { kind: 'ok', firstTokenMs: 60, tokenMs: 5 } });
    const startedAt = systemClock.now();
    await (await ask(made)).text();
    expect(systemClock.now() - startedAt).toBeGreaterThanOrEqual(90);
  });

  it.each([
    'before_headers',
    'after_headers',
    { afterTokens: 2 },
  ] as const)('hangs %j, and sees the client give up', async (at) => {
    const made = await start({ queue: [{ kind: 'hang', at }] });
    const controller = new AbortController();
    const reading = ask(made, {}, controller.signal).then((response) => response.text());
    await made.until(({ byKind }) => byKind.hang === 1, inTime());
    controller.abort();
    await expect(reading).rejects.toThrow();
    await made.until(({ aborted, openSockets }) => aborted === 1 && openSockets === 0, inTime());
  });

  it('refuses with a status and says when to come back', async () => {
    const made = await start({ queue: [{ kind: 'refuse', status: 429, retryAfterSeconds: 7 }] });
    const response = await ask(made);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
    made.push({ kind: 'refuse', status: 500 });
    expect((await ask(made)).status).toBe(500);
    expect((await ask(made)).status).toBe(200);
  });

  it('cuts a stream after some tokens, and does not count that as a client gone', async () => {
    const made = await start({ queue: [{ kind: 'cut', afterTokens: 2 }] });
    const response = await ask(made);
    await expect(response.text()).rejects.toThrow();
    expect(made.stats()).toMatchObject({ requests: 1, aborted: 0, byKind: { cut: 1 } });
  });

  it('sends what is no JSON, a page, and a line without an end', async () => {
    const made = await start({
      queue: [
        { kind: 'malformed', how: 'bad_json' },
        { kind: 'malformed', how: 'html_page' },
        { kind: 'malformed', how: 'endless_line' },
      ],
    });
    const bad = events(await (await ask(made)).text());
    expect(() => JSON.parse(bad[1] ?? '')).toThrow();
    expect(bad.at(-1)).toBe('[DONE]');
    const page = await ask(made);
    expect([page.headers.get('content-type'), await page.text()]).toEqual([
      'text/html',
      expect.stringContaining('<html>'),
    ]);
    const controller = new AbortController();
    const endless = await ask(made, {}, controller.signal);
    let bytes = 0;
    const reading = (async () => {
      for await (const part of endless.body ?? []) {
        bytes += part.length;
        if (bytes > 1_000_000) controller.abort();
      }
    })();
    await expect(reading).rejects.toThrow();
    await made.until(({ aborted }) => aborted === 1, inTime());
  });

  it('lets in only who has the key, and answers only what it is for', async () => {
    const made = await start({ apiKey: 'another' });
    expect((await ask(made)).status).toBe(401);
    await made.close();
    const open = await start();
    expect((await fetch(`${open.url}/models`)).status).toBe(404);
    const rubbish = await fetch(`${open.url}/chat/completions`, { method: 'POST', body: 'rubbish' });
    expect(rubbish.status).toBe(400);
    expect(open.stats().requests).toBe(0);
  });
});
