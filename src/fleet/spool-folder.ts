import { chmod, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../std/fault.ts';

/**
 * Makes the folder if need be, private to this user, and sees that it can be written to.
 *
 * @returns the names of what waits in it, oldest first; what was being written when a process died never counted
 * @throws Fault `spool.unusable`
 */
export async function openSpoolFolder(folder: string): Promise<string[]> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    await writeDurably(folder, 'probe', '');
    await unlink(join(folder, 'probe'));
    const names = await readdir(folder);
    await Promise.all(names.filter((name) => name.endsWith('.part')).map((name) => unlink(join(folder, name))));
    return names.filter((name) => /^\d{12}\..*\.json$/.test(name)).sort();
  } catch (cause) {
    throw new Fault('unavailable', 'spool.unusable', 'expected a folder for webhooks that wait, could not use it', {
      cause,
      effect: 'nobody is answered until it starts',
      fixes: ['give OFFHOOK_DATA_DIR a folder that this user may write to'],
    });
  }
}

/** Writes a file that is there as a whole when this settles, and else not at all, whatever becomes of the machine. */
export async function writeDurably(folder: string, name: string, text: string): Promise<void> {
  const part = join(folder, `${name}.part`);
  try {
    await synced(part, 'w', (file) => file.writeFile(text));
    await rename(part, join(folder, name));
  } catch (thrown) {
    await unlink(part).catch(() => undefined); // what matters is why it could not be written
    throw thrown;
  }
  // The name is on disk only when its folder is.
  await synced(folder, 'r', async () => {});
}

type FileHandle = Awaited<ReturnType<typeof open>>;

async function synced(path: string, flags: 'r' | 'w', act: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await act(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
