import { memoryLeases } from '../adapters/memory/leases.ts';
import { memoryReplyCache } from '../adapters/memory/reply-cache.ts';
import { openEmbedded } from '../adapters/sqlite/embedded.ts';
import type { CallControl } from '../ports/call-control.ts';
import type { LanguageModel } from '../ports/language-model.ts';
import type { Clock } from '../std/clock.ts';
import type { Log } from '../std/log.ts';
import type { Config } from './config.ts';
import type { Ports } from './ports.ts';

/** One process: state and records in SQLite files, slots and replies in memory. Loads only what the configuration uses. */
export async function openSingle(config: Config, clock: Clock, log: Log, signal: AbortSignal): Promise<Ports> {
  const embedded = await openEmbedded(config.dataDir, clock, log, signal);
  const { callStore, toolLedger, eventLog, records } = embedded;
  return {
    callStore,
    toolLedger,
    eventLog,
    records,
    leases: memoryLeases(clock),
    replyCache: memoryReplyCache(clock),
    callControl: await openCallControl(config, clock),
    model: await openModel(config),
    async warmUp() {
      const hasModel = config.openai.apiKey !== undefined || config.agents.some(({ model }) => model !== undefined);
      if (hasModel) await import('../adapters/models/http-pool.ts');
    },
    close: () => embedded.close(),
  };
}

async function openCallControl({ retell }: Config, clock: Clock): Promise<CallControl | undefined> {
  if (!retell.apiKey) return undefined;
  const { retellCallControl } = await import('../adapters/retell/call-control.ts');
  return retellCallControl({
    apiKey: retell.apiKey.reveal(),
    clock,
    ...(retell.baseUrl !== undefined && { baseUrl: retell.baseUrl }),
  });
}

async function openModel({ openai }: Config): Promise<LanguageModel | undefined> {
  if (!openai.apiKey) return undefined;
  const { openAiCompatible } = await import('../adapters/models/openai-compatible.ts');
  return openAiCompatible({ baseUrl: openai.baseUrl, apiKey: openai.apiKey.reveal(), model: openai.model });
}
