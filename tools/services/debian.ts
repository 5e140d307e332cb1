import { execFile } from 'node:child_process';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SERVICES = fileURLToPath(new URL('../../.services/', import.meta.url));

/** A program that can be run, and what it needs in its environment. */
export interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Where a program comes from when it is not on the PATH. */
export interface DebianProgram {
  readonly name: string;
  /** Below the root of the unpacked packages. */
  readonly path: string;
  /** Prints something and exits with 0. */
  readonly tryArgs: readonly string[];
  /** What a Debian without it lacks, in the order they are asked for: the second list only where the first is too short. */
  readonly packages: readonly (readonly string[])[];
}

/**
 * The program on the PATH, else from Debian's packages, unpacked into `.services/` and never installed. Several
 * processes may do so at once. Rejects, saying what is needed, where there is neither.
 */
export async function findProgram(wanted: DebianProgram): Promise<Program> {
  const onPath = await findOnPath(wanted.name);
  if (onPath !== undefined) return { path: onPath, env: {} };
  const folder = join(SERVICES, wanted.name);
  const known = await programIn(folder, wanted).catch(() => undefined); // not unpacked yet
  return known ?? (await unpack(wanted, folder));
}

/** The full path of a program of this name in `folders`, those of the PATH unless given. */
export async function findOnPath(
  name: string,
  folders: readonly string[] = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'],
): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    const isThere = await access(path, constants.X_OK).then(
      () => folder !== '',
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

async function unpack(wanted: DebianProgram, folder: string): Promise<Program> {
  await mkdir(SERVICES, { recursive: true });
  const beside = await mkdtemp(join(SERVICES, `${wanted.name}.`));
  try {
    for (const packages of wanted.packages) {
      await addPackages(packages, beside);
      if (!(await programIn(beside, wanted).catch(() => undefined))) continue; // more packages may help
      // What stands there and does not run is of another machine.
      if (!(await programIn(folder, wanted).catch(() => undefined))) await rm(folder, { recursive: true, force: true });
      // Whoever comes second finds the folder there, with the same in it.
      await rename(beside, folder).catch(() => undefined);
      break;
    }
    return await programIn(folder, wanted);
  } catch (thrown) {
    throw new Error(howToGet(wanted, thrown), { cause: thrown });
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

function howToGet({ name, packages }: DebianProgram, thrown: unknown): string {
  const why = thrown instanceof Error ? thrown.message.trim().split('\n').slice(1).join('\n  ') : '';
  return [
    `expected ${name} on the PATH, or Debian's packages of it from apt-get (${packages[0]?.join(', ')}); got neither`,
    ...(why === '' ? [] : [`  ${why}`]),
    `  Get it: apt-get install ${packages[0]?.[0] ?? name}, or brew install ${name.replace('-server', '')}`,
  ].join('\n');
}

/** Downloads with the machine's own package lists; a fresh machine has none, and gets them into a folder of ours. */
async function addPackages(packages: readonly string[], folder: string): Promise<void> {
  const debs = join(folder, 'debs');
  await mkdir(debs, { recursive: true });
  const download = (options: readonly string[]) => run('apt-get', [...options, 'download', ...packages], { cwd: debs });
  await download([]).catch(async () => {
    const lists = await ownLists(folder);
    await run('apt-get', [...lists, 'update']).catch(() => undefined); // one source of many may be out of reach
    await download(lists);
  });
  for (const deb of await readdir(debs)) await run('dpkg-deb', ['-x', join(debs, deb), folder]);
  await rm(debs, { recursive: true });
  await rm(join(folder, 'apt'), { recursive: true, force: true });
}

async function ownLists(folder: string): Promise<readonly string[]> {
  const [state, cache] = [join(folder, 'apt', 'state'), join(folder, 'apt', 'cache')];
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  const options = {
    'Dir::State': state,
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': cache,
    // Root's apt changes to a user who may not write here.
    'APT::Sandbox::User': '',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** Rejects when it does not run: a package is missing, or was made for another machine. */
async function programIn(folder: string, { path, tryArgs }: DebianProgram): Promise<Program> {
  const libraries = await readdir(join(folder, 'usr', 'lib'), { withFileTypes: true }).catch(() => []);
  const triplets = libraries.filter((entry) => entry.isDirectory() && entry.name.includes('-linux-gnu'));
  const env = {
    LD_LIBRARY_PATH: triplets.flatMap(({ name }) => ['usr/lib', 'lib'].map((lib) => join(folder, lib, name))).join(':'),
  };
  await run(join(folder, path), tryArgs, { env });
  return { path: join(folder, path), env };
}
