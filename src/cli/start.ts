import { systemClock } from '../std/clock.ts';
import { type Config, loadConfig } from '../variants/config.ts';
import type { RunningServer } from '../variants/runtime.ts';
import { keepCompiled } from './compile-cache.ts';
import { EXAMPLE_AGENT } from './example-agent.ts';
import { EXIT } from './exit-codes.ts';
import { markSeldom } from './heap.ts';
import { onStopRequests } from './stop-requests.ts';
import type { Surroundings } from './surroundings.ts';
import type { Terminal } from './terminal.ts';
import { readVersion } from './version.ts';

/** `offhook start`: serves until it is told to stop. The first signal drains, the second stops at once. */
export async function start(_flags: object, { terminal, env, cwd }: Surroundings): Promise<number> {
  const config = await loadConfig(env, cwd, EXAMPLE_AGENT);
  keepCompiled(config.dataDir);
  const { startServer } = await import('../variants/runtime.ts');
  const server = await startServer(config);
  markSeldom(); // not before: V8 takes no code from a cache that was made under other flags
  terminal.out(welcome(config, server.urls, terminal.paint));

  const atOnce = Promise.withResolvers<number>();
  const stopListening = onStopRequests(terminal, systemClock, {
    first: () => {
      terminal.err(`draining: no new calls, open turns have ${seconds(config.drainMs)}; once more stops at once`);
      server.stop().catch(atOnce.reject);
    },
    again: () => atOnce.resolve(EXIT.interrupted),
  });
  try {
    return await Promise.race([server.closed.then(() => EXIT.done), atOnce.promise]);
  } finally {
    stopListening();
  }
}

/** What runs, and where to go next. */
function welcome(config: Config, urls: RunningServer['urls'], paint: Terminal['paint']): string {
  const names = config.agents.map(({ name }) => name).join(', ');
  const rows = [
    ['Socket URL', urls.socket],
    ['Webhook URL', urls.webhooks],
    ['Status', `${urls.admin}/api/v1/status`],
    ['Model', modelLine(config)],
    ['Data', config.dataDir],
    ['Calls', `${config.maxCalls} at once`],
  ] as const;
  const notes = notesOn(config).map((note) => `  Note: ${note}`);
  return [
    `${paint('bold', `offhook ${readVersion()}`)}   ${names}   ${config.variant}`,
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(13)}${value}`),
    '',
    ...(notes.length > 0 ? [...notes, ''] : []),
    `  Talk to it:  ${paint('cyan', 'npm run talk')}`,
    '  In Retell, give the socket URL to a custom-LLM agent and the webhook URL to its webhook settings.',
    '',
  ].join('\n');
}

function modelLine({ agents, defaultAgent, openai }: Config): string {
  const agent = agents.find(({ name }) => name === defaultAgent);
  if (agent?.model) return agent.model.name;
  if (openai.apiKey) return `${openai.model} at ${openai.baseUrl}`;
  if (agent?.scriptedModel) return 'scripted (no OPENAI_API_KEY is set; answers come from the agent’s script)';
  return 'none: set OPENAI_API_KEY, or callers hear the fallback line';
}

function notesOn({ isLoopback, socketSecrets, retell }: Config): readonly string[] {
  const notes: string[] = [];
  if (!retell.apiKey) notes.push('RETELL_API_KEY is not set: calls can be answered, not placed.');
  if (!isLoopback && socketSecrets.length === 0) {
    notes.push('OFFHOOK_SOCKET_SECRET is not set: anyone who finds the socket can talk to the agents.');
  }
  if (socketSecrets.some((secret) => secret.reveal().length < SAFE_SECRET_CHARS)) {
    notes.push(
      `OFFHOOK_SOCKET_SECRET is short: take ${SAFE_SECRET_CHARS} characters or more, from \`openssl rand -hex 32\`.`,
    );
  }
  return notes;
}

/** 128 bits in base64. */
const SAFE_SECRET_CHARS = 22;

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms % 1_000 === 0 ? 0 : 1)} s`;
}
