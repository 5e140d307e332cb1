import { randomBytes, randomInt } from 'node:crypto';

/** `bytes` of entropy as lower-case hex, for ids and secrets. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** A whole number from `min` to `max`, both included. */
export function randomBetween(min: number, max: number): number {
  return randomInt(min, max + 1);
}

/** A stream of numbers in [0, 1) that repeats for the same seed (mulberry32): simulations print it to be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
