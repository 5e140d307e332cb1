import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../std/secret.ts';

/**
 * Whether `given` is one of `keys`, in a time that tells nothing about how much of it was right, nor which key it was.
 * An empty key matches nothing.
 */
export function matchesOne(given: string, keys: readonly string[]): boolean {
  const claimed = digest(given);
  let isMatch = false;
  for (const key of keys) isMatch = isSame(claimed, key) || isMatch;
  return isMatch;
}

/** The one of `keys` that was given, compared as `matchesOne` does; the last of equal ones. */
export function findKey<Key extends { readonly key: Secret }>(given: string, keys: readonly Key[]): Key | undefined {
  const claimed = digest(given);
  let found: Key | undefined;
  for (const one of keys) found = isSame(claimed, one.key.reveal()) ? one : found;
  return found;
}

function isSame(claimed: Buffer, key: string): boolean {
  return timingSafeEqual(claimed, digest(key)) && key !== '';
}

/** Digests are of one length, so that unequal lengths compare like unequal keys. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
