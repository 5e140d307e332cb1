import { createLog } from '../adapters/pino/log.ts';
import { type Clock, systemClock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import type { House } from './assemble.ts';
import type { BackOffice } from './back-office.ts';
import type { Config } from './config.ts';
import type { Doors } from './doors.ts';
import type { Ports } from './ports.ts';

/**
 * What no caller waits for is started and loaded this long after the doors are open: whoever asks `/ready` has been
 * told, and a caller is still to dial, to hear the greeting and to speak.
 */
const REST_AFTER_MS = 50;

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
 * @param ofVariant opens the stores; those of the configured variant unless given
 * @throws Fault `port.*`, `store.*` and what the adapters throw
 */
export async function startServer(
  config: Config,
  log: Log = createLog(config.logLevel),
  ofVariant: (config: Config) => Promise<OpenPorts> = variantOf,
): Promise<RunningServer> {
  const clock = systemClock;
  const lifetime = new AbortController();
  const openPorts = await ofVariant(config);
  // The stores first: their thread starts while the rest of the house is still being loaded.
  const [ports, { assemble }, { openDoors }] = await Promise.all([
    openPorts(config, clock, log, lifetime.signal),
    import('./assemble.ts'),
    import('./doors.ts'),
  ]);
  const opened: (() => Promise<void>)[] = [() => ports.close()];
  const undo = async () => {
    for (const close of opened.toReversed()) await close();
    lifetime.abort(new Fault('cancelled', 'server.stopped', 'the server has stopped'));
  };
  let rest: Promise<BackOffice | undefined> | undefined;
  try {
    const house = await assemble(config, ports, clock, log, lifetime.signal);
    opened.push(async () => {
      await house.dialQueue.close();
      house.toolDesk.close();
      await (await rest)?.stop();
    });
    const doors = await openDoors(config, house, clock, log);
    opened.push(() => doors.close());
    opened.push(async () => {
      doors.stopAdmitting();
      await house.roster.drain(config.drainMs, config.drain);
    });
    const cancelRest = clock.after(REST_AFTER_MS, () => {
      rest = openRest(ports, house, clock, log);
      void rest.then(() => warmUp(ports, doors, house, log));
    });
    opened.push(async () => cancelRest());
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

/** Those who work where no caller waits; undefined when they cannot be loaded. Their first question loads the archive. */
async function openRest(ports: Ports, house: House, clock: Clock, log: Log): Promise<BackOffice | undefined> {
  try {
    const [{ openBackOffice }, { jobWork }] = await Promise.all([import('./back-office.ts'), import('./job-work.ts')]);
    return openBackOffice(ports, house.roster, jobWork(house.operations), clock, log);
  } catch (thrown) {
    const { reason } = toFault(thrown);
    log.error({ reason }, 'the back office cannot be opened: calls go on, nothing of them is archived');
    return undefined;
  }
}

/** What takes the loop a fifth of a second in all: the HTTP client of the models, the routes, the library of the metrics. */
async function warmUp(ports: Ports, doors: Doors, { metrics, dialQueue }: House, log: Log): Promise<void> {
  for (const load of [ports.warmUp, dialQueue.load, doors.warmUp, metrics.load]) {
    try {
      await load();
    } catch (thrown) {
      log.error(
        { reason: toFault(thrown).reason },
        'a part of the house cannot be loaded; it is tried again when used',
      );
    }
  }
}

type OpenPorts = (config: Config, clock: Clock, log: Log, signal: AbortSignal) => Promise<Ports>;

/** Each variant loads only its own adapters. */
async function variantOf({ variant }: Config): Promise<OpenPorts> {
  switch (variant) {
    case 'single':
      return (await import('./single.ts')).openSingle;
    case 'distributed':
      return (await import('./distributed.ts')).openDistributed;
    default:
      return variant satisfies never;
  }
}
