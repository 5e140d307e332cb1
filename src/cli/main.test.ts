import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from './exit-codes.ts';
import { readVersion } from './version.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/offhook.js');

function offhook(...argv: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [LAUNCHER, ...argv], { cwd: tmpdir(), timeout: 10_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : EXIT.done, stdout, stderr });
    });
  });
}

describe('the offhook process', () => {
  it('gives data to stdout and exits with 0', async () => {
    expect(await offhook('version')).toEqual({ code: EXIT.done, stdout: `${readVersion()}\n`, stderr: '' });
  });

  it('tells its troubles to stderr, without colours in a pipe, and exits with their code', async () => {
    const { code, stdout, stderr } = await offhook('strat');
    expect({ code, stdout }).toEqual({ code: EXIT.wrongUsage, stdout: '' });
    expect(stderr).toBe(
      '✗ cli.unknown_command offhook has no command "strat"; did you mean start?\n  Fix: offhook start\n',
    );
  });
});
