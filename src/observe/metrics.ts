import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CallEvent } from '../call/events.ts';
import { boundedLabel } from './labels.ts';
import { deadAirMs } from './meter.ts';

/** The same facts everyone reads, as Prometheus counts them. No label holds what a caller said or is. */
export interface Metrics {
  observe(event: CallEvent): void;
  /** A request that Retell should have signed: `stored`, `duplicate`, `missing`, `mismatch` and the like. */
  countWebhook(verdict: string): void;
  /** A frame that was not one: `frame.not_json`, `frame.binary` and the like. */
  countFrame(reason: string): void;
  /** A socket turned away before it was one. */
  countRefusedSocket(reason: string): void;
  /** What is counted, as of this moment. */
  scrape(): Promise<Scrape>;
}

/** What Prometheus is answered. */
export interface Scrape {
  /** In the exposition format. */
  readonly text: string;
  readonly contentType: string;
}

export interface MetricsOptions {
  readonly capacity: number;
  /** Slots held; asked at each scrape. */
  readonly active: () => number | Promise<number>;
  /** What may be away, and the state of its breaker; asked at each scrape. Default none. */
  readonly dependencies?: () => readonly {
    readonly name: string;
    readonly state: string;
    readonly waiting?: number;
  }[];
  /** CPU, memory, event-loop delay and collections of this process. Default true. */
  readonly withProcess?: boolean;
}

/** Seconds: the filler's 0.7, the promise of 1.0 and the final line's 6.0 are bounds, so shares can be read off exactly. */
const SPEECH_BUCKETS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 1, 1.5, 2, 3, 4, 6, 10, 30];

/** Makes the metrics of this process, in a registry of their own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.withProcess !== false) collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter<Label>({ name, help, labelNames, registers });
  const speech = (name: string, help: string) => new Histogram({ name, help, registers, buckets: SPEECH_BUCKETS });

  new Gauge({ name: 'offhook_calls_capacity', help: 'Calls at once that are admitted', registers }).set(
    options.capacity,
  );
  new Gauge({
    name: 'offhook_calls_active',
    help: 'Slots held, adrift calls and dials included',
    registers,
    async collect() {
      this.set(await options.active());
    },
  });
  const { dependencies = () => [] } = options;
  const ofDependency = (
    name: string,
    help: string,
    measure: (one: ReturnType<typeof dependencies>[number]) => number,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['dependency'],
      registers,
      collect() {
        for (const one of dependencies()) this.set({ dependency: one.name }, measure(one));
      },
    });
  ofDependency('offhook_dependency_open', '1 while its breaker is open', ({ state }) => (state === 'open' ? 1 : 0));
  ofDependency('offhook_dependency_waiting', 'What waits for its return', ({ waiting = 0 }) => waiting);
  const started = counter('offhook_calls_started_total', 'Calls begun', []);
  const resumed = counter('offhook_calls_resumed_total', 'Calls taken up again after their socket was lost', []);
  const refused = counter('offhook_calls_refused_total', 'Callers who heard the busy line', ['action']);
  const ended = counter('offhook_calls_ended_total', 'Calls that ended', ['reason']);
  const turns = counter('offhook_turns_total', 'Asks and what became of them', ['outcome']);
  const slow = counter('offhook_turns_slow_total', 'Answers later than the budget of their turn', []);
  const fillers = counter('offhook_fillers_total', 'Filler sentences spoken', []);
  const fallbacks = counter('offhook_fallbacks_total', 'Turns that ended in the fallback line', ['reason']);
  const deadAir = counter('offhook_dead_air_seconds_total', 'Silence beyond 1.0 s after an ask', []);
  const tools = counter('offhook_tools_total', 'Tools run', ['outcome']);
  const speculations = counter('offhook_speculations_total', 'Drafts begun before Retell asked', ['outcome']);
  const webhooks = counter('offhook_webhooks_total', 'Requests that Retell should have signed', ['verdict']);
  const frames = counter('offhook_frames_malformed_total', 'Frames on the socket that could not be used', ['reason']);
  const sockets = counter('offhook_sockets_refused_total', 'Sockets refused before the upgrade', ['reason']);
  const firstSentence = speech('offhook_first_sentence_seconds', 'From the ask to the first sentence, filler or not');
  const answer = speech('offhook_answer_seconds', 'From the ask to the first sentence that is not a filler');

  const labels = {
    ended: boundedLabel(),
    fallback: boundedLabel(),
    webhook: boundedLabel(),
    frame: boundedLabel(),
    socket: boundedLabel(),
  };

  function observeTurn(event: Extract<CallEvent, { type: 'call.turn' }>): void {
    const { outcome, firstSentenceMs, answerMs, budgetMs, failure } = event;
    turns.inc({ outcome });
    if (firstSentenceMs !== undefined) firstSentence.observe(firstSentenceMs / 1_000);
    if (answerMs !== undefined) answer.observe(answerMs / 1_000);
    if (answerMs !== undefined && answerMs > budgetMs) slow.inc();
    fillers.inc(event.fillers);
    deadAir.inc(deadAirMs(event) / 1_000);
    if (outcome === 'fallback') fallbacks.inc({ reason: labels.fallback(failure ?? 'other') });
  }

  return {
    observe(event) {
      switch (event.type) {
        case 'call.started':
          started.inc();
          break;
        case 'call.resumed':
          resumed.inc();
          break;
        case 'call.refused':
          refused.inc({ action: event.action });
          break;
        case 'call.turn':
          observeTurn(event);
          break;
        case 'call.tool':
          tools.inc({ outcome: event.outcome });
          break;
        case 'call.speculated':
          speculations.inc({ outcome: event.outcome });
          break;
        case 'call.ended':
          ended.inc({ reason: labels.ended(event.reason) });
          break;
        case 'call.adrift':
        case 'call.reported':
          break; // seen in the calls they lead to
        default:
          event satisfies never;
      }
    },
    countWebhook: (verdict) => webhooks.inc({ verdict: labels.webhook(verdict) }),
    countFrame: (reason) => frames.inc({ reason: labels.frame(reason) }),
    countRefusedSocket: (reason) => sockets.inc({ reason: labels.socket(reason) }),
    scrape: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}
