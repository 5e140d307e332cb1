import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { type StartedServer, startServer } from './server.fixture.ts';

let server: StartedServer;

beforeAll(async () => {
  server = await startServer({ OFFHOOK_SOCKET_SECRET: 'a-secret-of-some-length-1234' });
});

afterAll(() => server.stop());

async function say(...argv: readonly string[]) {
  const around = server.around();
  const code = await runProgram(['talk', ...argv], around);
  return { code, out: around.terminal.said.out, err: around.terminal.said.err.join('\n') };
}

describe('offhook talk --say', () => {
  it('says one thing, prints the answer and nothing else', async () => {
    const { code, out, err } = await say('--say', 'book a table for two at eight');
    expect({ code, err }).toEqual({ code: EXIT.done, err: '' });
    expect(out).toEqual([
      expect.stringMatching(/^Yes, we have a table for two tonight at eight\. .*reference is \d+\.$/),
    ]);
  });

  it('speaks to the server of a URL', async () => {
    expect(await say('--url', server.url, '--say', 'hello')).toMatchObject({ code: EXIT.done });
  });

  it('says that nothing listens, and how to start it', async () => {
    const { code, out, err } = await say('--url', 'http://127.0.0.1:1', '--say', 'hello');
    expect({ code, out }).toEqual({ code: EXIT.unreachable, out: [] });
    expect(err).toContain('✗ server.unreachable expected a server at http://127.0.0.1:1');
    expect(err).toContain('npm start');
  });

  it('asks for a URL when the configuration leaves the port open', async () => {
    const around = server.around();
    const code = await runProgram(['talk', '--say', 'hello'], { ...around, env: { ...around.env, PORT: '0' } });
    expect(code).toBe(EXIT.wrongUsage);
    expect(around.terminal.said.err.join('\n')).toContain('✗ cli.no_url');
  });

  it('says so when the server does not take the call', async () => {
    const { code, err } = await say('--secret', 'another-secret-of-that-length', '--say', 'hello');
    expect(code).toBe(EXIT.notAuthorised);
    expect(err).toContain('✗ server.call_refused');
    expect(err).not.toContain('another-secret');
  });
});

describe('offhook talk', () => {
  it('holds a conversation line by line, through a lost connection, until the agent hangs up', async () => {
    const around = server.around();
    around.terminal.input.end('\nwhen are you open\n/drop\n/slience\n/dtmf x\n/silence\nbye\nnever read\n');
    expect(await runProgram(['talk', '--call-id', 'call_of_a_test'], around)).toBe(EXIT.done);
    const heard = around.terminal.said.out.join('\n');
    const said = around.terminal.said.err.join('\n');
    expect(heard).toMatch(/agent ● Good day/);
    expect(heard).toMatch(/agent ● We are open every day/);
    expect(heard).toMatch(/agent ● Are you still there\?/);
    expect(heard.match(/Good day/g)).toHaveLength(1);
    expect(said).toContain('call call_of_a_test');
    expect(said).toMatch(/connection lost, back after \d+ ms/);
    expect(said).toContain('did you mean /silence?');
    expect(said).toContain('expected one key');
    expect(said).toContain('call ended: agent_hangup');
  });

  it('hangs up when the input ends, and on /hangup', async () => {
    for (const typed of ['', '/help\n/hangup\n']) {
      const around = server.around();
      around.terminal.input.end(typed);
      expect(await runProgram(['talk'], around)).toBe(EXIT.done);
    }
  });

  it('ends with 130 on Ctrl-C', async () => {
    const around = server.around();
    const ended = runProgram(['talk'], around);
    await around.terminal.heard(/Good day/, AbortSignal.timeout(5_000));
    around.terminal.interrupt();
    expect(await ended).toBe(EXIT.interrupted);
  });
});
