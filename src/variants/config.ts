import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Agent } from '../agent/agent.ts';
import type { CallHooks } from '../operations/call-hooks.ts';
import type { ApiKey } from '../servers/roles.ts';
import type { DrainMode } from '../session/drain.ts';
import { Fault } from '../std/fault.ts';
import { Secret } from '../std/secret.ts';
import { type ChosenAgents, chooseAgents } from './config-agents.ts';
import { describeIssues, invalid, type Source, throwFindings, unknownVariables } from './config-faults.ts';
import { type ConfigFile, placeOf, readConfigFile } from './config-file.ts';
import { chooseHooks, HOOK_NAMES } from './config-hooks.ts';
import {
  CONFIG_FILE_VARIABLE,
  ENVIRONMENT_NAMES,
  type GivenSettings,
  givenSchema,
  type LogLevel,
  readForm,
  SETTINGS,
} from './config-settings.ts';
import { ensureWebhookKey, readWebhookKey } from './config-webhook-key.ts';
import { DEFAULT_DATA_DIR, type Environment } from './environment.ts';

/** The variants that exist so far. */
const VARIANTS = ['single', 'distributed'] as const;

/** What may be known of a server without starting it: where it is and what it keeps. */
export interface ServerSettings {
  readonly variant: (typeof VARIANTS)[number];
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly adminPort: number;
  /** Absolute. */
  readonly dataDir: string;
  readonly maxCalls: number;
  readonly dialsPerSecond: number;
  readonly drainMs: number;
  readonly drain: DrainMode;
  readonly strictAgents: boolean;
  readonly logLevel: LogLevel;
  /** What clients of the REST interface present, the one that opens everything first; none closes it on the public port. */
  readonly apiKeys: readonly ApiKey[];
  /** Parts of the socket's path that are valid; none: the bare path is. */
  readonly socketSecrets: readonly Secret[];
  /** Where `distributed` keeps what is live, and what is kept. */
  readonly redisUrl: Secret | undefined;
  readonly databaseUrl: Secret | undefined;
  readonly retell: { readonly apiKey: Secret | undefined; readonly baseUrl: string | undefined };
  readonly openai: { readonly apiKey: Secret | undefined; readonly baseUrl: string; readonly model: string };
  /** `host` is reached from this machine only. */
  readonly isLoopback: boolean;
  /** Absolute path of the configuration file that was read. */
  readonly file: string | undefined;
}

/** Everything a server starts from. */
export interface Config extends ServerSettings {
  /** What Retell's signatures are checked with; never empty. */
  readonly webhookKeys: readonly Secret[];
  readonly agents: readonly Agent[];
  /** The name of the agent that answers where none claims the call. */
  readonly defaultAgent: string;
  readonly hooks: CallHooks;
  /** On loopback with no key of any kind configured: nobody else can dial, so every call counts as proven. */
  readonly trustsEveryCall: boolean;
}

/** What `talk` and `simulate` start from: they only speak to a server. */
export interface ClientConfig extends ServerSettings {
  /** What the server checks signatures with: configured, or found in the data folder. */
  readonly webhookKeys: readonly Secret[];
}

/**
 * Reads the environment and `offhook.config.{ts,js,mjs,json}` in `cwd` (or the file named by `OFFHOOK_CONFIG`);
 * the environment wins. Nothing is served on a wrong configuration: all faults are thrown at once.
 *
 * On loopback without RETELL_WEBHOOK_KEY a key is made and kept in the data folder.
 *
 * @param exampleAgent path of the module whose agent answers where none is configured
 *
 * Faults: `config.invalid`, `config.not_found`, `config.unreadable`, `variant.unknown`, `retell.no_webhook_key`,
 * `agent.duplicate_name`, `agent.duplicate_retell_id`, `config.data_dir_unusable`, `config.webhook_key_damaged`.
 */
