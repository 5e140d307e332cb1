import type { LanguageModel, ModelChunk, ModelRequest } from '../ports/language-model.ts';
import { type BreakerState, createBreaker } from '../resilience/breaker.ts';
import { createBulkhead } from '../resilience/bulkhead.ts';
import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import { createWait, linkedController } from '../std/signals.ts';

export interface GuardOptions {
  readonly clock: Clock;
  /** Streams at once; 1.2 x the calls at once leaves room for races. */
  readonly slots: number;
  /** Slower than this counts as a failure, though the stream goes on. Default 2,000. */
  readonly slowAfterMs?: number;
  /** No chunk until then: given up. Above `slowAfterMs`, which is when the call races a second draft. Default 6,000. */
  readonly firstTokenTimeoutMs?: number;
  /** Longest silence between two chunks. Default 1,500. */
  readonly stallTimeoutMs?: number;
}

export interface GuardedModel extends LanguageModel {
  state(): BreakerState;
}

/**
 * Puts a model behind its own breaker and bulkhead, and bounds every wait for it. One guard per provider and model,
 * shared by all calls.
 *
 * A stream is judged once: good when its first chunk came within `slowAfterMs`, failed when it had not by then,
 * which is also when a model that hangs is found out although the call cancels it before any timeout. A stream
 * that goes wrong after a good start counts as a failure too; one cancelled before it was judged counts as nothing.
 *
 * @throws Fault (from the stream) `breaker.open`, `bulkhead.full`, `model.first_token_timeout`, `model.stalled`,
 *   `model.ended_early`, or what the model itself threw
 */
export function guardModel(model: LanguageModel, options: GuardOptions): GuardedModel {
  const { clock, slots, slowAfterMs = 2_000, firstTokenTimeoutMs = 6_000, stallTimeoutMs = 1_500 } = options;
  const breaker = createBreaker(model.name, clock);
  const bulkhead = createBulkhead(model.name, slots);

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelChunk, void, void> {
    const leave = bulkhead.enter();
    const { controller, dispose } = linkedController(signal);
    const waitFor = createWait(clock, controller.signal);
    let chunks: AsyncIterator<ModelChunk> | undefined;
    let isGood = false;
    let isEnded = false;

    const begin = () => {
      const begun = model.stream(request, controller.signal)[Symbol.asyncIterator]();
      chunks = begun;
      return wait(begun, firstTokenTimeoutMs, 'model.first_token_timeout');
    };
    const wait = async (from: AsyncIterator<ModelChunk>, timeoutMs: number, reason: string) => {
      const next = await waitFor(from.next(), timeoutMs, reason);
      if (!next.done) return next.value;
      throw new Fault('unavailable', 'model.ended_early', 'expected a stream that says it ended, it just stopped', {
        detail: { model: model.name },
      });
    };

    try {
      let first: Promise<ModelChunk> | undefined;
      const judged = await breaker.run(
        () => {
          first = begin();
          return within(clock, slowAfterMs, first);
        },
        signal,
        (chunk) => chunk === undefined,
      );
      if (judged) isGood = true;
      let chunk = judged ?? (await first);
      while (chunk && chunks) {
        isEnded = chunk.kind === 'end';
        if (chunk.kind !== 'text' || chunk.text !== '') yield chunk;
        if (isEnded) return;
        chunk = await wait(chunks, stallTimeoutMs, 'model.stalled');
      }
    } catch (thrown) {
      const fault = signal.aborted ? toFault(signal.reason) : toFault(thrown, 'model.unexpected');
      if (isGood && !signal.aborted && fault.kind !== 'cancelled') breaker.takeBackSuccess();
      controller.abort(fault);
      throw fault;
    } finally {
      // After a whole answer the model may hand its connection back for the next one; else nobody listens any more.
      if (!isEnded) controller.abort(new Fault('cancelled', 'model.abandoned', 'expected a reader, it left'));
      chunks?.return?.().catch(() => {
        // The stream is over for its reader; how its clean-up went is of no use to anyone.
      });
      dispose();
      leave();
    }
  }

  return { name: model.name, stream, state: () => breaker.state() };
}

/** What `work` brings, or undefined when it has not come within `limitMs`; `work` goes on. */
function within<T>(clock: Clock, limitMs: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => resolve(undefined));
    work.then(resolve, reject).finally(cancel);
  });
}
