import type { SQLOutputValue } from 'node:sqlite';
import { type CallId, parseCallId } from '../../call/call.ts';
import { Fault } from '../../std/fault.ts';

export type Row = Readonly<Record<string, SQLOutputValue>>;

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw unexpected(column, 'text', value);
  return value;
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw unexpected(column, 'a number', value);
  return value;
}

/** Text, or undefined where the column holds NULL. */
export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column);
}

/** A stored id; only well-formed ones were ever written. */
export function callIdOf(text: string): CallId {
  const callId = parseCallId(text);
  if (callId === undefined) throw unexpected('call_id', 'a call id', text);
  return callId;
}

function unexpected(column: string, expected: string, value: unknown): Fault {
  return new Fault('bug', 'store.row_unexpected', `expected ${expected} in ${column}, found ${typeof value}`, {
    detail: { column },
    effect: 'the call of this row cannot be read back; other calls go on',
    fixes: ['check that nothing but offhook writes the data folder', 'report it'],
  });
}
