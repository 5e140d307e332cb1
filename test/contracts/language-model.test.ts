import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ReadableStream } from 'node:stream/web';
import { type AiSdkModel, aiSdk } from '../../src/adapters/models/ai-sdk.ts';
import { openAiCompatible } from '../../src/adapters/models/openai-compatible.ts';
import { scripted } from '../../src/adapters/models/scripted.ts';
import type { Clock } from '../../src/std/clock.ts';
import { ManualClock } from '../../src/std/manual-clock.ts';
import { languageModelContract, type ModelPlay, type ModelSubject } from './language-model.ts';

const SECRET = 'my card is 4242';
/** The reason as version 4 of the AI SDK's specification writes it. */
const FINISH = { type: 'finish', finishReason: { unified: 'tool-calls', raw: 'tool_calls' } };

/** A provider with OpenAI's protocol on a free port. */
async function overHttp(): Promise<ModelSubject> {
  let play: ModelPlay = 'silence';
  const sockets = new Set<Socket>();
  const reached = Promise.withResolvers<void>();
  const server = createServer((incoming, response) => {
    incoming.resume().on('end', () => {
      reached.resolve();
      answer(play, response);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // the client resets what it lets go of
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    async make(next) {
      play = next;
      return openAiCompatible({ baseUrl, model: 'small' });
    },
    reached: () => reached.promise,
    // After a whole answer the connection is kept for the next turn: held it is, but by no request.
    async freed() {
      if (play === 'words and calls') return;
      await Promise.all([...sockets].map((socket) => once(socket, 'close')));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(play: ModelPlay, response: ServerResponse): void {
  const event = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`;
  const call = (index: number, id: string | undefined, text: string) =>
    event({
      tool_calls: [
        { index, ...(id && { id, type: 'function' }), function: { ...(id && { name: 'book' }), arguments: text } },
      ],
    });
  if (play === 'silence') return;
  if (play === 'failure') {
    response.writeHead(500).write(SECRET); // no end: whoever refuses it has to let go
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(event({ content: 'Good ' }));
  response.write(event({ content: 'day.' }), () => {
    if (play === 'cut') setImmediate(() => response.destroy());
  });
  if (play !== 'words and calls') return;
  response.write(call(0, 'call_1', '{"gue') + call(0, undefined, 'sts":2}'));
  response.write(call(1, 'call_2', '{"guests"') + call(1, undefined, ':3}'));
  response.end('data: [DONE]\n\n');
}

/** A model object of the AI SDK, made by hand, that heeds no signal: the adapter has to let go of it. */
async function overAiSdk(): Promise<ModelSubject> {
  const reached = Promise.withResolvers<void>();
  const released: Promise<void>[] = [];
  const text = (delta: string) => ({ type: 'text-delta', id: '1', delta });
  const call = (toolCallId: string, input: string) => ({ type: 'tool-call', toolCallId, toolName: 'book', input });
  const words = [text('Good '), text('day.')];
  const parts: { readonly [play in Exclude<ModelPlay, 'failure'>]: readonly { readonly type: string }[] } = {
    silence: [],
    'words and silence': words,
    cut: words,
    'words and calls': [
      ...words,
      { type: 'tool-input-start' },
      call('call_1', '{"guests":2}'),
      call('call_2', '{"guests":3}'),
      FINISH,
    ],
  };
  function streamOf(play: Exclude<ModelPlay, 'failure'>): ReadableStream<{ readonly type: string }> {
    const release = Promise.withResolvers<void>();
    released.push(release.promise);
    return new ReadableStream({
      start(controller) {
        for (const part of parts[play]) controller.enqueue(part);
        if (play !== 'cut' && play !== 'words and calls') return;
        controller.close();
        release.resolve();
      },
      cancel: release.resolve,
    });
  }
  return {
    async make(play) {
      const model: AiSdkModel = {
        specificationVersion: 'v4',
        provider: 'hand',
        modelId: 'made',
        doStream: async () => {
          setImmediate(reached.resolve); // by then its stream is being read
          if (play === 'failure') throw new RangeError(SECRET);
          return { stream: streamOf(play) };
        },
      };
      return aiSdk(model);
    },
    reached: () => reached.promise,
    freed: async () => {
      await Promise.all(released);
    },
    close: async () => {},
  };
}

/** Rules in this process: they cannot break off, and their author's errors are not theirs to translate. */
async function overRules(): Promise<ModelSubject> {
  const reached = Promise.withResolvers<void>();
  const timers = new Set<() => void>();
  const still = new ManualClock();
  const clock: Clock = {
    now: () => still.now(),
    wall: () => still.wall(),
    after(delayMs, run) {
      const cancel = still.after(delayMs, run);
      const free = () => {
        timers.delete(free);
        cancel();
      };
      timers.add(free);
      reached.resolve();
      return free;
    },
    every: (everyMs, run) => still.every(everyMs, run),
  };
  return {
    make: async (play) =>
      scripted(
        [
          {
            when: /./,
            say: 'Good day.',
            call: () => ({ name: 'book', arguments: { guests: 2 } }),
            delayMs: play === 'silence' ? 60_000 : 0,
          },
        ],
        { clock },
      ),
    reached: () => reached.promise,
    async freed() {
      if (timers.size > 0) throw new Error(`${timers.size} timers still held`);
    },
    close: async () => {},
  };
}

languageModelContract('openai-compatible', overHttp, { cannot: [], calls: 2 });
languageModelContract('ai-sdk', overAiSdk, { cannot: [], calls: 2 });
languageModelContract('scripted', overRules, { cannot: ['words and silence', 'failure', 'cut'], calls: 1 });
