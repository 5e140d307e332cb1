import { type AgentChoice, chooseAgent } from '../agent/choose-agent.ts';
import type { CallId } from '../call/call.ts';
import { CALL_TTL_MS } from '../call/live-call.ts';
import type { CallControl, RemoteCall } from '../ports/call-control.ts';
import { toFault } from '../std/fault.ts';
import { withDeadline } from '../std/signals.ts';
import type { OperationContext } from './context.ts';
import { remember } from './remember.ts';

/** `unknown`: nobody could be asked, or not in time. A call that is not `proven` is talked to, and no more. */
export type Proof = 'proven' | 'denied' | 'unknown';

export interface CallProver {
  /** Whether a signed webhook ever named the call: quick, asks nobody outside. */
  isNamed(callId: CallId, signal: AbortSignal): Promise<boolean>;
  /** The same, and then Retell's API, where there is a key for it. Never throws. */
  prove(callId: CallId, signal: AbortSignal): Promise<Proof>;
}

const ASK_TIMEOUT_MS = 2_000;
/** An id that Retell does not know is not worth asking after on every redial. */
const DENIED_FOR_MS = 10_000;
const REMEMBERED = 2_000;

/** Statuses of a call that may open a socket; an ended one may not, whoever names it. */
const OPEN_STATUSES: ReadonlySet<string> = new Set(['registered', 'ongoing']);

/** Makes the judge of whether an id at the unsigned socket is a call of Retell's. One per process: it remembers. */
export function createCallProver(
  context: AgentChoice & Pick<OperationContext, 'records' | 'callControl' | 'clock' | 'log'>,
): CallProver {
  const { records, callControl, clock, log } = context;
  const known = new Map<CallId, { readonly proof: 'proven' | 'denied'; readonly until: number }>();
  const asking = new Map<CallId, Promise<Proof>>();

  return {
    isNamed: (callId, signal) => records.isNamed(callId, signal),
    prove(callId, signal) {
      const running = asking.get(callId);
      if (running) return running;
      const proof = judge(callId, signal).finally(() => asking.delete(callId));
      asking.set(callId, proof);
      return proof;
    },
  };

  async function judge(callId: CallId, signal: AbortSignal): Promise<Proof> {
    const kept = known.get(callId);
    if (kept && kept.until > clock.now()) return kept.proof;
    try {
      if (await records.isNamed(callId, signal)) return keep(callId, 'proven');
    } catch (thrown) {
      log.warn({ callId, reason: toFault(thrown).reason }, 'the archive could not be asked whether it knows the call');
    }
    return callControl ? ask(callControl, callId, signal) : 'unknown';
  }

  async function ask(control: CallControl, callId: CallId, signal: AbortSignal): Promise<Proof> {
    try {
      const remote = await withDeadline(clock, ASK_TIMEOUT_MS, 'retell.proof_timeout', signal, (within) =>
        control.fetch(callId, within),
      );
      return keep(callId, remote && isOurs(remote) ? 'proven' : 'denied');
    } catch (thrown) {
      log.warn({ callId, reason: toFault(thrown).reason }, 'Retell could not be asked whether it knows the call');
      return 'unknown';
    }
  }

  function isOurs({ status, agentId }: RemoteCall): boolean {
    return OPEN_STATUSES.has(status) && chooseAgent(context, agentId) !== undefined;
  }

  function keep(callId: CallId, proof: 'proven' | 'denied'): Proof {
    const until = clock.now() + (proof === 'proven' ? CALL_TTL_MS : DENIED_FOR_MS);
    remember(known, callId, { proof, until }, REMEMBERED);
    return proof;
  }
}
