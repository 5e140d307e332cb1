import { expect, it } from 'vitest';
import { Fault } from '../std/fault.ts';
import { isNotDialled, isWorthWaiting, noKey } from './dial-outcome.ts';

it.each([
  ['a limit of Retell', new Fault('exhausted', 'retell.rate_limited', 'slow down'), true, true],
  ['a full workspace', new Fault('exhausted', 'retell.concurrency_reached', 'full'), true, true],
  ['a Retell out of reach', new Fault('unavailable', 'retell.unavailable', 'gone'), true, true],
  ['a number Retell refuses', new Fault('invalid', 'retell.refused', 'no'), true, false],
  ['a missing key', noKey(), true, false],
  ['an answer that never came', new Fault('timeout', 'retell.outcome_unknown', 'silence'), false, false],
  ['a mistake of ours', new Fault('bug', 'calls.place_failed', 'oops'), false, false],
])('judges after %s whether a phone may be ringing, and whether to wait', (_what, fault, notDialled, worthWaiting) => {
  expect(isNotDialled(fault)).toBe(notDialled);
  expect(isWorthWaiting(fault)).toBe(worthWaiting);
});