export async function loadConfig(env: Environment, cwd: string, exampleAgent: string): Promise<Config> {
  const { server, webhookKeys, file, findings } = await readConfig(env, cwd);
  const { agents, defaultAgent, findings: ofAgents } = await agentsOf(file, cwd, exampleAgent);
  const { hooks, findings: ofHooks } = hooksOf(file, cwd);
  throwFindings([...findings, ...ofAgents, ...ofHooks, ...needWebhookKey(server, webhookKeys)]);
  const keys = webhookKeys.length > 0 ? webhookKeys : [await ensureWebhookKey(server.dataDir)];
  const hasKeys = webhookKeys.length > 0 || server.socketSecrets.length > 0 || server.retell.apiKey !== undefined;
  const trustsEveryCall = server.isLoopback && !hasKeys;
  return { ...server, webhookKeys: keys, agents, defaultAgent, hooks, trustsEveryCall };
}

/** The same for a client of the server: agents are not looked at, and no key is made. */
export async function loadClientConfig(env: Environment, cwd: string): Promise<ClientConfig> {
  const { server, webhookKeys, findings } = await readConfig(env, cwd);
  throwFindings(findings);
  if (webhookKeys.length > 0) return { ...server, webhookKeys };
  const made = await readWebhookKey(server.dataDir);
  return { ...server, webhookKeys: made ? [made] : [] };
}

/** The agents alone, for a client that wants to know their lines. Parameters and Faults: as `loadConfig`. */
export async function loadAgents(env: Environment, cwd: string, exampleAgent: string): Promise<readonly Agent[]> {
  const file = await readConfigFile(cwd, given(env[CONFIG_FILE_VARIABLE]));
  const { agents, findings } = await agentsOf(file, cwd, exampleAgent);
  throwFindings(findings);
  return agents;
}

/** Whether only this machine can reach a server that listens there. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

function agentsOf(file: ConfigFile | undefined, cwd: string, exampleAgent: string): Promise<ChosenAgents> {
  const { agents = [exampleAgent], defaultAgent } = file?.values ?? {};
  const folder = file ? dirname(file.path) : cwd;
  return chooseAgents(agents, defaultAgent, folder, (key) => (file ? `${placeOf(file, key, cwd)} ${key}` : key));
}

function hooksOf(file: ConfigFile | undefined, cwd: string) {
  return chooseHooks(file?.values ?? {}, (key) => (file ? `${placeOf(file, key, cwd)} ${key}` : key));
}

/** File and environment, read and judged; the agents are left for whoever needs them. */
interface ReadConfig {
  readonly server: ServerSettings;
  readonly webhookKeys: readonly Secret[];
  readonly file: ConfigFile | undefined;
  readonly findings: readonly Fault[];
}

async function readConfig(env: Environment, cwd: string): Promise<ReadConfig> {
  const file = await readConfigFile(cwd, given(env[CONFIG_FILE_VARIABLE]));
  const fromFile = judgeFile(file, cwd);
  const fromEnvironment = judgeEnvironment(env);
  const settings: GivenSettings = { ...fromFile.settings, ...fromEnvironment.settings };
  const { variant = 'single', host = '127.0.0.1', port = 8080, adminPort = 8081 } = settings;
  const findings = [...fromFile.findings, ...fromEnvironment.findings, ...unknownVariant(variant)];
  if (port === adminPort && port !== 0) findings.push(invalid(`PORT and OFFHOOK_ADMIN_PORT are both ${port}`));
  const known = VARIANTS.find((one) => one === variant) ?? 'single';
  const server: ServerSettings = {
    variant: known,
    host,
    port,
    adminPort,
    dataDir: resolve(cwd, settings.dataDir ?? DEFAULT_DATA_DIR),
    maxCalls: settings.maxCalls ?? 10,
    dialsPerSecond: settings.dialsPerSecond ?? 1,
    drainMs: settings.drainMs ?? (known === 'single' ? 10_000 : 60_000),
    // Alone, only the process that comes after it can take its calls.
    drain: known === 'single' ? 'together' : (settings.drain ?? 'handOver'),
    strictAgents: settings.strictAgents ?? false,
    logLevel: settings.log ?? defaultLogLevel(env),
    apiKeys: [...ownerKey(settings.apiKey), ...(settings.apiKeys ?? [])],
    socketSecrets: (settings.socketSecret ?? []).map((value) => new Secret(value)),
    redisUrl: secret(settings.redisUrl),
    databaseUrl: secret(settings.databaseUrl),
    retell: { apiKey: secret(settings.retellApiKey), baseUrl: settings.retellBaseUrl },
    openai: {
      apiKey: secret(settings.openaiApiKey),
      baseUrl: settings.openaiBaseUrl ?? 'https://api.openai.com/v1',
      model: settings.openaiModel ?? 'gpt-4.1-mini',
    },
    isLoopback: isLoopbackHost(host),
    file: file?.path,
  };
  const webhookKeys = (settings.retellWebhookKey ?? []).map((value) => new Secret(value));
  return { server, webhookKeys, file, findings };
}

