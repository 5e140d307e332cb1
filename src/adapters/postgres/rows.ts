import { type RawBuilder, sql } from 'kysely';
import { type CallId, parseCallId } from '../../call/call.ts';
import { Fault } from '../../std/fault.ts';

/** A stored id; only well-formed ones were ever written. */
export function callIdOf(text: string): CallId {
  const callId = parseCallId(text);
  if (callId !== undefined) return callId;
  throw new Fault('bug', 'postgres.row_unexpected', 'expected a call id in call_id, found another text', {
    effect: 'the call of this row cannot be read back; other calls go on',
    fixes: ['check that nothing but offhook writes its schema', 'report it'],
  });
}

/** So many milliseconds from now, by Postgres' clock; negative: ago. */
export function fromNow(ms: number): RawBuilder<number> {
  return sql<number>`offhook.now_ms() + ${ms}::double precision`;
}

/** The same from when the transaction began, before it waited for anybody. */
export function fromBegin(ms: number): RawBuilder<number> {
  return sql<number>`extract(epoch FROM transaction_timestamp())::double precision * 1000 + ${ms}::double precision`;
}
