/** Replies that an agent declared repeatable. The key holds agent version, dialogue step and normalised words, never a caller. */
export interface ReplyCache {
  get(key: string, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /** Keeps the sentences of a reply for `ttlMs`. */
  put(key: string, sentences: readonly string[], ttlMs: number, signal: AbortSignal): Promise<void>;
}
