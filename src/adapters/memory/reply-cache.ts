import type { ReplyCache } from '../../ports/reply-cache.ts';
import type { Clock } from '../../std/clock.ts';

/** A reply is a few sentences: a thousand of them stay below a few megabytes. */
const DEFAULT_MAX_ENTRIES = 1_000;

/** Replies of one process; the least recently used leaves first. */
export function memoryReplyCache(clock: Clock, maxEntries = DEFAULT_MAX_ENTRIES): ReplyCache {
  // A Map keeps the order of insertion: deleting and setting anew makes an entry the youngest.
  const entries = new Map<string, { readonly sentences: readonly string[]; readonly expiresAt: number }>();

  return {
    async get(key, signal) {
      signal.throwIfAborted();
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.expiresAt <= clock.now()) return undefined;
      entries.set(key, entry);
      return entry.sentences;
    },
    async put(key, sentences, ttlMs, signal) {
      signal.throwIfAborted();
      entries.delete(key);
      entries.set(key, { sentences: [...sentences], expiresAt: clock.now() + ttlMs });
      for (const oldest of entries.keys()) {
        if (entries.size <= maxEntries) break;
        entries.delete(oldest);
      }
    },
  };
}
