import { describe, expect, it } from 'vitest';
import { Fault, type FaultKind } from '../std/fault.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { printFault } from './print-fault.ts';

const plain = (_style: string, text: string) => text;

describe('printFault', () => {
  it('prints reason, fact, evidence, effect and fixes, in this order', () => {
    const fault = new Fault('unavailable', 'redis.unreachable', 'Redis cannot be reached\nrefused after 3 tries', {
      effect: 'calls in progress continue',
      fixes: ['redis-server --port 6379', 'set REDIS_URL'],
      detail: { port: 6379 },
      cause: new TypeError('inner'),
    });
    expect(printFault(fault, plain, false).split('\n')).toEqual([
      '✗ redis.unreachable Redis cannot be reached',
      '  refused after 3 tries',
      '  Callers: calls in progress continue.',
      '  Do one of:',
      '    redis-server --port 6379',
      '    set REDIS_URL',
    ]);
  });

  it('puts a single fix on one line, and leaves out what a Fault does not say', () => {
    const fault = new Fault('invalid', 'x.y', 'expected a', { fixes: ['do b'] });
    expect(printFault(fault, plain, false)).toBe('✗ x.y expected a\n  Fix: do b');
    expect(printFault(new Fault('invalid', 'x.y', 'expected a'), plain, false)).toBe('✗ x.y expected a');
  });

  it('shows details, stack and causes only for debugging', () => {
    const cause = new TypeError('inner', { cause: 'the root' });
    const printed = printFault(new Fault('bug', 'x.y', 'expected a', { cause, detail: { port: 1 } }), plain, true);
    expect(printed).toContain('  port: 1');
    expect(printed).toContain('  caused by TypeError: inner');
    expect(printed).toContain('  caused by the root');
    expect(printed).toMatch(/^\s+at .*print-fault\.test\.ts/m);
  });

  it('says where to find more about a bug', () => {
    expect(printFault(new Fault('bug', 'x.y', 'unexpected TypeError'), plain, false)).toContain(
      'run again with --debug',
    );
  });
});

describe('exitCodeOf', () => {
  const codeOf = (kind: FaultKind, reason: string) => exitCodeOf(new Fault(kind, reason, ''));

  it.each([
    ['invalid', 'config.invalid', EXIT.badConfig],
    ['invalid', 'variant.unknown', EXIT.badConfig],
    ['invalid', 'retell.no_webhook_key', EXIT.badConfig],
    ['invalid', 'cli.unknown_flag', EXIT.wrongUsage],
    ['invalid', 'simulator.switch_unknown', EXIT.wrongUsage],
    ['unavailable', 'port.in_use', EXIT.unreachable],
    ['unavailable', 'server.unreachable', EXIT.unreachable],
    ['unauthenticated', 'model.key_refused', EXIT.notAuthorised],
    ['forbidden', 'api.role_refused', EXIT.notAuthorised],
    ['bug', 'internal.unexpected', EXIT.failed],
    ['cancelled', 'cli.interrupted', EXIT.interrupted],
  ] as const)('%s %s ends with %i', (kind, reason, code) => {
    expect(codeOf(kind, reason)).toBe(code);
  });
});
