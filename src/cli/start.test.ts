import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { recordTerminal } from './terminal.fixture.ts';

const deadline = () => AbortSignal.timeout(10_000);

function surroundings(env: Readonly<Record<string, string>> = {}) {
  const cwd = mkdtempSync(join(tmpdir(), 'offhook-start-'));
  const terminal = recordTerminal();
  return { terminal, cwd, env: { PORT: '0', OFFHOOK_ADMIN_PORT: '0', OFFHOOK_LOG: 'silent', ...env } };
}

describe('offhook start', () => {
  it('serves without being asked anything, and says where to go next', async () => {
    const around = surroundings({ OFFHOOK_SOCKET_SECRET: 'a-secret-of-some-length-1234' });
    const ended = runProgram(['start'], around);
    const banner = await around.terminal.heard(/Socket URL/, deadline());
    expect(banner).toMatch(/ws:\/\/127\.0\.0\.1:\d+\/llm-websocket\/…\/\{call_id\}/);
    expect(banner).toMatch(/Model +scripted/);
    expect(banner).toContain('npm run talk');
    expect(banner).toContain(around.cwd);
    expect(banner).not.toContain('a-secret');

    const [, webhooks = ''] = /Webhook URL +(\S+)\/webhooks\/retell/.exec(banner) ?? [];
    expect((await fetch(`${webhooks}/ready`)).status).toBe(200);
    const key = readFileSync(join(around.cwd, '.offhook/webhook-key'), 'utf8');
    expect(banner).not.toContain(key.trim());

    around.terminal.interrupt();
    expect(await ended).toBe(EXIT.done);
    expect(around.terminal.said.err.join('\n')).toMatch(/^draining/);
  });

  it('drains all the same when one Ctrl-C arrives twice, as under npm', async () => {
    const around = surroundings();
    const ended = runProgram(['start'], around);
    await around.terminal.heard(/Socket URL/, deadline());
    around.terminal.interrupt();
    around.terminal.interrupt();
    expect(await ended).toBe(EXIT.done);
  });

  it('says which port is taken, and ends with 4', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const around = surroundings({ PORT: String(port) });
    expect(await runProgram(['start'], around)).toBe(EXIT.unreachable);
    expect(around.terminal.said.err.join('\n')).toContain(`✗ port.in_use expected port ${port}`);
    await new Promise((resolve) => holder.close(resolve));
  });

  it('serves nobody on a wrong configuration', async () => {
    const around = surroundings({ OFFHOOK_MAX_CALS: '3' });
    expect(await runProgram(['start'], around)).toBe(EXIT.badConfig);
    expect(around.terminal.said.err.join('\n')).toContain('did you mean OFFHOOK_MAX_CALLS?');
    expect(around.terminal.said.out).toEqual([]);
  });
});
