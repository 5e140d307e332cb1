import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { defineAgent, defineConfig, type LanguageModel, type ModelRequest, tool } from '../../../src/index.ts';

/**
 * The agent of a fleet under test. Its tools act once, and write who acted for which call to one file that all replicas
 * share; its model thinks and speaks for a while, so that what befalls the fleet befalls calls in every phase.
 */
const EFFECTS = process.env.TEST_EFFECTS_FILE ?? 'effects.log';

/** A tool is under way for this long before its effect, and after it. */
const BEFORE_MS = 60;
const AFTER_MS = 140;
const BETWEEN_SENTENCES_MS = 60;

const effectKey = (name: string, key: string) => `${name} ${key}`;

function act(callId: string, key: string): void {
  appendFileSync(EFFECTS, `${JSON.stringify({ callId, key, at: Date.now(), pid: process.pid })}\n`);
}

function hasActed(callId: string, key: string): boolean {
  if (!existsSync(EFFECTS)) return false;
  const [one, other] = [`"callId":${JSON.stringify(callId)}`, `"key":${JSON.stringify(key)}`];
  return readFileSync(EFFECTS, 'utf8')
    .split('\n')
    .some((line) => line.includes(one) && line.includes(other));
}

const slot = z.object({ time: z.string() });

/** `canLookUp`: after a crash it can say whether it has acted; without that the caller is asked. */
function acting(name: string, canLookUp: boolean) {
  return tool<typeof slot>({
    description: `Does ${name}.`,
    parameters: slot,
    effect: 'once',
    key: ({ time }) => time,
    ...(canLookUp && {
      lookup: async ({ time }, { callId }) =>
        hasActed(callId, effectKey(name, time)) ? `${name} was done` : undefined,
    }),
    async run({ time }, { callId }) {
      await wait(BEFORE_MS);
      act(callId, effectKey(name, time));
      await wait(AFTER_MS);
      return `${name} at ${time} is done`;
    },
  });
}

/** Asked to `book a table at 19:30` or `reserve the room at 20:00` it wants that tool; else it says a few sentences. */
async function* answer(request: ModelRequest, signal: AbortSignal) {
  const last = request.messages.findLastIndex(({ role }) => role === 'user');
  const words = request.messages[last]?.content ?? '';
  const results = request.messages.slice(last + 1).filter(({ role }) => role === 'tool');
  await wait(20 + (words.length % 9) * 20, undefined, { signal });
  const [, verb, time] = /\b(book|reserve) \D*(\d+:\d\d)/.exec(words) ?? [];
  if (verb && time && results.length === 0) {
    const call = { id: 'c1', name: verb, arguments: JSON.stringify({ time }) };
    yield { kind: 'toolCall', call } as const;
    yield { kind: 'end' } as const;
    return;
  }
  const first = results.length > 0 ? `The desk says: ${results.at(-1)?.content ?? ''}.` : 'That is a good question.';
  for (const sentence of [first, 'We are here until ten.', 'Is there anything else?']) {
    yield { kind: 'text', text: `${sentence} ` } as const;
    await wait(BETWEEN_SENTENCES_MS, undefined, { signal });
  }
  yield { kind: 'end' } as const;
}

const unhurried: LanguageModel = { name: 'test/unhurried', stream: answer };

export default defineConfig({
  agents: [
    defineAgent({
      name: 'desk',
      greeting: 'This is the desk of the fleet speaking.',
      instructions: 'Help whoever calls.',
      model: unhurried,
      retellAgentIds: ['agent_fleet'],
      tools: { book: acting('book', true), reserve: acting('reserve', false) },
      lines: { fillers: ['One moment, please.'], reminders: ['Are you still there?'] },
      overflow: { line: 'All our lines are busy right now.', action: { kind: 'transfer', number: '+15550123' } },
    }),
  ],
});
