import type { CallControl, RemoteAgent, WorkspaceLoad } from '../ports/call-control.ts';
import type { Clock } from '../std/clock.ts';
import { untilAborted } from '../std/signals.ts';

/** What is shown to people need not be newer. */
const FRESH_FOR_MS = 300_000;
/** Whoever asked may leave: the answer is for others, too. What is asked has deadlines of its own. */
const NEVER = new AbortController().signal;

/**
 * The same call control, which asks Retell for agents and concurrency once in five minutes, however many ask meanwhile.
 * A failure is not kept. What has an effect, and what a decision hangs on, always goes through.
 */
export function cachedReads(callControl: CallControl, clock: Clock): CallControl {
  const agents = cached<readonly RemoteAgent[]>(clock, () => callControl.agents(NEVER));
  const concurrency = cached<WorkspaceLoad>(clock, () => callControl.concurrency(NEVER));
  return { ...callControl, agents, concurrency };
}

function cached<T>(clock: Clock, read: () => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let kept: { readonly value: Promise<T>; readonly until: number } | undefined;
  return (signal) => {
    if (!kept || kept.until <= clock.now()) {
      const value = read();
      const entry = { value, until: clock.now() + FRESH_FOR_MS };
      kept = entry;
      value.catch(() => {
        if (kept === entry) kept = undefined;
      });
    }
    return untilAborted(kept.value, signal);
  };
}
