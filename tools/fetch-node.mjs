// Puts a Node that offhook runs on beside a machine's older one, from the npm registry,
// pinned with integrity by tools/node/package-lock.json. Runs on Node 16 and later.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./node/', import.meta.url));

function isNewEnough(version) {
  const [major, minor, patch] = version.split('.').map(Number);
  if (major === 22) return minor > 22 || (minor === 22 && patch >= 2);
  return major > 24 || (major === 24 && minor >= 11);
}

function isFetched() {
  const modules = join(folder, 'node_modules');
  if (!existsSync(modules)) return false;
  return readdirSync(modules).some((name) => existsSync(join(modules, name, 'bin', 'node')));
}

// Consumers install the package without tools/: there is nothing to fetch for them.
if (existsSync(folder) && !isNewEnough(process.versions.node) && !isFetched()) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) {
    console.error(
      `✗ node.too_old offhook needs Node 24.11 or later (or 22.22.2), this is ${process.versions.node}, and Node 24 could not be fetched from the npm registry.\n` +
        '  Install Node 24, or check the registry with: npm ping',
    );
    process.exit(1);
  }
}
