import { describe, expect, it } from 'vitest';
import { parseCallId } from '../call/call.ts';
import type { CallEvent, CallFact } from '../call/events.ts';
import { createMetrics, type MetricsOptions } from './metrics.ts';

const callId = parseCallId('call_1_aaaa');

function event(fact: CallFact): CallEvent {
  if (!callId) throw new Error('bad id');
  return { ...fact, v: 1, callId, epoch: 1, seq: 0, at: 0 };
}

function metrics(options: Partial<MetricsOptions> = {}) {
  return createMetrics({ capacity: 10, active: () => 3, withProcess: false, ...options });
}

const TURN = {
  type: 'call.turn',
  responseId: 1,
  ask: 'response',
  outcome: 'fallback',
  firstSentenceMs: 1_500,
  answerMs: 6_000,
  fillers: 2,
  attempts: 2,
  tools: 0,
  budgetMs: 800,
  failure: 'model.stalled',
} as const;

describe('the metrics', () => {
  it('count calls by what became of them', async () => {
    const measured = metrics();
    measured.observe(event({ type: 'call.started', agent: 'desk', agentVersion: '1', isProven: true }));
    measured.observe(event({ type: 'call.refused', action: 'transfer' }));
    measured.observe(event({ type: 'call.ended', reason: 'user_hangup' }));
    measured.observe(event({ type: 'call.speculated', outcome: 'adopted' }));
    measured.observe(event({ type: 'call.tool', name: 'book', outcome: 'unknown' }));
    const { text } = await measured.scrape();
    expect(text).toContain('offhook_calls_active 3');
    expect(text).toContain('offhook_calls_capacity 10');
    expect(text).toContain('offhook_calls_started_total 1');
    expect(text).toContain('offhook_calls_refused_total{action="transfer"} 1');
    expect(text).toContain('offhook_calls_ended_total{reason="user_hangup"} 1');
    expect(text).toContain('offhook_speculations_total{outcome="adopted"} 1');
    expect(text).toContain('offhook_tools_total{outcome="unknown"} 1');
  });

  it('show what is away, and what waits for it', async () => {
    const dependencies = () => [
      { name: 'redis', state: 'closed' },
      { name: 'postgres', state: 'open', waiting: 3 },
    ];
    const { text } = await metrics({ dependencies }).scrape();
    expect(text).toContain('offhook_dependency_open{dependency="redis"} 0');
    expect(text).toContain('offhook_dependency_open{dependency="postgres"} 1');
    expect(text).toContain('offhook_dependency_waiting{dependency="postgres"} 3');
  });

  it('measure a turn from its fact', async () => {
    const measured = metrics();
    measured.observe(event(TURN));
    const { text } = await measured.scrape();
    expect(text).toContain('offhook_turns_total{outcome="fallback"} 1');
    expect(text).toContain('offhook_turns_slow_total 1');
    expect(text).toContain('offhook_fillers_total 2');
    expect(text).toContain('offhook_fallbacks_total{reason="model.stalled"} 1');
    expect(text).toContain('offhook_dead_air_seconds_total 0.5');
    expect(text).toContain('offhook_first_sentence_seconds_bucket{le="1"} 0');
    expect(text).toContain('offhook_first_sentence_seconds_bucket{le="1.5"} 1');
    expect(text).toContain('offhook_answer_seconds_sum 6');
  });

  it('stay bounded and free of what peers write, whatever they are fed', async () => {
    const measured = metrics();
    for (let i = 0; i < 1_000; i++) {
      measured.observe(event({ type: 'call.ended', reason: `reason_${i}` }));
      measured.countWebhook(`Ida +1555010${i}`);
      measured.countFrame(`frame.kind_${i}`);
      measured.countRefusedSocket(`/llm-websocket/secret-${i}`);
    }
    const { text } = await measured.scrape();
    expect(text.split('\n').length).toBeLessThan(300);
    expect(text).not.toContain('Ida');
    expect(text).not.toContain('secret');
  });

  it('hold no call id', async () => {
    const measured = metrics();
    measured.observe(event(TURN));
    expect((await measured.scrape()).text).not.toContain('call_1_aaaa');
  });

  it('include the process and its event loop', async () => {
    const { text } = await metrics({ withProcess: true }).scrape();
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(text).toContain('process_resident_memory_bytes');
  });
});
