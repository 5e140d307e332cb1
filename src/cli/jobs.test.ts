import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryJobs } from '../adapters/memory/jobs.ts';
import { defineAgent } from '../agent/agent.ts';
import type { Jobs } from '../ports/jobs.ts';
import { openHouse } from '../servers/house.fixture.ts';
import { systemClock } from '../std/clock.ts';
import { Fault } from '../std/fault.ts';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { recordTerminal } from './terminal.fixture.ts';

const agent = defineAgent({ name: 'desk', greeting: '', instructions: 'Be kind.' });
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function given(count: number) {
  const jobs = memoryJobs(systemClock);
  await jobs.enqueue(
    Array.from({ length: count }, (_, i) => ({ kind: 'call.placed', payload: { callId: `call_${i}` } })),
    AbortSignal.timeout(1_000),
  );
  await bury(jobs, count);
  const house = await openHouse({
    agents: [agent],
    defaultAgent: agent,
    jobs,
  });
  closing.push(async () => {
    await house.queue.close();
    await house.close();
  });
  const run = async (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const terminal = recordTerminal();
    const cwd = mkdtempSync(join(tmpdir(), 'offhook-jobs-'));
    const around = { terminal, cwd, env: { OFFHOOK_ADMIN_PORT: String(house.adminPort), ...env } };
    const code = await runProgram(['jobs', ...argv], around);
    return { code, out: terminal.said.out.join('\n'), err: terminal.said.err.join('\n') };
  };
  return { house, jobs, run };
}

/** Does every job once, in vain. */
async function bury(jobs: Jobs, count: number): Promise<void> {
  const stop = new AbortController();
  const handlers = {
    'call.placed': async () => {
      throw new Fault('invalid', 'test.refused', 'expected something else');
    },
  };
  const working = jobs.work({ handlers }, stop.signal);
  await expect.poll(async () => (await jobs.deadJobs(100, undefined, stop.signal)).length).toBe(count);
  stop.abort();
  await working;
}

describe('offhook jobs', () => {
  it('lists what was set aside, for people and for programs', async () => {
    const { run, jobs } = await given(2);
    const [newest, oldest] = await jobs.deadJobs(10, undefined, AbortSignal.timeout(1_000));
    const { code, out } = await run(['dead']);
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(/^JOB +KIND +SET ASIDE +TRIES +REASON\n/);
    expect(out).toMatch(/call\.placed {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +1 +test\.refused/);
    expect(out).toContain(`Next: offhook jobs show ${newest?.id}`);
    const page = JSON.parse((await run(['dead', '--json', '--limit', '1'])).out);
    expect(page).toEqual({ jobs: [newest], nextBefore: newest?.id });
    expect((await run(['dead', '--limit', '1'])).out).toContain(`More: offhook jobs dead --before ${newest?.id}`);
    const rest = JSON.parse((await run(['dead', '--json', '--before', String(newest?.id)])).out);
    expect(rest).toEqual({ jobs: [oldest] });
  });

  it('says so when nothing was', async () => {
    const { run } = await given(0);
    expect(await run(['dead'])).toEqual({ code: EXIT.done, out: 'No job is set aside.', err: '' });
    expect(JSON.parse((await run(['dead', '--json'])).out)).toEqual({ jobs: [] });
  });

  it('shows one, and has it done again', async () => {
    const { run, jobs } = await given(1);
    const [dead] = await jobs.deadJobs(10, undefined, AbortSignal.timeout(1_000));
    const id = String(dead?.id);
    const shown = await run(['show', id]);
    expect(shown.code).toBe(EXIT.done);
    expect(shown.out).toMatch(/Reason +test\.refused/);
    expect(shown.out).toContain('{"callId":"call_0"}');
    expect(JSON.parse((await run(['show', id, '--json'])).out)).toEqual(dead);
    expect(await run(['requeue', id, '--json'])).toMatchObject({
      code: EXIT.done,
      out: `{"id":"${id}","state":"queued"}`,
    });
    expect(await jobs.deadJobs(10, undefined, AbortSignal.timeout(1_000))).toEqual([]);
  });

  it('passes on what the server refuses with, as the server puts it', async () => {
    const { run } = await given(0);
    for (const command of ['show', 'requeue']) {
      const { code, err } = await run([command, 'no/such?job']);
      expect(code).toBe(EXIT.failed);
      expect(err).toContain('✗ jobs.unknown expected the id of a job that was set aside');
      expect(err).toContain('look the id up: offhook jobs dead');
    }
  });

  it('sends its key to a public port, and says when that is refused', async () => {
    const { run, house } = await given(0);
    const asks = (key: string) => run(['dead', '--url', house.base], { OFFHOOK_API_KEY: key });
    expect((await asks('the-api-key')).code).toBe(EXIT.done);
    const { code, err } = await asks('another-key');
    expect(code).toBe(EXIT.notAuthorised);
    expect(err).toContain('✗ server.refused');
    expect(err).not.toContain('another-key');
  });

  it('says that nothing listens there, or that it cannot know where', async () => {
    const { run, house } = await given(0);
    await house.close();
    const gone = await run(['dead']);
    expect(gone.code).toBe(EXIT.unreachable);
    expect(gone.err).toContain(`✗ server.unreachable expected a server at http://127.0.0.1:${house.adminPort}`);
    const unknown = await run(['dead'], { OFFHOOK_ADMIN_PORT: '0' });
    expect(unknown.code).toBe(EXIT.wrongUsage);
    expect(unknown.err).toContain('✗ cli.no_url expected --url, since OFFHOOK_ADMIN_PORT=0');
  });
});
