import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { recordTerminal } from './terminal.fixture.ts';

function run(...argv: readonly string[]) {
  const terminal = recordTerminal();
  return { terminal, ended: runProgram(['stub-model', ...argv], { terminal, env: {}, cwd: tmpdir() }) };
}

const ask = (url: string, key: string) =>
  fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'stub', stream: true, messages: [{ role: 'user', content: 'hello' }] }),
  });

describe('offhook stub-model', () => {
  it('prints lines to export, answers under them, and counts until it is stopped', async () => {
    const { terminal, ended } = run('--first-token-ms', '0', '--token-ms', '0');
    const lines = await terminal.heard(/OPENAI_BASE_URL/, AbortSignal.timeout(5_000));
    const [, url = ''] = /OPENAI_BASE_URL=(\S+)/.exec(lines) ?? [];
    const [, key = ''] = /OPENAI_API_KEY=(\S+)/.exec(lines) ?? [];
    expect(await (await ask(url, key)).text()).toContain('[DONE]');
    expect((await ask(url, 'another')).status).toBe(401);
    terminal.interrupt();
    expect(await ended).toBe(EXIT.done);
    expect(terminal.said.err.join('\n')).toContain('1 requests (ok 1), 0 abandoned');
  });

  it('fails as told', async () => {
    const { terminal, ended } = run('--rate-limited', '100%');
    const lines = await terminal.heard(/OPENAI_BASE_URL/, AbortSignal.timeout(5_000));
    const [, url = ''] = /OPENAI_BASE_URL=(\S+)/.exec(lines) ?? [];
    expect((await ask(url, 'stub-key')).status).toBe(429);
    terminal.interrupt();
    await ended;
  });

  it('refuses shares of more than everything', async () => {
    const { terminal, ended } = run('--hang', '60%', '--cut', '60%');
    expect(await ended).toBe(EXIT.wrongUsage);
    expect(terminal.said.err.join('\n')).toContain('✗ cli.shares_too_large');
  });
});
