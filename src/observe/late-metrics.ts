import { lazily } from '../std/lazily.ts';
import type { Metrics } from './metrics.ts';

/** Metrics that can be counted with before their library is loaded. */
export interface LateMetrics extends Metrics {
  /** Loads it, and counts what was counted so far; the first scrape would. Idempotent. */
  load(): Promise<void>;
}

/** Metrics made by `make` only once they are wanted, so that no start waits for them. */
export function lateMetrics(make: () => Promise<Metrics>): LateMetrics {
  const early: ((metrics: Metrics) => void)[] = [];
  let made: Metrics | undefined;
  const count = (counting: (metrics: Metrics) => void) => {
    if (made) counting(made);
    else early.push(counting);
  };
  const wanted = lazily(async () => {
    const metrics = await make();
    made = metrics;
    for (const counting of early.splice(0)) counting(metrics);
    return metrics;
  });
  return {
    async load() {
      await wanted();
    },
    observe: (event) => count((metrics) => metrics.observe(event)),
    countWebhook: (verdict) => count((metrics) => metrics.countWebhook(verdict)),
    countFrame: (reason) => count((metrics) => metrics.countFrame(reason)),
    countRefusedSocket: (reason) => count((metrics) => metrics.countRefusedSocket(reason)),
    scrape: async () => (await wanted()).scrape(),
  };
}
