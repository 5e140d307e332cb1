/** A way of running work: refuses it with a Fault, or runs it and learns from how it went. */
export interface Policy {
  /** Settles as `fn` does, or rejects with the policy's own Fault without having called it. */
  run<T>(fn: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
}
