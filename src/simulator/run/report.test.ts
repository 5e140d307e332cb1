import { describe, expect, it } from 'vitest';
import { DEFAULT_SWITCHES } from '../switches.ts';
import type { CallResult } from './call-result.ts';
import { jsonReport, renderReport } from './render-report.ts';
import { buildReport, type ReportInput } from './report.ts';
import type { TurnMeasure } from './turns.ts';
import { verdicts } from './verdicts.ts';

const turn = (more: Partial<TurnMeasure> = {}): TurnMeasure => ({
  responseId: 1,
  ask: 'response',
  outcome: 'answered',
  firstSentenceMs: 100,
  answerMs: 100,
  hadFiller: false,
  isApology: false,
  deadAirMs: 0,
  isResumed: false,
  ...more,
});

type Admitted = Extract<CallResult, { kind: 'admitted' }>;
type Refused = Extract<CallResult, { kind: 'refused' }>;

const common = { reason: 'user_hangup', breaches: [], sockets: 1, slowestPongMs: 3, toolCalls: 0, webhooks: [] };
const admitted = (more: Partial<Admitted> = {}): CallResult => ({
  ...common,
  kind: 'admitted',
  callId: 'call_a',
  turns: [turn()],
  greetingMs: 20,
  ...more,
});
const refused = (more: Partial<Refused> = {}): CallResult => ({
  ...common,
  kind: 'refused',
  callId: 'call_r',
  reason: 'agent_hangup',
  turns: [],
  busyLineMs: 40,
  action: 'end',
  hasActed: true,
  ...more,
});

const reportOf = (results: readonly CallResult[], more: Partial<ReportInput> = {}) =>
  buildReport({
    results,
    calls: results.length,
    seed: 42,
    switches: DEFAULT_SWITCHES,
    knowsApologies: true,
    isPartial: false,
    durationMs: 1_234.5,
    peakCalls: 2,
    lag: { count: 0 },
    ...more,
  });

const failed = (results: readonly CallResult[], expectations = {}, more: Partial<ReportInput> = {}) =>
  verdicts(reportOf(results, more), expectations)
    .filter(({ isPassed }) => !isPassed)
    .map(({ claim }) => claim);

describe('the report', () => {
  it('adds up turns, and keeps those after a redial apart', () => {
    const report = reportOf([
      admitted({
        sockets: 2,
        turns: [
          turn({ answerMs: 600 }),
          turn({ hadFiller: true, firstSentenceMs: 700, answerMs: 900 }),
          turn({ isResumed: true, firstSentenceMs: 50, answerMs: 60 }),
          turn({ outcome: 'superseded', answerMs: 200 }),
        ],
      }),
    ]);
    expect(report.turns).toMatchObject({ count: 4, answered: 3, superseded: 1, fillerRatio: 0.25 });
    expect(report.turns.answerMs).toMatchObject({ count: 3, p50: 600, max: 900 });
    expect(report.turns.slowRatio).toBeCloseTo(2 / 3);
    expect(report.redials).toMatchObject({ count: 1, resumedFirstSentenceMs: { count: 1, max: 50 } });
  });

  it('keeps refused calls out of the figures of the admitted', () => {
    const report = reportOf([admitted(), refused(), refused({ action: 'transfer', hasActed: false })]);
    expect(report.calls).toMatchObject({ wanted: 3, admitted: 1, finished: 1 });
    expect(report.calls.greetingMs).toMatchObject({ count: 1, max: 20 });
    expect(report.refused).toMatchObject({
      count: 2,
      actions: { end: 1, transfer: 1 },
      unserved: 1,
      busyLineMs: { max: 40 },
    });
  });

  it('groups breaches by rule, most frequent first, with a few examples', () => {
    const breach = (rule: 'content.stale' | 'frame.binary') => ({ rule, callId: 'call_a', atMs: 1, detail: 'id 1' });
    const stale = Array.from({ length: 5 }, () => breach('content.stale'));
    const report = reportOf([admitted({ breaches: [breach('frame.binary'), ...stale] })]);
    expect(report.breaches.map(({ rule, count, examples }) => [rule, count, examples.length])).toEqual([
      ['content.stale', 5, 3],
      ['frame.binary', 1, 1],
    ]);
  });

  it('names the longest silence and whose it was', () => {
    const report = reportOf([admitted(), admitted({ callId: 'call_b', turns: [turn({ deadAirMs: 250 })] })]);
    expect(report.deadAir).toEqual({ count: 1, worstMs: 1_250, worstCallId: 'call_b' });
    expect(reportOf([admitted()]).deadAir).toEqual({ count: 0, worstMs: 100 });
  });

  it('counts webhooks that were repeated and those that were never accepted', () => {
    const sent = (isAccepted: boolean, attempts: number) => ({ event: 'call_ended', isAccepted, attempts, tookMs: 5 });
    const report = reportOf([admitted({ webhooks: [sent(true, 1), sent(true, 2), sent(false, 3)] })]);
    expect(report.webhooks).toMatchObject({ sent: 3, failed: 1, repeated: 2, ackMs: { count: 2 } });
  });
});

