import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { newCallId } from '../../../test/contracts/samples.ts';
import { ManualClock } from '../../std/manual-clock.ts';
import { openLive } from './live.ts';
import { sqliteToolLedger } from './tool-ledger.ts';

const signal = new AbortController().signal;

it('prunes keys claimed longer ago than the time given', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-'));
  const live = openLive(join(dir, 'live.db'));
  const clock = new ManualClock();
  const ledger = sqliteToolLedger(live, clock);
  const callId = newCallId();
  await ledger.claim(callId, 'old', signal);
  await ledger.settle(callId, 'old', 'booked', signal);
  await clock.advance(1_001);
  await ledger.claim(callId, 'new', signal);
  expect(ledger.prune(1_000)).toBe(1);
  expect(await ledger.claim(callId, 'old', signal)).toMatchObject({ kind: 'claimed' });
  expect(await ledger.claim(callId, 'new', signal)).toMatchObject({
    kind: 'unsettled',
    sinceMs: Number.POSITIVE_INFINITY,
  });
  live.close();
  rmSync(dir, { recursive: true });
});
