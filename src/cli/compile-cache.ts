import { mkdirSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { DEFAULT_DATA_DIR, type Environment } from '../variants/environment.ts';

const FOLDER = 'compile-cache';

/**
 * Lets Node keep what it compiles in the data folder, which nobody else may write to; from the second start on a
 * tenth of the start is saved. Written when the process ends, so not by a kill; may be removed at any time;
 * NODE_DISABLE_COMPILE_CACHE=1 turns it off. A folder that cannot be written only means that nothing is kept.
 */
export function keepCompiled(dataDir: string): void {
  const folder = join(dataDir, FOLDER);
  try {
    // Made here and not by Node, which would leave it, and the data folder, to the umask.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    return; // whatever needs the data folder says what is wrong with it
  }
  if (isOursAlone(folder)) enableCompileCache(folder);
}

/** The same before the configuration says where the data folder is, if the usual place has what was kept. */
export function useCompiled(env: Environment, cwd: string): void {
  const dataDir = resolve(cwd, env.OFFHOOK_DATA_DIR || DEFAULT_DATA_DIR);
  const folder = join(dataDir, FOLDER);
  if (isOursAlone(folder)) enableCompileCache(folder);
}

/** What Node finds there it runs: so nobody else may write to it. False when there is no such folder. */
function isOursAlone(folder: string): boolean {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return false;
  const isOurs = process.getuid === undefined || found.uid === process.getuid();
  return isOurs && (process.platform === 'win32' || (found.mode & 0o022) === 0);
}
