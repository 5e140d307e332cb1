import type { Agent } from '../agent/agent.ts';
import { type AgentChoice, chooseAgent, isUnlisted } from '../agent/choose-agent.ts';
import type { Call, StoredCall } from '../call/call.ts';
import { type CallFact, stamp } from '../call/events.ts';
import type { Transcript } from '../call/transcript.ts';
import type { CallStore, TakenCall } from '../ports/call-store.ts';
import type { Leases } from '../ports/leases.ts';
import { toFault } from '../std/fault.ts';
import { Inbox } from '../std/inbox.ts';
import { type Refusal, refuseBusy } from './busy.ts';
import { awaitDetails } from './details.ts';
import type { SessionServices } from './effects.ts';
import type { Details, Line, LineInfo, LineListener } from './line.ts';
import { beginCall, type ReadyCall, resumeCall } from './resume.ts';
import { runSession, type SessionInput } from './session.ts';

/** What a seat needs beside what its session does. */
export interface SeatServices extends SessionServices, AgentChoice {
  readonly callStore: CallStore;
  readonly leases: Leases;
  readonly maxCalls: number;
  /** How long an adrift call keeps its slot. */
  readonly adriftMs: number;
}

/** One socket and its call, from admission to what becomes of the slot. */
export interface Seat {
  /** What the door tells it. */
  readonly listener: LineListener;
  /** Settles when the socket has no more business here; never rejects. */
  readonly done: Promise<void>;
  /** The call after its last step; undefined until the session has begun. */
  readonly call: Call | undefined;
  push(input: SessionInput): void;
}

/** A lease outlives a stall of the loop, and a dead process for no longer than this. */
export const LEASE_MS = 15_000;
/** Whoever may vouch for a call has been asked by then; Retell waits 5 s for a sign of ours. */
const PROOF_WITHIN_MS = 4_000;

/**
 * Takes a seat for a socket: once the `older` seat of the call is free, the call is admitted or refused, begun or
 * resumed, and served until its socket is gone, the call is over, or a newer session holds it. `onMoved` is called
 * after every step of the call.
 */
