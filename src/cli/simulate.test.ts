import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startModelStub } from '../simulator/stubs/model-stub.ts';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { type StartedServer, startServer } from './server.fixture.ts';

let server: StartedServer;

beforeAll(async () => {
  server = await startServer({ OFFHOOK_MAX_CALLS: '2' });
});

afterAll(() => server.stop());

const simulate = (...argv: readonly string[]) => simulateAgainst(server, ...argv);

async function simulateAgainst(target: StartedServer, ...argv: readonly string[]) {
  const around = target.around();
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

  it('fails when the agents only apologised, unless that many apologies are allowed', async () => {
    const away = await startModelStub({ otherwise: { kind: 'refuse', status: 500 } });
    const helpless = await startServer({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: away.url, OPENAI_MODEL: 'm' });
    try {
      const plain = ['--calls', '1', '--turns', '2', '--drop', '0', '--re-ask', '0', '--reminder', '0'];
      const judged = await simulateAgainst(helpless, ...plain);
      expect(judged.out).toMatch(/✗ answered, not apologised +2 of 2 apologised, at most 10\.0 %/);
      expect(judged.out).toContain('2 apologies');
      expect(judged.out.match(/✗/g)).toHaveLength(1);
      expect(judged.code).toBe(EXIT.failed);
      expect(await simulateAgainst(helpless, ...plain, '--max-apologies', '100%')).toMatchObject({ code: EXIT.done });
      const other = await simulateAgainst(helpless, ...plain, '--apology', 'We are closed.', '--json');
      expect(JSON.parse(other.out)).toMatchObject({ isPassed: true, turns: { apologies: 0 } });
    } finally {
      await helpless.stop();
      await away.close();
    }
  });

  it('asks late and mishears as told', async () => {
    const flags = ['--gap', '40', '--revisions', '50%', '--pauses', '20%', '--switch', 'updateRate=word'];
    const { code, out } = await simulate('--calls', '2', '--turns', '3', '--drop', '0', ...flags, '--json');
    expect(JSON.parse(out)).toMatchObject({ isPassed: true, turns: { lost: 0 }, breaches: [] });
    expect(code).toBe(EXIT.done);
  });

  it('refuses a switch that does not exist, with the usage code', async () => {
    const { code, err } = await simulate('--switch', 'wods=absent');
    expect(code).toBe(EXIT.wrongUsage);
    expect(err).toContain('did you mean words?');
  });
});
