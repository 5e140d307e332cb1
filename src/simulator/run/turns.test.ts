import { describe, expect, it } from 'vitest';
import type { LineEvent } from '../line/events.ts';
import { apologyTest, fillerTest } from '../line/sentences.ts';
import { type TurnMeasure, TurnMeter } from './turns.ts';

const SORRY = 'Sorry, I lost my thread.';

type Chunk = Extract<LineEvent, { kind: 'chunk' }>;

const asked = (atMs: number, responseId = 1, isReissue = false): LineEvent => ({
  kind: 'asked',
  atMs,
  responseId,
  ask: 'response',
  isReissue,
});
const chunk = (atMs: number, content: string, isComplete: boolean, more: Partial<Chunk> = {}): LineEvent => ({
  kind: 'chunk',
  atMs,
  responseId: 1,
  content,
  isComplete,
  action: undefined,
  ...more,
});

function measure(...events: readonly LineEvent[]): readonly TurnMeasure[] {
  const meter = new TurnMeter({
    isFiller: fillerTest(['One moment, please.']),
    isApology: apologyTest([SORRY]),
    lostAfterMs: 30_000,
  });
  for (const event of events) meter.observe(event);
  return meter.turns;
}

describe('the turn meter', () => {
  it('measures to the end of the first sentence, not to the first chunk', () => {
    const turns = measure(
      asked(0),
      chunk(100, 'It is ', false),
      chunk(250, 'free. And', false),
      chunk(400, ' more.', true),
    );
    expect(turns).toEqual([
      {
        responseId: 1,
        ask: 'response',
        outcome: 'answered',
        firstSentenceMs: 250,
        answerMs: 250,
        hadFiller: false,
        isApology: false,
        deadAirMs: 0,
        isResumed: false,
      },
    ]);
  });

  it('tells the filler from the answer', () => {
    const turns = measure(asked(0), chunk(700, 'One moment, please. ', false), chunk(2_100, 'It is free.', true));
    expect(turns[0]).toMatchObject({ firstSentenceMs: 700, answerMs: 2_100, hadFiller: true, deadAirMs: 0 });
  });

  it('knows an apology, alone or at the end of what was said, and only where it answered', () => {
    const isApology = (...events: readonly LineEvent[]) => measure(asked(0), ...events)[0]?.isApology;
    expect(isApology(chunk(100, SORRY, true))).toBe(true);
    expect(isApology(chunk(700, 'One moment, please. ', false), chunk(900, SORRY, true))).toBe(true);
    expect(isApology(chunk(100, 'We open at ', false), chunk(900, SORRY, false), chunk(901, '', true))).toBe(true);
    expect(isApology(chunk(100, 'It is free.', true))).toBe(false);
    expect(isApology(chunk(100, `${SORRY} `, false), { kind: 'userBegan', atMs: 200 })).toBe(false);
  });

  it('counts the time beyond a second in which nothing had come', () => {
    expect(measure(asked(0), chunk(1_300, 'Yes.', true))[0]).toMatchObject({ outcome: 'answered', deadAirMs: 300 });
    expect(measure(asked(0), { kind: 'userBegan', atMs: 1_200 })[0]).toMatchObject({
      outcome: 'superseded',
      deadAirMs: 200,
    });
  });

  it('takes an ask for superseded when the caller speaks on, and hears nothing for it afterwards', () => {
    const turns = measure(
      asked(0),
      { kind: 'userBegan', atMs: 300 },
      chunk(400, 'Yes.', true),
      asked(900, 2),
      chunk(1_000, 'No.', true, { responseId: 2 }),
    );
    expect(turns.map(({ outcome, answerMs }) => [outcome, answerMs])).toEqual([
      ['superseded', undefined],
      ['answered', 100],
    ]);
  });

  it('takes a turn for lost when it is closed without words and without an action', () => {
    expect(measure(asked(0), chunk(100, '', true))[0]).toMatchObject({ outcome: 'lost' });
    expect(measure(asked(0), chunk(100, '', true, { action: { kind: 'digits', digits: '1' } }))[0]).toMatchObject({
      outcome: 'answered',
      deadAirMs: 0,
    });
  });

  it('takes a turn for lost when nothing came within the limit', () => {
    expect(measure(asked(0), { kind: 'userBegan', atMs: 30_001 })[0]).toMatchObject({ outcome: 'lost' });
    expect(measure(asked(0), { kind: 'over', atMs: 50, reason: 'agent_hangup' })[0]).toMatchObject({ outcome: 'lost' });
  });

  it('takes a turn for abandoned when the caller hung up', () => {
    expect(measure(asked(0), { kind: 'over', atMs: 50, reason: 'user_hangup' })[0]).toMatchObject({
      outcome: 'abandoned',
    });
  });

  it('counts from the reconnect when the socket was lost before the answer', () => {
    const turns = measure(
      asked(0),
      { kind: 'lost', atMs: 100, code: 1006 },
      { kind: 'opened', atMs: 4_000, socket: 2 },
      asked(4_000, 1, true),
      chunk(4_200, 'Yes.', true),
    );
    expect(turns).toMatchObject([{ firstSentenceMs: 200, deadAirMs: 0, isResumed: true }]);
  });

  it("lets the agent's own interruption answer the open ask", () => {
    expect(measure(asked(0), chunk(100, 'Wait.', true, { responseId: undefined }))[0]).toMatchObject({
      outcome: 'answered',
      answerMs: 100,
    });
  });

  it('hears nothing for another id', () => {
    expect(measure(asked(0), chunk(100, 'Hi.', true, { responseId: 0 }))).toEqual([]);
  });
});
