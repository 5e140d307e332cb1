import { describe, expect, it } from 'vitest';
import { Fault } from '../../std/fault.ts';
import { connectFault, isAnswer, postgresFault } from './postgres-fault.ts';

const withCode = (code: string, message = 'said') => Object.assign(new Error(message), { code });

describe('what Postgres or its driver throws', () => {
  it.each([
    ['a refused connection', withCode('ECONNREFUSED'), 'unavailable', 'postgres.unreachable'],
    ['a name nobody knows', withCode('ENOTFOUND'), 'unavailable', 'postgres.unreachable'],
    ['a pipe that broke', withCode('EPIPE'), 'unavailable', 'postgres.unreachable'],
    ['every address refused', new AggregateError([withCode('ECONNREFUSED')]), 'unavailable', 'postgres.unreachable'],
    ['a connection that ended', new Error('Connection terminated unexpectedly'), 'unavailable', 'postgres.unreachable'],
    ['a connection nobody answers', new Error('timeout expired'), 'unavailable', 'postgres.unreachable'],
    ['a server that stops', withCode('57P01'), 'unavailable', 'postgres.unreachable'],
    ['a server that starts', withCode('57P03'), 'unavailable', 'postgres.unreachable'],
    ['a statement given up', withCode('57014'), 'timeout', 'postgres.timeout'],
    ['a server that stands still', new Error('Query read timeout'), 'timeout', 'postgres.timeout'],
    ['no free connection', new Error('timeout exceeded when trying to connect'), 'unavailable', 'postgres.crowded'],
    ['no room for another client', withCode('53300'), 'unavailable', 'postgres.crowded'],
    ['a wrong password', withCode('28P01'), 'unavailable', 'postgres.refused'],
    ['no such database', withCode('3D000'), 'unavailable', 'postgres.refused'],
    ['a deadlock', withCode('40P01'), 'conflict', 'postgres.conflict'],
    ['a full disk', withCode('53100'), 'unavailable', 'postgres.disk_full'],
    ['a standby', withCode('25006'), 'unavailable', 'postgres.read_only'],
    ['a bad statement', withCode('42601'), 'bug', 'postgres.failed'],
    ['anything else', 'a text', 'bug', 'postgres.failed'],
  ])('is a Fault of its own: %s', (_, thrown, kind, reason) => {
    expect(postgresFault(thrown)).toMatchObject({ kind, reason });
  });

  it('shows nothing of what was said, and passes a Fault on', () => {
    const fault = postgresFault(withCode('23505', 'Key (to_number)=(+15550100) already exists'));
    expect(JSON.stringify([fault.message, fault.detail, fault.effect, fault.fixes])).not.toContain('5550100');
    expect(fault.cause).toBeUndefined();
    const known = new Fault('invalid', 'store.too_new', 'newer');
    expect(postgresFault(known)).toBe(known);
  });

  it('is a full house only where every connection is in use', () => {
    const waited = new Error('timeout exceeded when trying to connect');
    expect(connectFault(waited, true).reason).toBe('postgres.crowded');
    expect(connectFault(waited, false).reason).toBe('postgres.unreachable');
    expect(connectFault(withCode('28P01'), false).reason).toBe('postgres.refused');
  });

  it('leaves the connection good when the server answered, and only then', () => {
    expect([withCode('23505'), withCode('57014')].map(isAnswer)).toEqual([true, true]);
    expect([withCode('57P01'), withCode('08006'), withCode('ECONNRESET')].map(isAnswer)).toEqual([false, false, false]);
    expect(isAnswer(new Error('Query read timeout'))).toBe(false);
  });
});
