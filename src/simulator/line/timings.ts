/**
 * How long Retell waits for what, in real milliseconds: these do not shrink with the speech rate, because they are
 * the server's deadlines.
 *
 * @source docs.retellai.com/integrate-llm/setup-websocket-server
 */
export interface RetellTimings {
  /** For one upgrade. */
  readonly connectTimeoutMs: number;
  /** Attempts to open a socket, the first included; a redial has as many. */
  readonly connectAttempts: number;
  readonly betweenAttemptsMs: number;
  readonly pingEveryMs: number;
  /** Without an echo for this long, the socket is dropped and dialled again. */
  readonly pingLostMs: number;
  /** From losing a socket to dialling again: evenly drawn, so that many calls do not come back at one instant. */
  readonly redialMs: { readonly min: number; readonly max: number };
}

/** The documented figures; only the redial delay is unpublished. */
export const DEFAULT_TIMINGS: RetellTimings = {
  connectTimeoutMs: 7_000,
  connectAttempts: 3,
  betweenAttemptsMs: 3_000,
  pingEveryMs: 2_000,
  pingLostMs: 5_000,
  redialMs: { min: 50, max: 150 },
};
