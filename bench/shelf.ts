import type { LoadOrder } from './load-order.ts';
import { printScript, type TurnFrames } from './script.ts';
import { printSpeech } from './speech.ts';

/** Distinct conversations: more would only cost the generator memory. */
const SCRIPTS = 4;
/** Speech is short, and chance is in it: more of it is told apart. */
const SPEECHES = 100;

/** Conversations, and of each the frames of its turns. */
export type Scripts = readonly (readonly TurnFrames[])[];
let printed: { readonly key: string; readonly to: number; readonly scripts: Scripts } | undefined;

/** Printed once for loads that differ only in length, since the generator works while the server waits. */
export function scriptsOf({ seed, turns, minAge = 0, maxAge = minAge, hasTools = false, speech }: LoadOrder): Scripts {
  if (speech) {
    return Array.from({ length: SPEECHES }, (_, at) => printSpeech({ seed: seed * SPEECHES + at, turns, speech }));
  }
  const key = JSON.stringify([seed, minAge, hasTools]);
  const to = maxAge + turns;
  if (printed?.key !== key || printed.to < to) {
    const script = { from: minAge, to, hasTools };
    const scripts = Array.from({ length: SCRIPTS }, (_, index) =>
      printScript({ seed: seed * SCRIPTS + index, ...script }),
    );
    printed = { key, to, scripts };
  }
  return printed.scripts;
}

/** What one call plays: its age and its conversation follow from its number. */
export function framesFor(
  { turns, minAge = 0, maxAge = minAge, speech }: LoadOrder,
  scripts: Scripts,
  index: number,
): readonly TurnFrames[] {
  if (speech) return scripts[index % SPEECHES] ?? [];
  const age = Math.floor(index / SCRIPTS) % (maxAge - minAge + 1);
  return scripts[index % SCRIPTS]?.slice(age, age + turns) ?? [];
}
