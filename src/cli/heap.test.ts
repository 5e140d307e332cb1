import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** To how much V8 lets a heap grow, over what lives in it, when it was told of a tenth; `words` are said once it runs. */
async function roomToGrow(words: string): Promise<number> {
  const heap = JSON.stringify(new URL('heap.ts', import.meta.url).href);
  const code = `
    const { markSeldom } = await import(${heap});
    ${words}
    const kept = Array.from({ length: 1_000_000 }, (_, n) => ({ n, and: [n] }));
    gc();
    gc({ type: 'minor' });
  `;
  const args = [
    '--max-old-space-size=2048',
    '--heap-growing-percent=10',
    '--expose-gc',
    '--trace-gc-nvp',
    '--input-type=module',
    '--eval',
    code,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const last = (field: string) => Number(stdout.slice(stdout.lastIndexOf(`${field}=`)).match(/\d+/)?.[0]);
  return last('old_gen_allocation_limit') / last('start_object_size');
}

it('a heap that is told so while it is in use may grow to four times what lives in it', async () => {
  const [told, untold] = await Promise.all([roomToGrow('markSeldom();'), roomToGrow('')]);
  expect(told).toBeGreaterThan(3.5);
  expect(untold).toBeLessThan(2.5);
}, 30_000);
