import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { recordTerminal } from './terminal.fixture.ts';
import { readVersion } from './version.ts';

async function run(...argv: readonly string[]) {
  const terminal = recordTerminal();
  const cwd = mkdtempSync(join(tmpdir(), 'offhook-cli-'));
  const code = await runProgram(argv, { terminal, env: {}, cwd });
  return { code, out: terminal.said.out.join('\n'), err: terminal.said.err.join('\n') };
}

describe('offhook', () => {
  it.each([[[]], [['help']], [['--help']], [['-h']]])('says what there is when called with %j', async (argv) => {
    const { code, out, err } = await run(...argv);
    expect({ code, err }).toEqual({ code: EXIT.done, err: '' });
    expect(out).toMatch(/Usage: offhook/);
    for (const command of ['start', 'talk', 'simulate', 'stub-model', 'jobs', 'version'])
      expect(out).toContain(command);
  });

  it('shows an example first when asked about a command', async () => {
    const { code, out } = await run('help', 'talk');
    expect(code).toBe(EXIT.done);
    expect(out.startsWith('Example:\n  offhook talk')).toBe(true);
    expect((await run('talk', '--help')).out).toBe(out);
  });

  it('says what there is below a command that has commands of its own', async () => {
    const { code, out, err } = await run('jobs');
    expect({ code, err }).toEqual({ code: EXIT.done, err: '' });
    for (const command of ['Usage: offhook jobs', 'dead', 'show', 'requeue']) expect(out).toContain(command);
    expect((await run('jobs', 'show', '--help')).out).toMatch(/^Example:\n {2}offhook jobs show 42/);
  });

  it('prints its version, as a command and as a flag', async () => {
    expect(readVersion()).toMatch(/^\d+\.\d+\.\d+/);
    expect(await run('version')).toEqual({ code: EXIT.done, out: readVersion(), err: '' });
    expect(await run('--version')).toEqual({ code: EXIT.done, out: readVersion(), err: '' });
  });

  it.each([
    [['strat'], 'cli.unknown_command', 'did you mean start?'],
    [['deploy'], 'cli.unknown_command', 'no command "deploy"'],
    [['simulate', '--cals', '3'], 'cli.unknown_flag', 'did you mean --calls?'],
    [['talk', '--sya=hello'], 'cli.unknown_flag', 'has no flag --sya; did you mean --say?'],
    [['--verion'], 'cli.unknown_flag', 'did you mean --version?'],
    [['talk', '--say'], 'cli.wrong_usage', 'argument missing'],
    [['start', 'now'], 'cli.wrong_usage', 'too many arguments'],
    [['jobs', 'requeu', '4'], 'cli.unknown_command', 'offhook jobs has no command "requeu"; did you mean requeue?'],
    [['jobs', 'dead', '--jsno'], 'cli.unknown_flag', 'offhook jobs dead has no flag --jsno; did you mean --json?'],
    [['jobs', 'show'], 'cli.wrong_usage', 'missing required argument'],
    [['simulate', '--calls', 'many'], 'cli.wrong_usage', 'whole number from 1 to 10000'],
    [['simulate', '--drop', '120%'], 'cli.wrong_usage', 'a share such as 5%'],
  ])('refuses %j and says what was meant', async (argv, reason, words) => {
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: EXIT.wrongUsage, out: '' });
    expect(err).toContain(`✗ ${reason} `);
    expect(err).toContain(words);
    expect(err).not.toMatch(/^\s+at /m);
  });

  it('ends with 3 on a wrong configuration, and shows a stack only when asked to', async () => {
    const { code, err } = await run('start', '--config', 'missing.ts');
    expect(code).toBe(EXIT.badConfig);
    expect(err).toContain('✗ config.not_found');
    expect(err).toContain('Callers: nobody is answered until it starts.');
    expect(err).not.toMatch(/^\s+at /m);
    expect((await run('start', '--config', 'missing.ts', '--debug')).err).toMatch(/^\s+at /m);
  });
});
