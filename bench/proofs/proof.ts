/** A long proof: what it is called on the command line, and how it is run. */
export interface Proof {
  readonly name: string;
  /** Given up after this long. */
  readonly withinMs: number;
  /** Runs it, telling of each step. */
  run(signal: AbortSignal, tell: (line: string) => void): Promise<Proven>;
}

export interface Proven {
  /** Everything that was not as promised, as sentences; empty when it passed. */
  readonly failures: readonly string[];
  /** The page of results with what was found in its place. */
  writeInto(page: string): string;
}
