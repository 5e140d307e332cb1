import type { Agent } from '../agent/agent.ts';
import type { Action, Call, CallId } from '../call/call.ts';
import { openTurn } from '../call/phases.ts';
import type { Leases } from '../ports/leases.ts';
import { Fault, toFault } from '../std/fault.ts';
import { Inbox } from '../std/inbox.ts';
import { refuseBusy } from './busy.ts';
import type { SessionServices } from './effects.ts';
import { greetedDetails } from './greeting.ts';
import type { Line, LineInfo, LineListener } from './line.ts';
import { beginCall, type ReadyCall, resumeCall } from './resume.ts';
import { runSession, type SessionInput } from './session.ts';

/** A live call as the roster shows it; no words. */
export interface RosterEntry {
  readonly callId: CallId;
  readonly agent: string;
  readonly startedAt: number;
  readonly phase: Call['phase']['kind'];
  readonly isProven: boolean;
  readonly responseId: number;
}

export interface RosterOptions extends SessionServices {
  readonly agents: readonly Agent[];
  readonly defaultAgent: Agent;
  /** Refuse calls of Retell agents that no agent lists, instead of answering with the default one. */
  readonly isStrict: boolean;
  readonly maxCalls: number;
  readonly leases: Leases;
  /** How long an adrift call keeps its slot; default 30,000. */
  readonly adriftMs: number;
}

/** Every call this process serves: admits, displaces, resumes, drains. */
export interface Roster {
  /** A socket was opened for a call. */
  accept(line: Line, info: LineInfo): LineListener;
  list(): readonly RosterEntry[];
  isLive(callId: CallId): boolean;
  prove(callId: CallId): void;
  end(callId: CallId, reason: string): Promise<boolean>;
  interject(callId: CallId, text: string, action: Action | undefined): boolean;
  /** Stops admitting, lets go of each socket when its turn is closed, of all at the deadline. */
  drain(deadlineMs: number): Promise<void>;
}

interface Seat {
  readonly inbox: Inbox<SessionInput>;
  readonly done: Promise<void>;
  /** Proof that came before the session ran, or that it has by now. */
  isProven: boolean;
  call: Call | undefined;
}

/** A lease outlives a stall of the loop, and a dead process for no longer than this. */
const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;

