import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../std/manual-clock.ts';
import { Asker } from './asker.ts';

function askerOf(reissues = false) {
  const clock = new ManualClock(0);
  const sent: string[] = [];
  const line = { isConnected: true };
  const asker = new Asker({
    clock,
    reissues,
    isConnected: () => line.isConnected,
    send: (id, ask, isReissue) => sent.push(`${ask} ${id}${isReissue ? ' again' : ''}`),
  });
  return { clock, sent, line, asker };
}

describe('the asker', () => {
  it('counts ids up from 1, over both kinds of ask', () => {
    const { asker, sent } = askerOf();
    asker.ask('response');
    asker.close();
    asker.ask('reminder');
    asker.ask('response');
    expect(sent).toEqual(['response 1', 'reminder 2', 'response 3']);
  });

  it('asks once it is connected again what came up meanwhile', () => {
    const { asker, sent, line } = askerOf();
    line.isConnected = false;
    asker.ask('response');
    expect(sent).toEqual([]);
    line.isConnected = true;
    asker.reconnected();
    expect(sent).toEqual(['response 1']);
  });

  it('repeats an open ask under its id only where told to, and a closed one never', () => {
    const silent = askerOf(false);
    silent.asker.ask('reminder');
    silent.asker.reconnected();
    expect(silent.sent).toEqual(['reminder 1']);
    const { asker, sent } = askerOf(true);
    asker.ask('reminder');
    asker.reconnected();
    asker.close();
    asker.reconnected();
    expect(sent).toEqual(['reminder 1', 'reminder 1 again']);
  });

  it('reminds a silent caller so often, and again once they have spoken', async () => {
    const { asker, sent, clock } = askerOf();
    asker.close();
    const wait = async () => {
      asker.awaitUser(10_000, 1, () => true);
      await clock.advance(10_000);
      asker.close();
    };
    await wait();
    await wait();
    expect(sent).toEqual(['reminder 1']);
    asker.userSpeaks();
    await wait();
    expect(sent).toEqual(['reminder 1', 'reminder 2']);
  });

  it('does not remind a caller who is speaking, nor while an ask is open, nor after the end', async () => {
    const { asker, sent, clock } = askerOf();
    asker.awaitUser(1_000, 1, () => true);
    await clock.advance(1_000);
    asker.close();
    asker.awaitUser(1_000, 1, () => false);
    await clock.advance(1_000);
    asker.awaitUser(1_000, 1, () => true);
    asker.userSpeaks();
    await clock.advance(1_000);
    asker.awaitUser(1_000, 1, () => true);
    asker.stop();
    await clock.advance(1_000);
    expect(sent).toEqual([]);
  });
});
