import type { Agent } from '../agent/agent.ts';
import { createResponder, type Responder } from '../agent/responder.ts';
import { createToolDesk, type ToolDesk } from '../agent/tool-desk.ts';
import type { CallEvent } from '../call/events.ts';
import { type LateMetrics, lateMetrics } from '../observe/late-metrics.ts';
import { createMeter, type Meter } from '../observe/meter.ts';
import type { OperationContext } from '../operations/context.ts';
import { createRoster, type Roster } from '../session/roster.ts';
import type { Clock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import type { Config } from './config.ts';
import { ADRIFT_MS } from './keep-slots.ts';
import { type LateDialQueue, lateDialQueue } from './late-dial-queue.ts';
import type { Ports } from './ports.ts';

/** Model requests at once, over the calls there can be: second drafts race. */
const SLOTS_PER_CALL = 1.2;

/** The house without its doors: the same for every variant. */
export interface House {
  readonly roster: Roster;
  readonly responder: Responder;
  readonly toolDesk: ToolDesk;
  readonly meter: Meter;
  readonly metrics: LateMetrics;
  readonly operations: OperationContext;
  readonly dialQueue: LateDialQueue;
  readonly dependencies: Ports['dependencies'];
  readonly notReadyBecause: Ports['notReadyBecause'];
}

/** Puts the ports to work. Nothing is served yet: doors open afterwards, and close before. */
export async function assemble(
  config: Config,
  ports: Ports,
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): Promise<House> {
  const { agents, maxCalls } = config;
  const { callStore, leases, records, jobs, dials, callControl, toolLedger, replyCache: cache } = ports;
  const defaultAgent = defaultOf(config);
  const meter = createMeter();
  const metrics = lateMetrics(async () => {
    const { createMetrics } = await import('../observe/metrics.ts');
    const dependencies = () => [
      ...ports.dependencies(),
      ...responder.models().map(({ name, breaker: state }) => ({ name: `model ${name}`, state })),
    ];
    return createMetrics({ capacity: maxCalls, active: () => leases.count(signal), dependencies });
  });
  const observe = (event: CallEvent) => {
    meter.observe(event);
    metrics.observe(event);
  };
  const slots = Math.ceil(maxCalls * SLOTS_PER_CALL);
  const responder = createResponder({ clock, cache, defaultModel: ports.model, slots });
  const toolDesk = createToolDesk(toolLedger, clock, log);
  const roster = createRoster({
    agents,
    defaultAgent,
    maxCalls,
    isStrict: config.strictAgents,
    adriftMs: ADRIFT_MS,
    callStore,
    leases,
    responder,
    toolDesk,
    clock,
    log,
    observe,
  });
  const others = ports.join(roster);
  const operations: OperationContext = {
    agents,
    defaultAgent,
    isStrict: config.strictAgents,
    maxCalls,
    liveCalls: {
      ...roster,
      interject: async (callId, text, action, within) =>
        roster.interject(callId, text, action) || others.interject(callId, text, action, within),
    },
    callStore,
    leases,
    records,
    jobs,
    dials,
    hooks: config.hooks,
    callControl,
    clock,
    log,
  };
  const dialQueue = lateDialQueue(async () => {
    const { createDialQueue } = await import('../operations/dial-queue.ts');
    return createDialQueue(operations, { perSecond: config.dialsPerSecond });
  });
  const { dependencies, notReadyBecause } = ports;
  return { roster, responder, toolDesk, meter, metrics, operations, dialQueue, dependencies, notReadyBecause };
}

function defaultOf({ agents, defaultAgent: name }: Config): Agent {
  const agent = agents.find((one) => one.name === name) ?? agents[0];
  if (agent) return agent;
  throw new Fault('invalid', 'agent.none', 'expected at least one agent, got none', {
    effect: 'nobody is answered until it starts',
    fixes: ['list one in offhook.config.ts: agents: [frontDesk]'],
  });
}