export function createRoster(options: RosterOptions): Roster {
  const { clock, log, leases, callStore, agents, defaultAgent, maxCalls } = options;
  const lifetime = new AbortController();
  const seats = new Map<CallId, Seat>();
  let isDraining = false;
  renewLeases();

  return { accept, list, isLive: (callId) => seats.has(callId), prove, end, interject, drain };

  function accept(line: Line, info: LineInfo): LineListener {
    const inbox = new Inbox<SessionInput>();
    const details = greetedDetails(clock);
    const older = seats.get(info.callId);
    if (isDraining || (older && !info.isProven)) {
      log.warn({ callId: info.callId, isDraining }, 'socket let go: draining, or an unproven one for a live call');
      line.terminate();
      return { onDetails() {}, onAsk() {}, onHeard() {}, onClosed() {} };
    }
    older?.inbox.push({ kind: 'release' });
    let refused: Pick<LineListener, 'onAsk' | 'onClosed'> | undefined;
    const seat: Seat = {
      inbox,
      isProven: info.isProven,
      call: undefined,
      done: serve(line, info, inbox, details, older?.done, (busy) => {
        refused = busy;
      }),
    };
    seats.set(info.callId, seat);
    void seat.done.finally(() => {
      if (seats.get(info.callId) === seat) seats.delete(info.callId);
    });
    return {
      onDetails: details.arrive,
      onAsk(ask, responseId, transcript) {
        if (refused) {
          refused.onAsk(ask, responseId, transcript);
          return;
        }
        const known = transcript ?? seats.get(info.callId)?.call?.transcript ?? [];
        const agent = agentOf(seat.call?.rules.agent.name);
        const { budget } = seat.call?.rules ?? agent.safeRules;
        const secondAfterMs = options.responder.secondAfterMs(agent, budget);
        inbox.push({ kind: 'asked', at: clock.now(), ask, responseId, transcript: known, secondAfterMs });
      },
      onHeard: (transcript) => inbox.push({ kind: 'heard', at: clock.now(), transcript }),
      onClosed() {
        details.arrive(undefined);
        refused?.onClosed();
        inbox.push({ kind: 'lost', at: clock.now() });
      },
    };
  }

  /** A socket's whole life: admission, the call begun or resumed, its session, and what becomes of its slot. Never rejects. */
  async function serve(
    line: Line,
    info: LineInfo,
    inbox: Inbox<SessionInput>,
    details: ReturnType<typeof greetedDetails>,
    older: Promise<void> | undefined,
    onRefused: (busy: Pick<LineListener, 'onAsk' | 'onClosed'>) => void,
  ): Promise<void> {
    const { callId } = info;
    try {
      await older;
      const isKnown = (await callStore.load(callId, lifetime.signal)) !== undefined;
      if (isKnown) await leases.adopt(callId, LEASE_MS, lifetime.signal);
      else if ((await leases.acquire(callId, maxCalls, LEASE_MS, lifetime.signal)) === 'full') {
        const agent = await chooseAgent(await details.arrived('busy'));
        await recordRefusal(callId, agent ?? defaultAgent);
        onRefused(refuseBusy(line, agent ?? defaultAgent, clock));
        return;
      }
      const ready = await make(callId, details);
      if (!ready) {
        await leases.release(callId, lifetime.signal);
        onRefused(refuseBusy(line, defaultAgent, clock));
        return;
      }
      await hold(ready, line, info, inbox);
    } catch (thrown) {
      const fault = toFault(thrown, 'session.failed');
      log.error({ callId, reason: fault.reason, cause: String(fault.cause) }, 'session failed; Retell will dial back');
      line.terminate();
    }
  }

  /** The call begun or resumed; undefined when strictness refuses its agent. */
  async function make(callId: CallId, details: ReturnType<typeof greetedDetails>): Promise<ReadyCall | undefined> {
    const { epoch, stored } = await callStore.take(callId, lifetime.signal);
    if (stored) return resumeCall(callId, epoch, stored, agents, defaultAgent, log);
    const told = await details.arrived('greeting');
    const agent = await chooseAgent(told);
    return agent && beginCall(callId, epoch, agent, told?.variables ?? {}, clock.now(), log);
  }

  async function hold(ready: ReadyCall, line: Line, info: LineInfo, inbox: Inbox<SessionInput>): Promise<void> {
    const seat = seats.get(info.callId);
    const last = await runSession(options, {
      ...ready,
      isProven: seat?.inbox === inbox ? seat.isProven : info.isProven,
      line,
      inbox,
      onStep: (call) => {
        if (seat) seat.call = call;
      },
    });
    if (last.phase.kind === 'over') await leases.release(info.callId, lifetime.signal);
    else await leases.adopt(info.callId, options.adriftMs, lifetime.signal);
  }

  async function chooseAgent(told: { readonly agentId: string | undefined } | undefined): Promise<Agent | undefined> {
    const id = told?.agentId;
    const named = id === undefined ? undefined : agents.find(({ retellAgentIds }) => retellAgentIds.includes(id));
    if (named || id === undefined || agents.every(({ retellAgentIds }) => retellAgentIds.length === 0)) {
      return named ?? defaultAgent;
    }
    log.warn({ agentId: id, isStrict: options.isStrict }, 'no agent lists this Retell agent id');
    return options.isStrict ? undefined : defaultAgent;
  }

  async function recordRefusal(callId: CallId, agent: Agent): Promise<void> {
    const at = clock.now();
    const fact = { type: 'call.refused', action: refusalOf(agent) } as const;
    const event = { ...fact, v: 1, callId, epoch: 0, seq: Math.floor(at), at } as const;
    options.observe(event);
    await callStore.enqueue([event], lifetime.signal);
  }

  function agentOf(name: string | undefined): Agent {
    return agents.find((agent) => agent.name === name) ?? defaultAgent;
  }

  function list(): readonly RosterEntry[] {
    return [...seats].flatMap(([callId, { call }]) =>
      call
        ? [
            {
              callId,
              agent: call.rules.agent.name,
              startedAt: call.startedAt,
              phase: call.phase.kind,
              isProven: call.isProven,
              responseId: openTurn(call)?.responseId ?? call.lastAsk,
            },
          ]
        : [],
    );
  }

  function prove(callId: CallId): void {
    const seat = seats.get(callId);
    if (!seat || seat.isProven) return;
    seat.isProven = true;
    seat.inbox.push({ kind: 'proven', at: clock.now() });
  }

  async function end(callId: CallId, reason: string): Promise<boolean> {
    const seat = seats.get(callId);
    if (!seat?.call) {
      await leases.release(callId, lifetime.signal);
      return false;
    }
    seat.inbox.push({ kind: 'ended', at: clock.now(), reason });
    await seat.done;
    return true;
  }

  function interject(callId: CallId, text: string, action: Action | undefined): boolean {
    const seat = seats.get(callId);
    if (!seat?.call) return false;
    seat.inbox.push({ kind: 'interject', at: clock.now(), text, ...(action && { action }) });
    return true;
  }

  async function drain(deadlineMs: number): Promise<void> {
    isDraining = true;
    for (const { inbox } of seats.values()) inbox.push({ kind: 'drain' });
    const cancel = clock.after(deadlineMs, () => {
      for (const { inbox } of seats.values()) inbox.push({ kind: 'release' });
    });
    await Promise.all([...seats.values()].map(({ done }) => done));
    cancel();
    lifetime.abort(new Fault('cancelled', 'roster.stopped', 'the process is stopping'));
  }

  /** Sessions keep their slots for as long as they live; a process that dies keeps them for `LEASE_MS`. */
  function renewLeases(): void {
    if (lifetime.signal.aborted) return;
    for (const [callId, { call }] of seats) {
      if (!call) continue;
      leases.adopt(callId, LEASE_MS, lifetime.signal).catch((thrown: unknown) => {
        log.warn({ callId, reason: toFault(thrown).reason }, 'lease could not be renewed');
      });
    }
    clock.after(RENEW_EVERY_MS, renewLeases);
  }
}

function refusalOf(agent: Agent): 'transfer' | 'end' | 'callback' {
  const { kind } = agent.overflow.action;
  return kind === 'digits' ? 'end' : kind;
}