describe('the verdicts', () => {
  it('pass for a clean run', () => {
    expect(failed([admitted(), refused()], { expectRefused: 1, answerP95Ms: 800 })).toEqual([]);
  });

  it.each<[string, CallResult]>([
    ['no call dropped', admitted({ reason: 'error_llm_websocket_runtime' })],
    ['turns lost = 0', admitted({ turns: [turn({ outcome: 'lost' })] })],
    ['no dead air > 1.0 s', admitted({ turns: [turn({ deadAirMs: 1 })] })],
    [
      'protocol breaches = 0',
      admitted({ breaches: [{ rule: 'content.stale', callId: 'call_a', atMs: 1, detail: '' }] }),
    ],
    ['busy line <= 500 ms and an action', refused({ busyLineMs: 501 })],
    ['busy line <= 500 ms and an action', refused({ hasActed: false })],
    [
      'webhooks not accepted = 0',
      admitted({ webhooks: [{ event: 'call_ended', isAccepted: false, attempts: 3, tookMs: 1 }] }),
    ],
  ])('fail alone: %s', (claim, result) => {
    expect(failed([admitted(), result])).toEqual([claim]);
  });

  it('name a repeated greeting for itself', () => {
    const breaches = [{ rule: 'greeting.repeated' as const, callId: 'call_a', atMs: 1, detail: '' }];
    expect(failed([admitted({ breaches })])).toEqual(['protocol breaches = 0', 'greeting repeated = 0']);
  });

  it('fail when another number was refused than expected', () => {
    expect(failed([admitted(), refused()], { expectRefused: 0 })).toEqual(['refused = 0']);
    expect(failed([admitted()], { expectRefused: 1 })).toEqual(['refused = 1']);
  });

  it('fail when the answers are slower than wanted', () => {
    expect(failed([admitted()], { answerP95Ms: 100 })).toEqual(['answer p95 < 100 ms']);
  });

  it('fail when more than one answer in ten was an apology, or more than what is allowed', () => {
    const calls = (apologies: number) => [
      admitted({ turns: Array.from({ length: 10 }, (_, index) => turn({ isApology: index < apologies })) }),
      refused(),
    ];
    expect(failed(calls(1))).toEqual([]);
    expect(failed(calls(2))).toEqual(['answered, not apologised']);
    expect(failed(calls(2), { maxApologyRatio: 0.2 })).toEqual([]);
    expect(failed(calls(1), { maxApologyRatio: 0 })).toEqual(['answered, not apologised']);
  });

  it('say nothing of apologies when the run was not told what one is, or nothing was answered', () => {
    const claims = (report: ReturnType<typeof reportOf>) => verdicts(report).map(({ claim }) => claim);
    expect(claims(reportOf([admitted()]))).toContain('answered, not apologised');
    const untold = reportOf([admitted()], { knowsApologies: false });
    expect(untold.turns).not.toHaveProperty('apologies');
    expect(claims(untold)).not.toContain('answered, not apologised');
    const lost = reportOf([admitted({ turns: [turn({ outcome: 'lost' })] })]);
    expect(claims(lost)).not.toContain('answered, not apologised');
  });

  it('fail for a call that no socket opened for, for a run cut short, and for one that measured nothing', () => {
    expect(failed([admitted(), { ...common, kind: 'unreached', callId: 'call_u', turns: [] }])).toEqual([
      'no call dropped',
    ]);
    expect(failed([admitted()], {}, { isPartial: true })).toEqual(['every call was played']);
    expect(failed([admitted({ turns: [] })])).toEqual(['every call was played']);
  });
});

describe('the rendered report', () => {
  it('puts the verdicts first, then figures, refused apart, breaches by rule, and the seed', () => {
    const breaches = [{ rule: 'content.stale' as const, callId: 'call_a', atMs: 1, detail: 'id 1, 80 ms after ask 2' }];
    const text = renderReport(reportOf([admitted({ breaches }), refused()]), { expectRefused: 1 });
    expect(text.split('\n')[0]).toBe(' VERDICTS');
    expect(text).toContain('✗ protocol breaches = 0');
    expect(text).toContain('✓ refused = 1');
    expect(text).toContain('BREACH      content.stale × 1');
    expect(text).toContain('call_a: id 1, 80 ms after ask 2');
    expect(text).toContain('answer          p50 100  p95 100  p99 100  max 100 ms  (n = 1)');
    expect(text).toContain('REFUSED     1 · end 1');
    expect(text).toContain('SEED        42');
    expect(text.endsWith('\n')).toBe(true);
  });

  it('counts apologies among the turns when it knows them', () => {
    const apologising = [admitted({ turns: [turn({ isApology: true }), turn()] })];
    const text = renderReport(reportOf(apologising));
    expect(text).toContain('0 reminders · 1 apologies');
    expect(text).toContain('✗ answered, not apologised             1 of 2 apologised, at most 10.0 %');
    expect(renderReport(reportOf(apologising, { knowsApologies: false }))).not.toContain('apolog');
    expect(jsonReport(reportOf(apologising)).turns.apologies).toBe(1);
  });

  it('names the switches that were moved, and no others', () => {
    const switches = { ...DEFAULT_SWITCHES, normalClose: '1006' as const };
    expect(renderReport(reportOf([admitted()], { switches }))).toContain('SWITCHES    normalClose=1006\n');
    expect(renderReport(reportOf([admitted()]))).not.toContain('SWITCHES');
  });

  it('is an object with its verdicts for machines', () => {
    const json = jsonReport(reportOf([admitted()]), { expectRefused: 3 });
    expect(json).toMatchObject({ schema: 'offhook.simulation/1', seed: 42, isPassed: false });
    expect(json.verdicts.filter(({ isPassed }) => !isPassed)).toEqual([
      { claim: 'refused = 3', isPassed: false, figure: '0 of 1' },
    ]);
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  });
});
