import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'offhook-'));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Where a process of its own keeps what it compiled, after `calls`. */
async function cacheOf(calls: string): Promise<string> {
  const script = `
    import { getCompileCacheDir } from 'node:module';
    import { keepCompiled, useCompiled } from ${JSON.stringify(join(import.meta.dirname, 'compile-cache.ts'))};
    ${calls};
    console.log(getCompileCacheDir() ?? 'nowhere');`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return stdout.trim();
}

it('keeps what was compiled in the data folder, and finds it there before the configuration is read', async () => {
  const [env, data] = [JSON.stringify({ OFFHOOK_DATA_DIR: dir }), JSON.stringify(dir)];
  expect(await cacheOf(`useCompiled(${env}, '/')`)).toBe('nowhere');
  expect(await cacheOf(`keepCompiled(${data})`)).toContain(dir);
  expect(await cacheOf(`useCompiled(${env}, '/')`)).toContain(dir);
  expect(await cacheOf(`useCompiled({}, ${data})`)).toBe('nowhere');
});
