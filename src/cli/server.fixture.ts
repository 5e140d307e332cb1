import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import type { Surroundings } from './surroundings.ts';
import { type RecordedTerminal, recordTerminal } from './terminal.fixture.ts';

/** A server started as a user would start it, on free ports with a data folder of its own. */
export interface StartedServer {
  readonly url: string;
  /** Surroundings in which clients find this server's key and secret, with a terminal of their own. */
  around(): Surroundings & { readonly terminal: RecordedTerminal };
  stop(): Promise<void>;
}

export async function startServer(env: Readonly<Record<string, string>> = {}): Promise<StartedServer> {
  const cwd = mkdtempSync(join(tmpdir(), 'offhook-served-'));
  const shared = { PORT: '0', OFFHOOK_ADMIN_PORT: '0', OFFHOOK_LOG: 'silent', ...env };
  const terminal = recordTerminal();
  const ended = runProgram(['start'], { terminal, cwd, env: shared });
  const banner = await terminal.heard(/Socket URL/, AbortSignal.timeout(10_000));
  const [, port = ''] = /ws:\/\/127\.0\.0\.1:(\d+)/.exec(banner) ?? [];
  return {
    url: `http://127.0.0.1:${port}`,
    around: () => ({ terminal: recordTerminal(), cwd, env: { ...shared, PORT: port } }),
    async stop() {
      terminal.interrupt();
      const code = await ended;
      if (code !== EXIT.done) throw new Error(`expected a server that drained, it ended with ${code}`);
    },
  };
}
