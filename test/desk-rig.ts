import { createHash } from 'node:crypto';
import { z } from 'zod';
import { memoryToolLedger } from '../src/adapters/memory/tool-ledger.ts';
import { defineAgent } from '../src/agent/agent.ts';
import { createToolDesk, type ToolDesk, type ToolJob } from '../src/agent/tool-desk.ts';
import { type Tool, type ToolDefinition, type ToolEffect, tool } from '../src/agent/tools.ts';
import { parseCallId, type ToolOutcome } from '../src/call/call.ts';
import type { ToolLedger } from '../src/ports/tool-ledger.ts';
import { silentLog } from '../src/std/log.ts';
import { ManualClock, settle } from '../src/std/manual-clock.ts';

const parameters = z.object({ time: z.string() });
export type BookDefinition = ToolDefinition<typeof parameters>;

export const EIGHT = { time: '20:00' };
/** What the ledger knows EIGHT by: stored, so it must not change between versions. */
export const EIGHT_KEY = `book:${createHash('sha256').update('20:00').digest('hex').slice(0, 32)}`;

/** A tool that notes what it does to the world and under which idempotency key, then does what `run` says. */
export function counting(effect: ToolEffect, definition: Partial<BookDefinition> = {}) {
  const seen = { effects: [] as string[], keys: [] as string[] };
  const { run = () => 'booked', ...rest } = definition;
  const book = tool({
    description: 'Books.',
    effect,
    parameters,
    key: ({ time }) => time,
    run: (args, context) => {
      seen.effects.push(args.time);
      seen.keys.push(context.idempotencyKey);
      return run(args, context);
    },
    ...rest,
  });
  return { book, seen };
}

/** A desk over a ledger in memory, and a model that asks it for tools. */
export function setUpDesk(tools: Readonly<Record<string, Tool>>, ledger: ToolLedger = memoryToolLedger()) {
  const clock = new ManualClock();
  const desk = createToolDesk(ledger, clock, silentLog);
  return { clock, ledger, desk, ask: asker(desk, tools) };
}

/** Asks for `book`, of call_desk_1, unless told otherwise. */
export function asker(desk: ToolDesk, tools: Readonly<Record<string, Tool>>) {
  const agent = defineAgent({ name: 'desk', greeting: '', instructions: 'Book.', tools });
  return (args: unknown, job: Partial<ToolJob> = {}): Promise<ToolOutcome> => {
    const text = typeof args === 'string' ? args : JSON.stringify(args);
    const rest = { request: 1, isProven: true, granted: [], variables: {} };
    return desk.run({ callId: callIdOf('call_desk_1'), agent, name: 'book', arguments: text, ...rest, ...job });
  };
}

export function callIdOf(text: string): ToolJob['callId'] {
  const callId = parseCallId(text);
  if (!callId) throw new Error(`${text} is no call id`);
  return callId;
}

/** A process died while its tool was at work for EIGHT: a new desk over what it left, `seen` counting from here. */
export async function crashedDesk(effect: ToolEffect, definition: Partial<BookDefinition> = {}) {
  let isDead = false;
  const run: BookDefinition['run'] = () => (isDead ? 'booked' : never());
  const { book, seen } = counting(effect, { run, ...definition });
  const before = setUpDesk({ book });
  void before.ask(EIGHT); // never settles, as its process never came to it
  await settle();
  isDead = true;
  const claimedAs = seen.keys.splice(0);
  seen.effects.splice(0);
  return { ...setUpDesk({ book }, before.ledger), book, seen, claimedAs };
}

export function done(content: string): ToolOutcome {
  return { kind: 'done', content, tells: [] };
}

export function never(): Promise<never> {
  return new Promise<never>(() => {});
}