export function takeSeat(
  services: SeatServices,
  line: Line,
  info: LineInfo,
  older: Promise<void> | undefined,
  onMoved: () => void,
  signal: AbortSignal,
): Seat {
  const { clock, log, leases, callStore, defaultAgent } = services;
  const { callId } = info;
  const inbox = new Inbox<SessionInput>();
  const details = awaitDetails(clock);
  let call: Call | undefined;
  let agent = defaultAgent;
  let refusal: Refusal | undefined;
  let { isProven } = info;
  let askedId = 0;
  /** What Retell last told on this socket, whether or not the session has read it yet. */
  let told: Transcript | undefined;
  let isLeaving = false;
  const proof = Promise.withResolvers<void>();
  if (isProven) proof.resolve();

  return {
    listener: {
      onDetails: details.arrive,
      onAsk(ask, responseId, transcript) {
        askedId = responseId;
        refusal?.onAsk(ask, responseId, transcript);
        const secondAfterMs = services.responder.secondAfterMs(agent, (call?.rules ?? agent.safeRules).budget);
        told = transcript ?? told ?? call?.transcript ?? [];
        push({ kind: 'asked', at: clock.now(), ask, responseId, transcript: told, secondAfterMs });
      },
      onHeard(transcript) {
        told = transcript;
        push({ kind: 'heard', at: clock.now(), transcript });
      },
      onClosed() {
        refusal?.onClosed();
        push({ kind: 'lost', at: clock.now() });
      },
    },
    done: serve().catch((thrown: unknown) => {
      const { reason } = toFault(thrown, 'session.failed');
      log.error({ callId, reason }, 'session failed; Retell will dial back');
      line.terminate();
    }),
    get call() {
      return call;
    },
    push,
  };

  function push(input: SessionInput): void {
    if (input.kind === 'proven') {
      isProven = true;
      proof.resolve();
    }
    if (input.kind === 'lost' || input.kind === 'release') {
      isLeaving = true;
      details.arrive(undefined);
      proof.resolve();
    }
    inbox.push(input);
  }

  async function serve(): Promise<void> {
    await older;
    const known = await knownCall();
    const isHeld = typeof known === 'object' && known.head.isProven && known.head.phase.kind !== 'adrift';
    if (isHeld && !(await isVouchedFor())) {
      log.warn({ callId }, 'an unproven socket for a live call was let go');
      line.terminate();
      return;
    }
    if (!(await admit(typeof known === 'object'))) {
      refuse(chosenFor(await details.arrived('busy')) ?? defaultAgent);
      return;
    }
    // Nobody knows whose call it is: who is not vouched for is talked to, and takes nothing from anybody.
    const isDoubtful = known === 'unreadable' && !isProven;
    const taken = isLeaving ? undefined : isDoubtful ? UNTAKEN : await take();
    const brought = taken && !taken.stored ? await details.arrived('greeting') : undefined;
    if (!taken || isLeaving) {
      // Nothing has begun, so nothing is lost: the next socket greets.
      await leases.leave(callId, services.adriftMs, signal);
      line.terminate();
      return;
    }
    const ready = make(taken, brought);
    if (!ready) {
      await leases.release(callId, signal);
      refuse(defaultAgent);
      return;
    }
    await hold(ready, taken.epoch > 0 ? callStore : UNSTORED);
  }

  /** A proven call that is not known to be adrift may be served elsewhere: nobody takes it without proof of their own. */
  async function isVouchedFor(): Promise<boolean> {
    const cancel = clock.after(PROOF_WITHIN_MS, proof.resolve);
    await proof.promise;
    cancel();
    return isProven;
  }

  /** A call that is known was admitted before; any other needs a slot, checked and taken in one act. */
  async function admit(isKnown: boolean): Promise<boolean> {
    if (isKnown) {
      await leases.adopt(callId, LEASE_MS, signal);
      return true;
    }
    return (await leases.acquire(callId, services.maxCalls, LEASE_MS, signal)) === 'held';
  }

  async function knownCall(): Promise<StoredCall | 'unreadable' | undefined> {
    try {
      return await callStore.load(callId, signal);
    } catch (thrown) {
      log.error({ callId, reason: toFault(thrown).reason }, 'the store could not be asked for a call; taken for new');
      return 'unreadable';
    }
  }

  /** Without a store the caller is answered all the same; the call just cannot be resumed. */
  async function take(): Promise<TakenCall> {
    try {
      return await callStore.take(callId, signal);
    } catch (thrown) {
      log.error({ callId, reason: toFault(thrown).reason }, 'call could not be taken; it is answered and not stored');
      return UNTAKEN;
    }
  }

  /** The call resumed or begun; undefined when strictness refuses its agent. */
  function make({ epoch, stored }: TakenCall, brought: Details | undefined): ReadyCall | undefined {
    if (stored) return resumeCall(callId, epoch, stored, services.agents, defaultAgent, log);
    const chosen = chosenFor(brought);
    return chosen && beginCall(callId, epoch, chosen, brought?.variables ?? {}, clock.now(), log);
  }

  function chosenFor(brought: Details | undefined): Agent | undefined {
    const { agents, isStrict } = services;
    const agentId = brought?.agentId;
    if (isUnlisted(agents, agentId)) log.warn({ agentId, isStrict }, 'no agent lists this Retell agent id');
    return chooseAgent(services, agentId);
  }

  async function hold(ready: ReadyCall, store: SessionServices['callStore']): Promise<void> {
    agent = ready.agent;
    const { call: begun } = ready;
    if (begun.phase.kind === 'over') {
      // It was ended here and Retell has not heard of it, or it would not dial.
      line.hangUp();
      await leases.release(callId, signal);
      return;
    }
    if (begun.rules.speculates) line.hearAtOnce();
    const onStep = (moved: Call) => {
      call = moved;
      onMoved();
    };
    const end = await runSession({ ...services, callStore: store }, { ...ready, isProven, line, inbox, onStep });
    if (end === 'over') await leases.release(callId, signal);
    // One that was ended meanwhile, by whoever heard of its end, was freed there and stays so.
    if (end === 'adrift') await leases.leave(callId, services.adriftMs, signal);
  }

  /** The words first: the caller hears them within 500 ms, however slow the store is. */
  function refuse(refuser: Agent): void {
    if (isLeaving) return;
    refusal = refuseBusy(line, refuser, clock, askedId);
    const at = clock.now();
    const fact: CallFact = { type: 'call.refused', action: refusalOf(refuser) };
    const event = stamp(fact, { callId, epoch: 0, seq: Math.floor(at), at });
    services.observe(event);
    callStore.enqueue([event], signal).catch((thrown: unknown) => {
      log.error({ callId, reason: toFault(thrown).reason }, 'a refusal could not be stored');
    });
  }
}

function refusalOf(agent: Agent): 'transfer' | 'end' | 'callback' {
  const { kind } = agent.overflow.action;
  return kind === 'digits' ? 'end' : kind;
}

/** A call that is held nowhere. */
const UNTAKEN: TakenCall = { epoch: 0, stored: undefined };

/** Where a call is written that the store could not take: it may be held elsewhere, so nothing acts once for it. */
const UNSTORED: SessionServices['callStore'] = { commit: () => Promise.resolve('kept') };
