import type { z } from 'zod';
import { Fault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';
import { ENVIRONMENT_NAMES, SETTINGS, type SettingName } from './config-settings.ts';

/** Where a value came from, to be named when it is wrong. */
export interface Source {
  /** What the user typed for this setting: `PORT`, or `offhook.config.ts:3 port`. */
  readonly name: (key: string) => string;
  readonly value: (key: string) => unknown;
  /** Names that may stand here. */
  readonly known: readonly string[];
}

const EFFECT = 'nobody is answered until it starts';

/** The complaints of the schema as sentences, each naming what the user typed. */
export function describeIssues(error: z.ZodError, source: Source): readonly Fault[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownName(source.name(key), nearest(key, source.known)));
    }
    const key = String(issue.path[0]);
    return [invalid(`${source.name(key)}: expected ${expectation(key)}, got ${shown(key, source.value(key))}`)];
  });
}

/** Variables that carry our prefix and mean nothing to us: most likely a typo. */
export function unknownVariables(names: readonly string[]): readonly Fault[] {
  return names
    .filter((name) => name.startsWith('OFFHOOK_') && !ENVIRONMENT_NAMES.includes(name))
    .map((name) => unknownName(`${name} in the environment`, nearestVariable(name)));
}

export function invalid(message: string): Fault {
  return new Fault('invalid', 'config.invalid', message, { effect: EFFECT });
}

/**
 * Throws what was found, all at once: a single finding as it is, several as one `config.invalid` that lists them.
 * Returns when there is nothing to say.
 */
export function throwFindings(found: readonly Fault[]): void {
  const [first, ...others] = found;
  if (!first) return;
  if (others.length === 0) throw first;
  const lines = found.map(({ reason, message }) => (reason === 'config.invalid' ? message : `${reason} ${message}`));
  throw new Fault('invalid', 'config.invalid', [`${found.length} things are wrong`, ...lines].join('\n'), {
    effect: EFFECT,
    fixes: [...new Set(found.flatMap(({ fixes }) => fixes))].slice(0, 3),
  });
}

function unknownName(name: string, meant: string | undefined): Fault {
  return invalid(`${name} is not a setting${meant ? `; did you mean ${meant}?` : ''}`);
}

/** `OFFHOOK_PORT` means `PORT`: the prefix is not ours everywhere, so names are compared without it as well. */
function nearestVariable(name: string): string | undefined {
  const bare = name.slice('OFFHOOK_'.length);
  const sameBare = ENVIRONMENT_NAMES.find((known) => known === bare);
  return sameBare ?? nearest(name, ENVIRONMENT_NAMES);
}

function expectation(key: string): string {
  return isSetting(key) ? SETTINGS[key].expects : 'something else';
}

function shown(key: string, value: unknown): string {
  if (isSetting(key) && SETTINGS[key].isSecret) return 'something else (not shown)';
  const printed = JSON.stringify(value) ?? typeof value;
  return printed.length > 80 ? `${printed.slice(0, 77)}...` : printed;
}

function isSetting(key: string): key is SettingName {
  return Object.hasOwn(SETTINGS, key);
}