interface Judged {
  readonly settings: GivenSettings;
  readonly findings: readonly Fault[];
}

function judgeFile(file: ConfigFile | undefined, cwd: string): Judged {
  if (!file) return { settings: {}, findings: [] };
  const inFileOnly: readonly string[] = ['agents', 'defaultAgent', ...HOOK_NAMES];
  const values = Object.fromEntries(Object.entries(file.values).filter(([key]) => !inFileOnly.includes(key)));
  return judge(values, {
    name: (key) => `${placeOf(file, key, cwd)} ${key}`,
    value: (key) => values[key],
    known: [...inFileOnly, ...Object.keys(SETTINGS)],
  });
}

function judgeEnvironment(env: Environment): Judged {
  const values: Record<string, unknown> = {};
  const names: Record<string, string> = {};
  for (const [key, { env: name, form }] of Object.entries(SETTINGS)) {
    const raw = given(env[name]);
    names[key] = name;
    if (raw !== undefined) values[key] = readForm(raw, form);
  }
  const { settings, findings } = judge(values, {
    name: (key) => `${names[key] ?? key} in the environment`,
    value: (key) => values[key],
    known: ENVIRONMENT_NAMES,
  });
  return { settings, findings: [...findings, ...unknownVariables(Object.keys(env))] };
}

/** Compiling a schema pays from its tenth use on. */
const PARSED_ONCE = { jitless: true };

/** What is right is kept, so that one wrong value does not make others look missing. */
function judge(values: Readonly<Record<string, unknown>>, source: Source): Judged {
  const result = givenSchema.safeParse(values, PARSED_ONCE);
  if (result.success) return { settings: result.data, findings: [] };
  const wrong = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0])],
  );
  const right = Object.fromEntries(Object.entries(values).filter(([key]) => !wrong.includes(key)));
  return { settings: givenSchema.parse(right, PARSED_ONCE), findings: describeIssues(result.error, source) };
}

function unknownVariant(variant: string): readonly Fault[] {
  if (VARIANTS.some((known) => known === variant)) return [];
  return [
    new Fault('invalid', 'variant.unknown', `expected a variant (${VARIANTS.join(', ')}), got ${variant}`, {
      effect: 'nobody is answered until it starts',
      fixes: ['unset OFFHOOK_VARIANT, or set it to one of them'],
    }),
  ];
}

/** Beyond loopback anyone can post a webhook, so there must be a key to tell Retell's by. */
function needWebhookKey({ isLoopback, host }: ServerSettings, keys: readonly Secret[]): readonly Fault[] {
  if (isLoopback || keys.length > 0) return [];
  return [
    new Fault('invalid', 'retell.no_webhook_key', `expected RETELL_WEBHOOK_KEY, since ${host} is not loopback`, {
      effect: "nobody is answered until it starts; without the key anyone could end a caller's call",
      fixes: ["set RETELL_WEBHOOK_KEY to Retell's key with the webhook badge", 'set HOST=127.0.0.1 to try it here'],
    }),
  ];
}

/** Quiet for a person at a terminal; a service in production says what it does. */
function defaultLogLevel(env: Environment): LogLevel {
  return env.NODE_ENV === 'production' && !process.stdout.isTTY ? 'info' : 'warn';
}

/** Who has OFFHOOK_API_KEY owns the house. */
function ownerKey(key: string | undefined): readonly ApiKey[] {
  return key === undefined ? [] : [{ role: 'admin', hasPrivacy: true, key: new Secret(key) }];
}

function secret(value: string | undefined): Secret | undefined {
  return value === undefined ? undefined : new Secret(value);
}

/** A variable that is set to nothing counts as not set, as in `OPENAI_API_KEY= npm start`. */
function given(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}
