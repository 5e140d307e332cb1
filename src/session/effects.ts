import type { Agent } from '../agent/agent.ts';
import type { Responder, SpeculationOutcome } from '../agent/responder.ts';
import type { ToolDesk } from '../agent/tool-desk.ts';
import type { Call, ToolUse } from '../call/call.ts';
import type { DraftOrder, Effect } from '../call/effects.ts';
import type { CallInput, TimerName } from '../call/inputs.ts';
import type { Transcript } from '../call/transcript.ts';
import { Fault, toFault } from '../std/fault.ts';
import { createCallWriter, type WriterInput, type WriterServices } from './call-writer.ts';
import type { Line } from './line.ts';

/** What sessions share: the ports and services that effects reach. */
export interface SessionServices extends WriterServices {
  readonly responder: Responder;
  readonly toolDesk: ToolDesk;
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

export function createEffectRunner(
  services: SessionServices,
  agent: Agent,
  line: Line,
  stored: Transcript,
  push: (input: CallInput | WriterInput) => void,
): EffectRunner {
  const { responder, toolDesk, clock, log } = services;
  const writer = createCallWriter(services, stored, push);
  const drafts = new Map<string, AbortController>();
  /** Speculative drafts of which it is not known yet whether an ask adopts them. */
  const speculative = new Set<string>();
  /** No map: it makes itself a new table whenever it is emptied. */
  const timers: Partial<Record<TimerName, (() => void) | undefined>> = {};
  let gathered: Gathered | undefined;

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
    fence: writer.fence,
    async close() {
      flush();
      for (const controller of drafts.values()) controller.abort(gone());
      for (const draftId of speculative) settle(draftId, 'wasted');
      for (const cancel of Object.values(timers)) cancel?.();
      await writer.close();
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
        writer.record(effect.fact, call);
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
    const outcome = await toolDesk.run({ ...use, callId, agent, isProven, variables, isHeld: writer.isHeld });
    push({ kind: 'toolSettled', at: clock.now(), toolCallId: use.toolCallId, outcome });
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
    const { call, commits, words } = gathered;
    gathered = undefined;
    if (writer.isFenced()) return;
    if (commits.length > 0) {
      writer.commit(
        call,
        commits.flatMap(({ tag }) => tag ?? []),
      );
    }
    for (const effect of words) {
      try {
        if (effect.kind === 'hangUp') line.hangUp();
        else line.carry(effect);
      } catch (thrown) {
        failed(effect, call, thrown);
      }
    }
  }

  function arm(timer: TimerName, at: number): void {
    disarm(timer);
    timers[timer] = clock.after(at - clock.now(), () => push({ kind: 'timer', at: clock.now(), timer }));
  }

  function disarm(timer: TimerName): void {
    timers[timer]?.();
    timers[timer] = undefined;
  }
}

function gone(): Fault {
  return new Fault('cancelled', 'session.over', 'the session is over');
}
