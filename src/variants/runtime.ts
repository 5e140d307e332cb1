import { createLog } from '../adapters/pino/log.ts';
import { systemClock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { type Doors, openDoors } from './doors.ts';
import type { Ports } from './ports.ts';

/** A server that answers calls. */
export interface RunningServer {
  readonly urls: Doors['urls'];
  /** Drains, closes the doors, stores what is in hand; idempotent. Live calls are let go of so that Retell dials back. */
  stop(): Promise<void>;
  /** Settles when it has stopped. */
  readonly closed: Promise<void>;
}

/**
 * Starts a server in order: stores, the house, its doors; a later step that fails undoes the earlier ones.
 *
 * @throws Fault `port.*`, `store.*` and what the adapters throw
 */
export async function startServer(config: Config, log: Log = createLog(config.logLevel)): Promise<RunningServer> {
  const clock = systemClock;
  const lifetime = new AbortController();
  const ports = await openPorts(config, log, lifetime.signal);
  const opened: (() => Promise<void>)[] = [() => ports.close()];
  const undo = async () => {
    for (const close of opened.toReversed()) await close();
    lifetime.abort(new Fault('cancelled', 'server.stopped', 'the server has stopped'));
  };
  try {
    const house = await assemble(config, ports, clock, log, lifetime.signal);
    opened.push(async () => {
      await house.dialQueue.close();
      house.toolDesk.close();
      await house.backOffice.stop();
    });
    const doors = await openDoors(config, house, clock, log);
    opened.push(() => doors.close());
    opened.push(async () => {
      doors.stopAdmitting();
      await house.roster.drain(config.drainMs);
    });
    const closed = Promise.withResolvers<void>();
    let stopping: Promise<void> | undefined;
    return {
      urls: doors.urls,
      closed: closed.promise,
      stop() {
        stopping ??= undo().finally(closed.resolve);
        return stopping;
      },
    };
  } catch (thrown) {
    await undo();
    throw thrown;
  }
}

/** Each variant loads only its own adapters. */
async function openPorts(config: Config, log: Log, signal: AbortSignal): Promise<Ports> {
  switch (config.variant) {
    case 'single': {
      const { openSingle } = await import('./single.ts');
      return openSingle(config, systemClock, log, signal);
    }
    default:
      return config.variant satisfies never;
  }
}
