import { z } from 'zod';
import type { CallHooks } from '../operations/call-hooks.ts';
import { API_KEYS_EXPECTED, apiKeysSchema } from './config-api-keys.ts';
import type { UserConfig } from './define-config.ts';

/** How a value looks in the environment, where everything is text. */
type Form = 'text' | 'number' | 'flag' | 'list';

interface Setting {
  readonly env: string;
  readonly form: Form;
  /** Completes "expected ...". */
  readonly expects: string;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
}

/** What may be set in the environment as well as in the file. */
export type SettingName = Exclude<keyof UserConfig, 'agents' | 'defaultAgent' | keyof CallHooks>;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const SETTINGS: { readonly [name in SettingName]: Setting } = {
  variant: { env: 'OFFHOOK_VARIANT', form: 'text', expects: 'the name of a variant' },
  host: { env: 'HOST', form: 'text', expects: 'a host name or an address' },
  port: { env: 'PORT', form: 'number', expects: 'a port from 0 to 65535' },
  adminPort: { env: 'OFFHOOK_ADMIN_PORT', form: 'number', expects: 'a port from 0 to 65535' },
  dataDir: { env: 'OFFHOOK_DATA_DIR', form: 'text', expects: 'the path of a folder' },
  maxCalls: { env: 'OFFHOOK_MAX_CALLS', form: 'number', expects: 'a whole number from 1 to 10000' },
  dialsPerSecond: { env: 'OFFHOOK_DIALS_PER_SECOND', form: 'number', expects: 'a number above 0, to 1000' },
  drainMs: { env: 'OFFHOOK_DRAIN_MS', form: 'number', expects: 'milliseconds from 0 to 7200000' },
  drain: { env: 'OFFHOOK_DRAIN', form: 'text', expects: 'handOver or wait' },
  strictAgents: { env: 'OFFHOOK_STRICT_AGENTS', form: 'flag', expects: 'true or false' },
  log: { env: 'OFFHOOK_LOG', form: 'text', expects: `one of ${LOG_LEVELS.join(', ')}` },
  apiKey: { env: 'OFFHOOK_API_KEY', form: 'text', expects: 'a key without white space', isSecret: true },
  apiKeys: { env: 'OFFHOOK_API_KEYS', form: 'list', expects: API_KEYS_EXPECTED, isSecret: true },
  socketSecret: {
    env: 'OFFHOOK_SOCKET_SECRET',
    form: 'list',
    expects: 'one or two secrets of letters, digits, "-", "_", "." and "~"',
    isSecret: true,
  },
  redisUrl: { env: 'REDIS_URL', form: 'text', expects: 'a redis:// or rediss:// URL', isSecret: true },
  databaseUrl: { env: 'DATABASE_URL', form: 'text', expects: 'a postgres:// URL', isSecret: true },
  retellWebhookKey: { env: 'RETELL_WEBHOOK_KEY', form: 'list', expects: 'one or two keys', isSecret: true },
  retellApiKey: { env: 'RETELL_API_KEY', form: 'text', expects: 'a key without white space', isSecret: true },
  retellBaseUrl: { env: 'RETELL_BASE_URL', form: 'text', expects: 'an http(s) URL' },
  openaiApiKey: { env: 'OPENAI_API_KEY', form: 'text', expects: 'a key without white space', isSecret: true },
  openaiBaseUrl: { env: 'OPENAI_BASE_URL', form: 'text', expects: 'an http(s) URL' },
  openaiModel: { env: 'OPENAI_MODEL', form: 'text', expects: 'the name of a model' },
};

const port = z.int().min(0).max(65_535);
const word = z.string().regex(/^\S+$/);
const text = z.string().min(1);
const webUrl = z.url({ protocol: /^https?$/ });

/** One or two, the second for the time of a rotation. */
function oneOrTwo(one: z.ZodType<string>) {
  return z.union([one.transform((only) => [only]), z.array(one).min(1).max(2)]);
}

/** The values of all settings; unknown names are refused. The same for the file and for the environment. */
export const givenSchema = z.strictObject({
  variant: word.optional(),
  host: word.optional(),
  port: port.optional(),
  adminPort: port.optional(),
  dataDir: text.optional(),
  maxCalls: z.int().min(1).max(10_000).optional(),
  dialsPerSecond: z.number().positive().max(1_000).optional(),
  drainMs: z.int().min(0).max(7_200_000).optional(),
  drain: z.enum(['handOver', 'wait']).optional(),
  strictAgents: z.boolean().optional(),
  log: z.enum(LOG_LEVELS).optional(),
  apiKey: word.optional(),
  apiKeys: apiKeysSchema.optional(),
  socketSecret: oneOrTwo(z.string().regex(/^[A-Za-z0-9_.~-]+$/)).optional(),
  redisUrl: z.url({ protocol: /^rediss?$/ }).optional(),
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  retellWebhookKey: oneOrTwo(word).optional(),
  retellApiKey: word.optional(),
  retellBaseUrl: webUrl.optional(),
  openaiApiKey: word.optional(),
  openaiBaseUrl: webUrl.optional(),
  openaiModel: word.optional(),
}) satisfies z.ZodType<{ readonly [name in SettingName]?: unknown }>;

/** The settings that were given, in the file or in the environment; what is missing has its default. */
export type GivenSettings = z.infer<typeof givenSchema>;

/** Variables that are ours but no setting. */
export const CONFIG_FILE_VARIABLE = 'OFFHOOK_CONFIG';
export const ENVIRONMENT_NAMES: readonly string[] = [
  ...Object.values(SETTINGS).map(({ env }) => env),
  CONFIG_FILE_VARIABLE,
];

/** The text of a variable as the value the schema judges; what cannot be one stays text, so that it is refused. */
export function readForm(raw: string, form: Form): unknown {
  const trimmed = raw.trim();
  switch (form) {
    case 'text':
      return trimmed;
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
    case 'flag':
      if (/^(true|1|yes|on)$/i.test(trimmed)) return true;
      return /^(false|0|no|off)$/i.test(trimmed) ? false : trimmed;
    case 'list':
      return trimmed.split(',').map((part) => part.trim());
    default:
      return form satisfies never;
  }
}
