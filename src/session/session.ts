import type { Agent } from '../agent/agent.ts';
import type { Call } from '../call/call.ts';
import type { CallInput } from '../call/inputs.ts';
import { step } from '../call/machine.ts';
import type { Transcript } from '../call/transcript.ts';
import { toFault } from '../std/fault.ts';
import type { Inbox } from '../std/inbox.ts';
import type { WriterInput } from './call-writer.ts';
import { createEffectRunner, type SessionServices } from './effects.ts';
import type { Line } from './line.ts';

/** What the loop takes besides the call's own inputs. */
export type SessionInput =
  | CallInput
  | WriterInput
  /** Let go of the socket; `isMove`: so that another process takes the call. */
  | { readonly kind: 'release'; readonly isMove?: true };

export interface SessionStart {
  readonly call: Call;
  readonly agent: Agent;
  readonly isResumed: boolean;
  readonly isProven: boolean;
  /** The utterances that the store already holds. */
  readonly stored: Transcript;
  readonly line: Line;
  readonly inbox: Inbox<SessionInput>;
  /** Told of the call after every step. */
  readonly onStep: (call: Call) => void;
}

/** How a session ended: its socket is gone, the call is over, or a newer session holds the call. */
export type SessionEnd = 'adrift' | 'over' | 'fenced';

/**
 * One socket serving one call: a single loop feeds the machine and does what it wants done, so nothing races and
 * nothing locks. Settles once what it did is stored.
 */
export async function runSession(services: SessionServices, start: SessionStart): Promise<SessionEnd> {
  const { clock, log } = services;
  const { line, inbox, agent } = start;
  const push = (input: SessionInput) => inbox.push(input);
  const runner = createEffectRunner(services, agent, line, start.stored, push);
  let call = start.call;

  /** Lets go of the socket once what is to be stored and said on it has left. */
  const letGo = () => {
    runner.flush();
    line.terminate();
  };
  const feed = (input: CallInput) => {
    try {
      const moved = step(call, input);
      call = moved.call;
      start.onStep(call);
      runner.run(moved.effects, call);
    } catch (thrown) {
      const fault = toFault(thrown, 'call.step_failed');
      log.error({ callId: call.id, input: input.kind, reason: fault.reason }, 'a step failed; the call goes on');
      runner.flush();
      if (input.kind === 'asked') apologise(start, input.responseId);
    }
  };

  const take = (input: SessionInput): SessionEnd | undefined => {
    if (input.kind === 'fenced') {
      runner.fence();
      log.warn({ callId: call.id }, 'a newer session holds the call; letting go');
      line.terminate();
      return 'fenced';
    }
    if (input.kind === 'release') {
      feed({ kind: 'lost', at: clock.now(), ...(input.isMove && { isMove: true }) });
      letGo();
    } else feed(input);
    const { kind } = call.phase;
    if (kind === 'over') letGo(); // Retell has closed it already, or has told us that it will
    return kind === 'over' || kind === 'adrift' ? kind : undefined;
  };

  try {
    feed({ kind: 'opened', at: clock.now(), isProven: start.isProven, isResumed: start.isResumed });
    return await inbox.read(take);
  } finally {
    await runner.close();
  }
}

/** A rule of ours failed on this ask: the caller hears the fallback line, and the ask is closed. */
function apologise({ call, line }: SessionStart, responseId: number): void {
  line.carry({ kind: 'say', responseId, text: call.rules.fallback.line, isComplete: true });
}
