import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import type { Environment } from '../variants/environment.ts';

const FOLDER = 'compile-cache';

/**
 * Lets Node keep what it compiles in the data folder, which nobody else may write to; from the second start on a
 * tenth of the start is saved. Written when the process ends, so not by a kill; may be removed at any time;
 * NODE_DISABLE_COMPILE_CACHE=1 turns it off. A folder that cannot be written only means that nothing is kept.
 */
export function keepCompiled(dataDir: string): void {
  enableCompileCache(join(dataDir, FOLDER));
}

/** The same before the configuration says where the data folder is, if the usual place has what was kept. */
export function useCompiled(env: Environment, cwd: string): void {
  const dataDir = resolve(cwd, env.OFFHOOK_DATA_DIR || '.offhook');
  if (existsSync(join(dataDir, FOLDER))) keepCompiled(dataDir);
}
