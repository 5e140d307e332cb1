/** Something we need from outside, as whoever runs the house may see it. */
export interface Dependency {
  /** `redis`, `postgres`. */
  readonly name: string;
  /** Of its breaker: while `open` it is not asked, `half_open` tries whether it is back. */
  readonly state: 'closed' | 'open' | 'half_open';
  /** What waits for its return, such as webhooks in the spool. */
  readonly waiting?: number;
  /** Of its last Fault, while it is away. */
  readonly reason?: string;
}
