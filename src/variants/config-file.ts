import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Fault } from '../std/fault.ts';
import { isRecord } from '../std/json.ts';

/** A configuration file as read: its values, not yet judged, and its text, to find lines in. */
export interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly text: string;
}

const NAMES = ['offhook.config.ts', 'offhook.config.js', 'offhook.config.mjs', 'offhook.config.json'] as const;

/**
 * Reads the named configuration file, or the first of `offhook.config.{ts,js,mjs,json}` in `cwd`; undefined when
 * there is none. Faults: `config.not_found`, `config.unreadable`, and whatever Fault the file itself throws.
 */
export async function readConfigFile(cwd: string, named: string | undefined): Promise<ConfigFile | undefined> {
  const path = named === undefined ? findFile(cwd) : resolve(cwd, named);
  if (path === undefined) return undefined;
  if (!existsSync(path)) {
    throw new Fault('invalid', 'config.not_found', `expected a configuration file at ${path}, there is none`, {
      effect: 'nobody is answered until it starts',
      fixes: ['correct OFFHOOK_CONFIG or --config', 'unset it to use offhook.config.ts of the current folder'],
    });
  }
  const text = await readFile(path, 'utf8');
  const values = path.endsWith('.json') ? parseJson(path, text) : await importDefault(path);
  if (!isRecord(values)) {
    throw unreadable(path, 'expected `export default defineConfig({ ... })`, or one object in JSON');
  }
  return { path, values, text };
}

/** Where the file sets `key`: `offhook.config.ts:12`, or the file alone when the line cannot be told. */
export function placeOf(file: ConfigFile, key: string, cwd: string): string {
  const name = relative(cwd, file.path) || file.path;
  const quoted = key.replace(/[^A-Za-z0-9_]/g, '\\$&');
  const lines = file.text.split('\n');
  const isComment = (line: string) => /^\s*(\/\/|\/?\*)/.test(line);
  const at = [`(^|[\\s{,'"])${quoted}['"]?\\s*:`, `\\b${quoted}\\b`]
    .map((pattern) => new RegExp(pattern))
    .map((pattern) => lines.findIndex((line) => !isComment(line) && pattern.test(line)))
    .find((line) => line >= 0);
  return at === undefined ? name : `${name}:${at + 1}`;
}

/** The default export of a module on disk. Faults: `config.unreadable`; a Fault thrown by the module passes. */
export async function importDefault(path: string): Promise<unknown> {
  try {
    const module: unknown = await import(pathToFileURL(path).href);
    return isRecord(module) ? module.default : undefined;
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    const name = thrown instanceof Error ? `${thrown.name}: ${firstLine(thrown.message)}` : String(thrown);
    throw unreadable(path, name, thrown);
  }
}

function findFile(cwd: string): string | undefined {
  return NAMES.map((name) => resolve(cwd, name)).find((path) => existsSync(path));
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw unreadable(path, thrown instanceof Error ? firstLine(thrown.message) : 'it is not JSON', thrown);
  }
}

function unreadable(path: string, problem: string, cause?: unknown): Fault {
  return new Fault('invalid', 'config.unreadable', `${path} cannot be used: ${problem}`, {
    cause,
    effect: 'nobody is answered until it starts',
    fixes: ['correct the file; --debug shows where it failed'],
  });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
