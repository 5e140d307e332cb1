import type { Agent } from '../agent/agent.ts';
import type { Responder, SpeculationOutcome } from '../agent/responder.ts';
import type { ToolDesk } from '../agent/tool-desk.ts';
import type { Call, ToolUse } from '../call/call.ts';
import type { DraftOrder, Effect } from '../call/effects.ts';
import { type CallEvent, type CallFact, stamp } from '../call/events.ts';
import type { CallInput, TimerName } from '../call/inputs.ts';
import { headOf } from '../call/snapshot.ts';
import { changedUtterances, type Transcript } from '../call/transcript.ts';
import type { CallStore } from '../ports/call-store.ts';
import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { untilAborted } from '../std/signals.ts';
import type { Line } from './line.ts';

/** What sessions share: the ports and services that effects reach. */
export interface SessionServices {
  readonly callStore: Pick<CallStore, 'commit'>;
  readonly responder: Responder;
  readonly toolDesk: ToolDesk;
  readonly clock: Clock;
  readonly log: Log;
  /** Every fact, in the millisecond it is recorded. */
  readonly observe: (event: CallEvent) => void;
}

/** Does what the machine wants done, for one session. What comes of it returns as inputs. */
export interface EffectRunner {
  /**
   * `call` is the call after the step that asked for these. An effect that fails does not stop those after it. Commits
   * and words gather until the loop has read what came together; then one commit leaves, and the words it journals.
   */
  run(effects: readonly Effect[], call: Call): void;
  /** Commits and says now what has gathered. */
  flush(): void;
  /** A newer session holds the call: nothing of this one is written, said or begun any more. */
  fence(): void;
  /** Aborts drafts and stops clocks; settles when every commit has been stored, refused or given up. */
  close(): Promise<void>;
}

type Commit = Extract<Effect, { kind: 'commit' }>;

/** What one turn of the loop made: the call as it now stands, and what is to leave for it. */
interface Gathered {
  call: Call;
  readonly commits: Commit[];
  readonly words: Effect[];
}

/** A store that hangs must not keep the call from its next socket: Retell dials back within seconds. */
const LAST_COMMIT_WITHIN_MS = 2_000;

