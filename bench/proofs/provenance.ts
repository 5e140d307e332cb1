import { createHash } from 'node:crypto';
import { git } from '../host.ts';

export const SEED = 20_261_121;

/** What a proof runs. */
const CODE = ['src', 'bench', 'test', 'tools', 'agents', 'package-lock.json'] as const;

/** Names the committed code, whatever was written about it since; undefined while there are changes to it. */
export function committedCode(): string | undefined {
  if (git('status', '--porcelain', '--', ...CODE) !== '') return undefined;
  return createHash('sha256')
    .update(git('rev-parse', ...CODE.map((path) => `HEAD:${path}`)))
    .digest('hex');
}
