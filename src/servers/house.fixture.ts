import { memoryCallStore } from '../adapters/memory/call-store.ts';
import { memoryDials } from '../adapters/memory/dials.ts';
import { memoryJobs } from '../adapters/memory/jobs.ts';
import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryRecords } from '../adapters/memory/records.ts';
import type { CallId } from '../call/call.ts';
import type { LiveCall } from '../call/live-call.ts';
import { createMeter } from '../observe/meter.ts';
import { createMetrics } from '../observe/metrics.ts';
import type { OperationContext } from '../operations/context.ts';
import { createDialQueue } from '../operations/dial-queue.ts';
import type { FunctionDesk } from '../operations/run-function.ts';
import { sign } from '../retell/signature.ts';
import { systemClock } from '../std/clock.ts';
import type { Log } from '../std/log.ts';
import { Secret } from '../std/secret.ts';
import { createSocketDoor, type SocketDoorOptions } from './llm-socket.ts';
import { openServers, type ServersOptions } from './servers.ts';

/** Both ports opened over memory and the ports a test brings, with a recording log and live calls that a test can set. For tests only. */
export async function openHouse(
  ports: Pick<OperationContext, 'agents' | 'defaultAgent'> & Partial<OperationContext>,
  options: {
    readonly desk?: FunctionDesk;
    readonly door?: Partial<SocketDoorOptions>;
    readonly servers?: Partial<ServersOptions>;
  } = {},
) {
  const logged: string[] = [];
  const live = new Map<CallId, LiveCall>();
  const done: string[] = [];
  const texts: string[] = [];
  const clock = ports.clock ?? systemClock;
  const log = recordingLog(logged);
  const context: OperationContext = {
    isStrict: false,
    maxCalls: 10,
    callControl: undefined,
    callStore: memoryCallStore(clock),
    leases: memoryLeases(clock),
    records: memoryRecords(),
    jobs: memoryJobs(clock),
    dials: memoryDials(clock),
    hooks: {},
    clock,
    log,
    liveCalls: {
      list: () => [...live.values()],
      prove(callId) {
        door.markProven(callId);
        done.push(`prove ${callId}`);
      },
      end: async (callId) => live.delete(callId),
      interject: async (callId, text, action) => {
        done.push(`interject ${callId} ${text} ${action?.kind ?? ''}`.trim());
        return live.has(callId);
      },
    },
    ...ports,
  };
  const metrics = createMetrics({ capacity: 10, active: () => live.size, withProcess: false });
  const meter = createMeter();
  const queue = createDialQueue(context, { perSecond: 1 });
  const door = createSocketDoor({
    secrets: [],
    trustsEveryCall: true,
    accept: () => ({ onFrame: (bytes) => texts.push(bytes.toString()), onWaiting() {}, onClosed() {} }),
    isEnded: (callId, signal) => context.records.isEnded(callId, signal),
    prover: { isNamed: (callId, signal) => context.records.isNamed(callId, signal), prove: async () => 'unknown' },
    onProven() {},
    countFrame: metrics.countFrame,
    countRefused: metrics.countRefusedSocket,
    clock,
    log,
    ...options.door,
  });
  const servers = await openServers({
    host: '127.0.0.1',
    port: 0,
    adminPort: 0,
    apiKeys: [{ role: 'admin', hasPrivacy: true, key: new Secret('the-api-key') }],
    webhookKeys: ['key_one', 'key_two'],
    door,
    context,
    queue,
    desk: options.desk ?? { run: async () => ({ kind: 'done', content: 'ok' }) },
    figures: meter.figures,
    metrics,
    notReadyBecause: () => [],
    log,
    ...options.servers,
  });
  const base = `http://127.0.0.1:${servers.port}`;
  return {
    ...servers,
    context,
    door,
    queue,
    live,
    done,
    logged,
    texts,
    metrics,
    base,
    admin: `http://127.0.0.1:${servers.adminPort}`,
    /** POSTs as Retell does, signed unless the headers say otherwise. */
    post: (path: string, body: string, headers: Readonly<Record<string, string>> = signed(body)) =>
      fetch(`${base}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }),
  };
}

/** The header of a signature made now, or at another time. */
export function signed(body: string, key = 'key_one', atMs = systemClock.wall()): Record<string, string> {
  return { 'x-retell-signature': sign(body, key, atMs) };
}

function recordingLog(lines: string[]): Log {
  const write = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}
