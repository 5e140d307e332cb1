import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Embedded, openEmbedded } from '../../src/adapters/sqlite/embedded.ts';
import { type LiveDatabase, openLive } from '../../src/adapters/sqlite/live.ts';
import { silentLog } from '../../src/std/log.ts';
import { ManualClock } from '../../src/std/manual-clock.ts';

/** One adapter under test, with the clock it was given. */
export interface Subject<Port> {
  readonly port: Port;
  readonly clock: ManualClock;
  /** Lets time pass; where the store counts time itself, for what it stored too. */
  pass(ms: number): Promise<void>;
  /** Closes and opens it anew over the same data; where nothing outlives the process, never called. */
  reopen(): Promise<Port>;
  close(): Promise<void>;
  /** How far its time may be ahead of the clock, where it goes by another one. Default 0. */
  readonly leewayMs?: number;
}

export type MakeSubject<Port> = () => Promise<Subject<Port>>;

/** Whether what it acknowledged outlives the process: says if a contract's reopening tests apply. */
export interface Durability {
  readonly isDurable: boolean;
  /** Others may have it open too: what was out when one closed is still out. */
  readonly isShared: boolean;
}
export const IN_MEMORY: Durability = { isDurable: false, isShared: false };
export const ON_DISK: Durability = { isDurable: true, isShared: false };
export const IN_FLEET: Durability = { isDurable: true, isShared: true };

/** Never aborts: contracts test what the port does, and aborting apart. */
export const signal = new AbortController().signal;

/** A subject that lives in this process only. */
export function inMemory<Port>(make: (clock: ManualClock) => Port): MakeSubject<Port> {
  return async () => {
    const clock = new ManualClock();
    const port = make(clock);
    return { port, clock, pass: (ms) => clock.advance(ms), reopen: async () => port, close: async () => {} };
  };
}

/** A subject out of the embedded stores, over a folder of its own. */
export function inSqlite<Port>(pick: (stores: Embedded) => Port): MakeSubject<Port> {
  return inFolder((dir, clock) => openEmbedded(dir, clock, silentLog, signal), pick);
}

/** A subject over `live.db` alone: ports that the records thread has no part in need not wait for its start. */
export function inLiveSqlite<Port>(make: (live: LiveDatabase, clock: ManualClock) => Port): MakeSubject<Port> {
  return inFolder(async (dir) => openLive(join(dir, 'live.db')), make);
}

function inFolder<Port, Stores extends { close(): Promise<void> | void }>(
  open: (dir: string, clock: ManualClock) => Promise<Stores>,
  pick: (stores: Stores, clock: ManualClock) => Port,
): MakeSubject<Port> {
  return async () => {
    const clock = new ManualClock();
    const dir = await mkdtemp(join(tmpdir(), 'offhook-'));
    let stores = await open(dir, clock);
    return {
      port: pick(stores, clock),
      clock,
      pass: (ms) => clock.advance(ms),
      async reopen() {
        await stores.close();
        stores = await open(dir, clock);
        return pick(stores, clock);
      },
      async close() {
        await stores.close();
        await rm(dir, { recursive: true });
      },
    };
  };
}
