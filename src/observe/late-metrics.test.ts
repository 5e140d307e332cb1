import { expect, it } from 'vitest';
import { parseCallId } from '../call/call.ts';
import { lateMetrics } from './late-metrics.ts';
import { createMetrics } from './metrics.ts';

const callId = parseCallId('call_1_aaaa');

function given() {
  let loads = 0;
  const metrics = lateMetrics(async () => {
    loads++;
    return createMetrics({ capacity: 10, active: () => 0, withProcess: false });
  });
  return { metrics, loads: () => loads };
}

it('counts what came before it was loaded', async () => {
  const { metrics } = given();
  metrics.countWebhook('stored');
  metrics.countFrame('frame.not_json');
  await metrics.load();
  metrics.countWebhook('stored');
  metrics.countRefusedSocket('ended');
  const { text } = await metrics.scrape();
  expect(text).toContain('offhook_webhooks_total{verdict="stored"} 2');
  expect(text).toContain('offhook_frames_malformed_total{reason="frame.not_json"} 1');
  expect(text).toContain('offhook_sockets_refused_total{reason="ended"} 1');
});

it('is loaded by the first scrape, once', async () => {
  const { metrics, loads } = given();
  if (!callId) throw new Error('bad id');
  metrics.observe({ type: 'call.refused', action: 'end', v: 1, callId, epoch: 1, seq: 0, at: 0 });
  expect(loads()).toBe(0);
  const [first] = await Promise.all([metrics.scrape(), metrics.scrape(), metrics.load()]);
  expect(first.text).toContain('offhook_calls_refused_total{action="end"} 1');
  expect(first.contentType).toContain('version=0.0.4');
  expect(loads()).toBe(1);
});

it('keeps its counts when its library could not be loaded, and loads it with the next scrape', async () => {
  let isBroken = true;
  const metrics = lateMetrics(async () => {
    if (isBroken) throw new Error('not yet');
    return createMetrics({ capacity: 10, active: () => 0, withProcess: false });
  });
  metrics.countWebhook('stored');
  await expect(metrics.scrape()).rejects.toThrow('not yet');
  isBroken = false;
  expect((await metrics.scrape()).text).toContain('offhook_webhooks_total{verdict="stored"} 1');
});
