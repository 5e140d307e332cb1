#!/usr/bin/env node
// The launcher: plain JavaScript, so that an old Node gets a sentence instead of a syntax error.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major, minor, patch] = process.versions.node.split('.').map(Number);
const isNewEnough =
  major > 24 ||
  (major === 24 && minor >= 11) ||
  (major === 22 && (minor > 22 || (minor === 22 && patch >= 2))) ||
  major === 25;
if (!isNewEnough) {
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
