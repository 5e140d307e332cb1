import type { CallHook, CallHooks } from '../operations/call-hooks.ts';
import type { Fault } from '../std/fault.ts';
import { invalid } from './config-faults.ts';
import type { UserConfig } from './define-config.ts';

/** The hooks that a file may name. */
export const HOOK_NAMES = ['onCallPlaced', 'onCallAnalyzed'] as const satisfies readonly (keyof UserConfig)[];

/**
 * The hooks of a configuration file: functions, which no JSON can hold.
 *
 * @param place how a fault names the setting: `offhook.config.ts:4 onCallPlaced`
 */
export function chooseHooks(
  values: Readonly<Record<string, unknown>>,
  place: (key: string) => string,
): { readonly hooks: CallHooks; readonly findings: readonly Fault[] } {
  const given = HOOK_NAMES.filter((name) => values[name] !== undefined);
  const findings = given
    .filter((name) => typeof values[name] !== 'function')
    .map((name) => invalid(`${place(name)}: expected a function, as in async ({ callId }, { signal }) => { ... }`));
  const { onCallPlaced, onCallAnalyzed } = values;
  return {
    hooks: {
      ...(isHook(onCallPlaced) && { onCallPlaced }),
      ...(isHook(onCallAnalyzed) && { onCallAnalyzed }),
    },
    findings,
  };
}

/** What it takes and gives cannot be seen; what it throws makes its job fail, and nothing else. */
function isHook(value: unknown): value is CallHook {
  return typeof value === 'function';
}