export function createEffectRunner(
  services: SessionServices,
  agent: Agent,
  line: Line,
  stored: Transcript,
  push: (input: CallInput | { readonly kind: 'fenced' }) => void,
): EffectRunner {
  const { callStore, responder, toolDesk, clock, log, observe } = services;
  const lifetime = new AbortController();
  const drafts = new Map<string, AbortController>();
  /** Speculative drafts of which it is not known yet whether an ask adopts them. */
  const speculative = new Set<string>();
  const timers = new Map<TimerName, () => void>();
  let unsent: CallEvent[] = [];
  let seq = 0;
  let written = stored;
  let lastCommit: Promise<void> = Promise.resolve();
  let commits = 0;
  let gathered: Gathered | undefined;
  /** A newer session holds the call: nothing of this one is written or said any more. */
  let isFenced = false;
  /** The newest commit has been written where every process would see it. */
  let isWritten = false;

  return {
    run(effects, call) {
      if (gathered) gathered.call = call;
      for (const effect of effects) {
        try {
          perform(effect, call);
        } catch (thrown) {
          failed(effect, call, thrown);
        }
      }
    },
    flush,
    fence() {
      isFenced = true;
    },
    async close() {
      flush();
      for (const controller of drafts.values()) controller.abort(gone());
      for (const draftId of speculative) settle(draftId, 'wasted');
      for (const cancel of timers.values()) cancel();
      timers.clear();
      const cancel = clock.after(LAST_COMMIT_WITHIN_MS, () => lifetime.abort(late()));
      await lastCommit;
      cancel();
    },
  };

  function failed(effect: Effect, call: Call, thrown: unknown): void {
    const { reason } = toFault(thrown, 'session.effect_failed');
    log.error({ callId: call.id, effect: effect.kind, reason }, 'an effect failed; the call goes on');
  }

  function perform(effect: Effect, call: Call): void {
    switch (effect.kind) {
      case 'say':
      case 'interject':
      case 'tell':
      case 'noteUse':
      case 'noteOutcome':
      case 'hangUp':
        gather(call).words.push(effect);
        break;
      case 'draft':
        void draft(effect.order); // owned by its controller in `drafts`; failures return as inputs
        break;
      case 'abort':
        abort(effect.draftId);
        break;
      case 'adopt':
        settle(effect.draftId, 'adopted');
        break;
      case 'tool':
        flush(); // what names it is written before it starts
        void runTool(effect.use, call); // never rejects; the tool outlives this session on purpose
        break;
      case 'record':
        record(effect.fact, call);
        break;
      case 'commit':
        gather(call).commits.push(effect);
        break;
      case 'arm':
        arm(effect.timer, effect.at);
        break;
      case 'disarm':
        disarm(effect.timer);
        break;
      default:
        effect satisfies never;
    }
  }

  async function draft(order: DraftOrder): Promise<void> {
    const { draftId } = order;
    const controller = new AbortController();
    drafts.set(draftId, controller);
    if (order.speculatesOn) speculative.add(draftId);
    try {
      for await (const chunk of responder.draft(order, agent, controller.signal)) {
        if (controller.signal.aborted) return;
        push({ kind: 'chunk', at: clock.now(), draftId, chunk });
      }
    } catch (thrown) {
      if (controller.signal.aborted) return;
      const fault = toFault(thrown, 'agent.threw');
      // Nobody waits for a speculative one: that it failed, or could not be afforded, is no news.
      const level = speculative.delete(draftId) ? 'debug' : 'warn';
      log[level]({ responseId: order.responseId, attempt: order.attempt, reason: fault.reason }, 'draft failed');
      push({ kind: 'draftFailed', at: clock.now(), draftId, reason: fault.reason });
    } finally {
      drafts.delete(draftId);
    }
  }

  function abort(draftId: string): void {
    drafts.get(draftId)?.abort(new Fault('cancelled', 'draft.superseded', 'another draft or ask took its place'));
    settle(draftId, 'wasted');
  }

  function settle(draftId: string, outcome: SpeculationOutcome): void {
    if (speculative.delete(draftId)) responder.settle(agent, outcome);
  }

  async function runTool(use: ToolUse, call: Call): Promise<void> {
    const { id: callId, isProven, variables } = call;
    const outcome = await toolDesk.run({ ...use, callId, agent, isProven, variables, isHeld });
    push({ kind: 'toolSettled', at: clock.now(), toolCallId: use.toolCallId, outcome });
  }

  /** Whether this session certainly holds the call: the store has taken its last commit, and has fenced none. */
  async function isHeld(): Promise<boolean> {
    await lastCommit;
    return isWritten && !isFenced;
  }

  function record(fact: CallFact, call: Call): void {
    const event = stamp(fact, { callId: call.id, epoch: call.epoch, seq: seq++, at: clock.now() });
    observe(event);
    unsent.push(event);
  }

  /** What is to leave once the loop has read what came together: a stream's sentences often come in one packet. */
  function gather(call: Call): Gathered {
    if (!gathered) {
      gathered = { call, commits: [], words: [] };
      setImmediate(flush);
    }
    return gathered;
  }

  function flush(): void {
    if (!gathered) return;
    const { call, commits: asked, words } = gathered;
    gathered = undefined;
    if (isFenced) return;
    if (asked.length > 0) commit(call, asked);
    for (const effect of words) {
      try {
        if (effect.kind === 'hangUp') line.hangUp();
        else line.carry(effect);
      } catch (thrown) {
        failed(effect, call, thrown);
      }
    }
  }

  /**
   * Commits leave one after another, the first at once: an embedded store has written it when this returns. The
   * voice does not wait for them unless the machine said so with a tag.
   */
  function commit(call: Call, asked: readonly Commit[]): void {
    const done = commits === 0 ? store(call, asked) : lastCommit.then(() => store(call, asked));
    commits += 1;
    lastCommit = done.finally(() => {
      commits -= 1;
    });
  }

  /** Writes what the store does not have yet, and so also what an earlier commit failed to write. Never rejects. */
  async function store(call: Call, asked: readonly Commit[]): Promise<void> {
    const facts = unsent;
    unsent = [];
    const content = { head: headOf(call), appended: changedUtterances(written, call.transcript), facts };
    try {
      const { signal } = lifetime;
      const outcome = await untilAborted(callStore.commit(call.id, call.epoch, content, signal), signal);
      isWritten = outcome === 'committed';
      if (outcome === 'fenced') {
        isFenced = true;
        push({ kind: 'fenced' });
        return;
      }
      written = call.transcript;
    } catch (thrown) {
      isWritten = false;
      // The caller is answered all the same; all of it goes with the next commit, and the ledger guards the tools.
      log.error({ callId: call.id, reason: toFault(thrown).reason }, 'call could not be stored');
      unsent = [...facts, ...unsent];
    }
    for (const { tag } of asked) if (tag) push({ kind: 'committed', at: clock.now(), tag });
  }

  function arm(timer: TimerName, at: number): void {
    disarm(timer);
    timers.set(
      timer,
      clock.after(at - clock.now(), () => push({ kind: 'timer', at: clock.now(), timer })),
    );
  }

  function disarm(timer: TimerName): void {
    timers.get(timer)?.();
    timers.delete(timer);
  }
}

function gone(): Fault {
  return new Fault('cancelled', 'session.over', 'the session is over');
}

function late(): Fault {
  return new Fault('timeout', 'session.commit_late', `expected the last commit within ${LAST_COMMIT_WITHIN_MS} ms`);
}
