import { z } from 'zod';
import { LOG_LEVELS, type SettingName } from './config-settings.ts';

// Apart from config-settings.ts, and loaded when a configuration is judged: a command's help needs no validation.

const port = z.int().min(0).max(65_535);
const word = z.string().regex(/^\S+$/);
const text = z.string().min(1);
const webUrl = z.url({ protocol: /^https?$/ });

/** One or two, the second for the time of a rotation. */
function oneOrTwo(one: z.ZodType<string>) {
  return z.union([one.transform((only) => [only]), z.array(one).min(1).max(2)]);
}

/** The values of all settings; unknown names are refused. The same for the file and for the environment. */
export const settingsSchema = z.strictObject({
  variant: word.optional(),
  host: word.optional(),
  port: port.optional(),
  adminPort: port.optional(),
  dataDir: text.optional(),
  maxCalls: z.int().min(1).max(10_000).optional(),
  drainMs: z.int().min(0).max(7_200_000).optional(),
  strictAgents: z.boolean().optional(),
  log: z.enum(LOG_LEVELS).optional(),
  apiKey: word.optional(),
  socketSecret: oneOrTwo(z.string().regex(/^[A-Za-z0-9_.~-]+$/)).optional(),
  retellWebhookKey: oneOrTwo(word).optional(),
  retellApiKey: word.optional(),
  retellBaseUrl: webUrl.optional(),
  openaiApiKey: word.optional(),
  openaiBaseUrl: webUrl.optional(),
  openaiModel: word.optional(),
}) satisfies z.ZodType<{ readonly [name in SettingName]?: unknown }>;

export type Settings = z.infer<typeof settingsSchema>;
