#!/usr/bin/env node
// The launcher: plain JavaScript, so that an old Node gets a sentence instead of a syntax error.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

function isNewEnough(version) {
  const [major, minor, patch] = version.split('.').map(Number);
  if (major === 22) return minor > 22 || (minor === 22 && patch >= 2);
  return major > 24 || (major === 24 && minor >= 11);
}

if (!isNewEnough(process.versions.node)) {
  console.error(
    `✗ node.too_old expected Node 24.11 or later (or 22.22.2), this is ${process.versions.node}\n` +
      '  Callers: nobody is answered until it starts.\n' +
      '  Fix: inside the repository use `npm start`, which brings its own Node; elsewhere install Node 24.',
  );
  process.exit(3);
}

// Inside the repository the sources run as they are; the published package holds only dist.
const source = new URL('../src/cli/main.ts', import.meta.url);
const entry = existsSync(fileURLToPath(source)) ? source : new URL('../dist/src/cli/main.js', import.meta.url);
await import(entry.href);
