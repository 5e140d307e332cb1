import type { Agent } from '../agent/agent.ts';
import type { CallHooks } from '../operations/call-hooks.ts';

/**
 * What `offhook.config.ts` may say. Every field has a twin in the environment, which wins; agents and hooks
 * have none.
 * Secrets are better kept in the environment or fetched from a secret store than written here.
 */
export interface UserConfig extends CallHooks {
  /** The agents that answer; the first is the default one. Default: the example agent. In JSON: paths of modules. */
  readonly agents?: readonly (Agent | string)[];
  /** Answers where no agent claims the call. Default: the first of `agents`. */
  readonly defaultAgent?: string;
  /** `OFFHOOK_VARIANT`. Default `single`. */
  readonly variant?: string;
  /** `HOST`. Default `127.0.0.1`. */
  readonly host?: string;
  /** `PORT`; 0 takes a free one. Default 8080. */
  readonly port?: number;
  /** `OFFHOOK_ADMIN_PORT`, always on loopback; 0 takes a free one. Default 8081. */
  readonly adminPort?: number;
  /** `OFFHOOK_DATA_DIR`: what must survive a restart. Default `./.offhook`. */
  readonly dataDir?: string;
  /** `OFFHOOK_MAX_CALLS`: calls at once. Default 10. */
  readonly maxCalls?: number;
  /** `OFFHOOK_DIALS_PER_SECOND`: calls begun per second by all processes, as your telephony provider allows. Default 1. */
  readonly dialsPerSecond?: number;
  /**
   * `OFFHOOK_DRAIN`, of `distributed`: a stop hands calls over to other processes at the end of their turns, or waits
   * for calls to end. Default `handOver`.
   */
  readonly drain?: string;
  /** `OFFHOOK_DRAIN_MS`: how long a stop takes at most. Default 10,000; 60,000 in `distributed`. */
  readonly drainMs?: number;
  /** `OFFHOOK_STRICT_AGENTS`: refuse calls of a Retell agent that no agent claims. Default false. */
  readonly strictAgents?: boolean;
  /** `OFFHOOK_LOG`: debug, info, warn, error or silent. */
  readonly log?: string;
  /** `OFFHOOK_API_KEY`: what clients of the REST interface present; opens everything, words included. */
  readonly apiKey?: string;
  /**
   * `OFFHOOK_API_KEYS`: keys that open less, as `role:key`. A `viewer` looks, an `operator` acts on calls and jobs too,
   * an `admin` does everything; `+privacy`, as in `viewer+privacy:key`, opens transcripts as well.
   */
  readonly apiKeys?: readonly string[];
  /** `OFFHOOK_SOCKET_SECRET`: the secret part of the socket's path; two during rotation. */
  readonly socketSecret?: string | readonly string[];
  /** `REDIS_URL`, of `distributed`: where live calls are kept. */
  readonly redisUrl?: string;
  /** `DATABASE_URL`, of `distributed`: where records are kept. */
  readonly databaseUrl?: string;
  /** `RETELL_WEBHOOK_KEY`: what Retell signs with; two during rotation. */
  readonly retellWebhookKey?: string | readonly string[];
  /** `RETELL_API_KEY`: what we call Retell with. */
  readonly retellApiKey?: string;
  /** `RETELL_BASE_URL`. Default: Retell's own. */
  readonly retellBaseUrl?: string;
  /** `OPENAI_API_KEY`, of OpenAI or anything that speaks its protocol. Without it agents answer from their script. */
  readonly openaiApiKey?: string;
  /** `OPENAI_BASE_URL`. Default `https://api.openai.com/v1`. */
  readonly openaiBaseUrl?: string;
  /** `OPENAI_MODEL`. Default `gpt-4.1-mini`. */
  readonly openaiModel?: string;
}

/** Names the type of a configuration, so that the editor can complete and check it. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}
