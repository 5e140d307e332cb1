import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Linux counts CPU time in hundredths of a second, whatever the kernel's own tick is (`getconf CLK_TCK`). */
const TICK_MS = 10;

/** CPU time that a process has used so far, all its threads, user and system, in milliseconds; by the kernel's count. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, second and in parentheses, may hold anything; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process, in bytes. */
export function residentBytesOf(pid: number): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

export function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}

/** Short. */
export function checkedOutCommit(): string {
  return git('rev-parse', '--short', 'HEAD');
}

/** What the figures were measured on and with, in one line. */
export function describeHost(): string {
  const isDirty = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'bench').length > 0;
  const commit = `${checkedOutCommit()}${isDirty ? ' with changes' : ''}`;
  const ws: unknown = JSON.parse(readFileSync(`${ROOT}/node_modules/ws/package.json`, 'utf8'));
  const wsVersion = typeof ws === 'object' && ws !== null && 'version' in ws ? String(ws.version) : '?';
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? '?'}), Linux ${release().split('-')[0]}`;
  return `Commit ${commit}, Node ${process.versions.node}, ws ${wsVersion}, ${machine}`;
}
