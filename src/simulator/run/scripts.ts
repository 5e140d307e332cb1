import type { CallerStep } from './caller.ts';

/** How often callers do what, per turn; the rest of the turns they say one thing and listen. */
export interface Shares {
  readonly bargeIn: number;
  readonly reask: number;
  /** Stays silent until a reminder. */
  readonly reminder: number;
  readonly drop: number;
  readonly digit: number;
}

/** Mostly plain talk, and enough of the rest that fifty calls meet all of it. */
export const DEFAULT_SHARES: Shares = { bargeIn: 0.1, reask: 0.1, reminder: 0.02, drop: 0.02, digit: 0 };

/** What callers say when nothing else is given: questions any front desk gets, none of which ends a call. */
export const DEFAULT_LINES: readonly string[] = [
  'I would like to book a table for two tonight.',
  'Around eight would be good.',
  'What time do you open on Sundays?',
  'Is there parking nearby?',
  'Could we sit outside?',
  'One of us is vegetarian.',
  'Do you have a table for four tomorrow at seven?',
  'How late is the kitchen open?',
  'Can I bring my dog?',
  'And what is your address again?',
];

/** What a person interrupts with, and what they add when they had not finished. */
const INTERJECTIONS = ['Wait, one more thing.', 'Sorry, can I stop you there?', 'No, not that one.'] as const;
const ADDITIONS = ['and it is for my mother', 'if that is possible', 'or maybe a little later'] as const;

/**
 * A script of exactly `turns` turns, the same for the same random numbers. A caller begins by saying something; what
 * needs an answer to interrupt comes after a turn that has one.
 *
 * @param random in [0, 1)
 * @param lines  what callers say, taken in order from a random place
 */
export function randomScript(
  turns: number,
  shares: Shares,
  random: () => number,
  lines: readonly string[] = DEFAULT_LINES,
): readonly CallerStep[] {
  const script: CallerStep[] = [];
  const first = Math.floor(random() * lines.length);
  const text = (turn: number) => lines[(first + turn) % lines.length] ?? 'Hello?';
  for (let turn = 0; turn < turns; turn++) {
    script.push(turnStep(turn, text(turn), shares, random));
    if (random() < shares.drop) script.push(dropStep(random));
  }
  return script;
}

function turnStep(turn: number, text: string, shares: Shares, random: () => number): CallerStep {
  let drawn = turn === 0 ? 1 : random();
  const isWithin = (share: number) => {
    drawn -= share;
    return drawn < 0;
  };
  if (isWithin(shares.bargeIn))
    return { kind: 'bargeIn', atRatio: random(), text: `${pick(INTERJECTIONS, random)} ${text}` };
  if (isWithin(shares.reask)) {
    const [head = text, tail = ''] = text.split(/[.?]$/);
    return { kind: 'reask', text: head, afterMs: 200 + random() * 2_000, more: pick(ADDITIONS, random) + tail };
  }
  if (isWithin(shares.reminder)) return { kind: 'silence' };
  if (isWithin(shares.digit)) return { kind: 'pressDigit', digit: String(Math.floor(random() * 10)) };
  return { kind: 'say', text };
}

function dropStep(random: () => number): CallerStep {
  const phases = ['listening', 'thinking', 'speaking'] as const;
  return { kind: 'drop', while: pick(phases, random), afterMs: 20 + random() * 280 };
}

function pick<T>(from: readonly [T, ...T[]], random: () => number): T {
  return from[Math.floor(random() * from.length)] ?? from[0];
}
