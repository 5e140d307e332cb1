import { readFileSync } from 'node:fs';

/** The version of this package. */
export function readVersion(): string {
  // Beside src in the repository, beside dist once built.
  const paths = ['../../package.json', '../../../package.json'].map((path) => new URL(path, import.meta.url));
  for (const path of paths) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
    } catch {
      // the next place may have it
    }
  }
  return 'unknown';
}
