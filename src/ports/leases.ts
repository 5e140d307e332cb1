/** Who holds which slot, counted exactly. A holder is a call id, or `dial:<id>` for a call being placed. */
export interface Leases {
  /**
   * Check and take in one atomic act: never more holders than `limit` through this door. A holder that already
   * has a slot keeps it and is always `held`, also at the limit; its expiry moves to `ttlMs` from now.
   */
  acquire(holder: string, limit: number, ttlMs: number, signal: AbortSignal): Promise<'held' | 'full'>;
  /**
   * Takes or extends a slot without asking for room: a live call, or one that redials after a restart. A lease that
   * runs longer keeps its end.
   */
  adopt(holder: string, ttlMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Nobody serves the holder just now: the slot it still has is kept for at least `ttlMs`, for whoever adopts it next.
   * One that was released stays free.
   */
  leave(holder: string, ttlMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Hands a slot from one holder to another (a dial that became a call), which keeps the later of both ends; false when
   * `from` held none.
   */
  rename(from: string, to: string, ttlMs: number, signal: AbortSignal): Promise<boolean>;
  release(holder: string, signal: AbortSignal): Promise<void>;
  /** Holders whose lease has not expired. */
  count(signal: AbortSignal): Promise<number>;
}

/** Leases that several processes share. */
export interface SharedLeases extends Leases {
  /**
   * Says that somebody is there. From the first time on, leases run only while somebody is: over a gap in which nobody
   * could renew, each keeps what it had left. To be called about every second.
   */
  beat(signal: AbortSignal): Promise<void>;
}
