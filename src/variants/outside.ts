import type { LanguageModel } from '../ports/language-model.ts';
import type { Clock } from '../std/clock.ts';
import type { Config } from './config.ts';
import type { GuardedRetell } from './guarded-retell.ts';

/** Retell's REST; undefined without RETELL_API_KEY. */
export async function openRetell({ retell }: Config, clock: Clock): Promise<GuardedRetell | undefined> {
  if (!retell.apiKey) return undefined;
  const [{ retellCallControl }, { guardRetell }] = await Promise.all([
    import('../adapters/retell/call-control.ts'),
    import('./guarded-retell.ts'),
  ]);
  const callControl = retellCallControl({
    apiKey: retell.apiKey.reveal(),
    clock,
    ...(retell.baseUrl !== undefined && { baseUrl: retell.baseUrl }),
  });
  return guardRetell(callControl, clock);
}

/** The environment's model; undefined without OPENAI_API_KEY. */
export async function openModel({ openai }: Config): Promise<LanguageModel | undefined> {
  if (!openai.apiKey) return undefined;
  const { openAiCompatible } = await import('../adapters/models/openai-compatible.ts');
  return openAiCompatible({ baseUrl: openai.baseUrl, apiKey: openai.apiKey.reveal(), model: openai.model });
}

/** The HTTP client of the models, where one of them will be asked. */
export async function warmUpModels({ openai, agents }: Config): Promise<void> {
  const hasModel = openai.apiKey !== undefined || agents.some(({ model }) => model !== undefined);
  if (hasModel) await import('../adapters/models/http-pool.ts');
}
