import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Distribution } from '../../src/simulator/run/statistics.ts';
import { ROOT } from '../host.ts';

export const SEED = 20_261_121;

/** The commit that is checked out, short. */
export function commitOf(): string {
  return git('rev-parse', '--short', 'HEAD');
}

/** What a proof runs. */
const CODE = ['src', 'bench', 'test', 'tools', 'agents', 'package-lock.json'] as const;

/** Names the committed code, whatever was written about it since; undefined while there are changes to it. */
export function codeOf(): string | undefined {
  if (git('status', '--porcelain', '--', ...CODE) !== '') return undefined;
  return createHash('sha256')
    .update(git('rev-parse', ...CODE.map((path) => `HEAD:${path}`)))
    .digest('hex');
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}

/** p50 / p95 / p99 in whole milliseconds. */
export function times(distribution: Distribution): string {
  if (!('p50' in distribution)) return '–';
  return [distribution.p50, distribution.p95, distribution.p99].map((ms) => Math.round(ms)).join(' / ');
}
