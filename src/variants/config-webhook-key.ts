import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../std/fault.ts';
import { randomHex } from '../std/random.ts';
import { Secret } from '../std/secret.ts';

const NAME = 'webhook-key';

/** The key made for a server on loopback, or undefined when none was made yet. Faults: `config.webhook_key_damaged`. */
export async function readWebhookKey(dataDir: string): Promise<Secret | undefined> {
  const path = join(dataDir, NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (isCode(thrown, 'ENOENT') || isCode(thrown, 'ENOTDIR')) return undefined;
    throw unusable(dataDir, thrown);
  }
  const key = text.trim();
  if (!/^[0-9a-f]{64}$/.test(key)) {
    throw new Fault('invalid', 'config.webhook_key_damaged', `expected 64 hex digits in ${path}, got something else`, {
      effect: 'nobody is answered until it starts',
      fixes: [`rm ${path}`, 'set RETELL_WEBHOOK_KEY'],
    });
  }
  return new Secret(key);
}

/**
 * The key in the data folder, made on first use: file mode 0600, a folder made for it 0700. Whoever comes second
 * gets the first one's key, also in the same instant. Faults: `config.data_dir_unusable`.
 */
export async function ensureWebhookKey(dataDir: string): Promise<Secret> {
  const known = await readWebhookKey(dataDir);
  if (known) return known;
  const own = join(dataDir, `${NAME}.${randomHex(6)}`);
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await writeFile(own, `${randomHex(32)}\n`, { mode: 0o600, flag: 'wx' });
    // A link appears whole or not at all, and fails when the name is taken.
    await link(own, join(dataDir, NAME)).catch((thrown: unknown) => {
      if (!isCode(thrown, 'EEXIST')) throw thrown;
    });
  } catch (thrown) {
    throw unusable(dataDir, thrown);
  } finally {
    await rm(own, { force: true }).catch(() => undefined); // what went wrong is being thrown already
  }
  const made = await readWebhookKey(dataDir);
  if (made) return made;
  throw unusable(dataDir, undefined);
}

function unusable(dataDir: string, cause: unknown): Fault {
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new Fault('unavailable', 'config.data_dir_unusable', `expected a folder to write to at ${dataDir}${code}`, {
    cause,
    effect: 'nobody is answered until it starts',
    fixes: ['set OFFHOOK_DATA_DIR to a folder this user may write to'],
  });
}

function isCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
