import { type CallId, parseCallId } from '../../call/call.ts';
import { Fault } from '../../std/fault.ts';

/** A reply that is a list. */
export function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unexpected('a list', reply);
  return reply;
}

export function textOf(reply: unknown): string {
  if (typeof reply !== 'string') throw unexpected('text', reply);
  return reply;
}

/** A whole number, however it came: Lua has those above 2^31 written out. */
export function numberOf(reply: unknown): number {
  const number = typeof reply === 'string' && reply !== '' ? Number(reply) : reply;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw unexpected('a number', reply);
  return number;
}

/** A stored id; only well-formed ones were ever written. */
export function callIdOf(reply: unknown): CallId {
  const callId = parseCallId(textOf(reply));
  if (callId === undefined) throw unexpected('a call id', reply);
  return callId;
}

/** The pairs of a flat list: a hash, a stream's entry. */
export function pairsOf(reply: unknown): readonly (readonly [string, string])[] {
  const flat = listOf(reply);
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([textOf(flat[i]), textOf(flat[i + 1])]);
  return pairs;
}

function unexpected(expected: string, found: unknown): Fault {
  return new Fault('bug', 'redis.reply_unexpected', `expected ${expected} from Redis, found ${typeof found}`, {
    effect: 'the call of this reply cannot be read back; other calls go on',
    fixes: ['check that nothing but offhook writes keys of its prefix', 'report it'],
  });
}
