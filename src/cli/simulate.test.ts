import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { type StartedServer, startServer } from './server.fixture.ts';

let server: StartedServer;

beforeAll(async () => {
  server = await startServer({ OFFHOOK_MAX_CALLS: '2' });
});

afterAll(() => server.stop());

async function simulate(...argv: readonly string[]) {
  const around = server.around();
  const code = await runProgram(['simulate', '--speech-rate', '200', ...argv], around);
  return { code, out: around.terminal.said.out.join('\n'), err: around.terminal.said.err.join('\n') };
}

describe('offhook simulate', () => {
  it('prints verdicts first and ends with 0 when all of them hold', async () => {
    const { code, out } = await simulate(
      '--calls',
      '2',
      '--turns',
      '2',
      '--seed',
      '7',
      '--drop',
      '0',
      '--reminder',
      '0',
    );
    expect(out.split('\n')[0]).toBe(' VERDICTS');
    expect(out).toContain('SEED        7');
    expect(out).not.toMatch(/^ {2}✗/m);
    expect(code).toBe(EXIT.done);
  });

  it('prints one JSON document when asked to, and ends with 1 when a verdict fails', async () => {
    const { code, out } = await simulate('--calls', '1', '--turns', '1', '--json', '--expect-refused', '1');
    expect(code).toBe(EXIT.failed);
    expect(JSON.parse(out)).toMatchObject({ schema: 'offhook.simulation/1', isPassed: false, calls: { wanted: 1 } });
  });

  it('counts the calls over the limit apart', async () => {
    const { code, out } = await simulate('--calls', '4', '--turns', '1', '--json', '--expect-refused', '2');
    expect(JSON.parse(out)).toMatchObject({ refused: { count: 2 }, calls: { admitted: 2 } });
    expect(code).toBe(EXIT.done);
  });

  it('refuses a switch that does not exist, with the usage code', async () => {
    const { code, err } = await simulate('--switch', 'wods=absent');
    expect(code).toBe(EXIT.wrongUsage);
    expect(err).toContain('did you mean words?');
  });
});
