import type { CallHooks } from '../operations/follow-ups.ts';
import type { Fault } from '../std/fault.ts';
import { invalid } from './config-faults.ts';
import type { UserConfig } from './define-config.ts';

/** The follow-ups that a file may name. */
export const HOOK_NAMES = ['onCallPlaced', 'onCallAnalyzed'] as const satisfies readonly (keyof UserConfig)[];

/**
 * The follow-ups of a configuration file: functions, which no JSON can hold.
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
      ...(isFollowUp(onCallPlaced) && { onCallPlaced }),
      ...(isFollowUp(onCallAnalyzed) && { onCallAnalyzed }),
    },
    findings,
  };
}

/** What it takes and gives cannot be seen; what it throws makes its job fail, and nothing else. */
function isFollowUp(value: unknown): value is NonNullable<CallHooks['onCallPlaced']> {
  return typeof value === 'function';
}
