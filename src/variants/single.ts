import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryReplyCache } from '../adapters/memory/reply-cache.ts';
import { openEmbedded } from '../adapters/sqlite/embedded.ts';
import type { Clock } from '../std/clock.ts';
import type { Log } from '../std/log.ts';
import type { Config } from './config.ts';
import { ADRIFT_MS, keepSlots } from './keep-slots.ts';
import { openModel, openRetell, warmUpModels } from './outside.ts';
import type { Ports } from './ports.ts';

/** One process: state and records in SQLite files, slots and replies in memory. Loads only what the configuration uses. */
export async function openSingle(config: Config, clock: Clock, log: Log, signal: AbortSignal): Promise<Ports> {
  const embedded = await openEmbedded(config.dataDir, clock, log, signal);
  const { callStore, toolLedger, eventLog, records, jobs, dials } = embedded;
  const leases = memoryLeases(clock);
  await keepSlots(callStore, leases, ADRIFT_MS, clock, signal);
  const retell = await openRetell(config, clock);
  return {
    callStore,
    toolLedger,
    eventLog,
    records,
    jobs,
    dials,
    leases,
    replyCache: memoryReplyCache(clock),
    callControl: retell?.callControl,
    model: await openModel(config),
    warmUp: () => warmUpModels(config),
    dependencies: () => (retell ? [retell.dependency.state()] : []),
    notReadyBecause: () => [],
    join: () => ({ interject: async () => false }),
    close: () => embedded.close(),
  };
}
