/** Something we need from outside, as whoever runs the house may see it. */
export interface DependencyStatus {
  /** `redis`, `postgres`, `retell`. */
  readonly name: string;
  /** Of its breaker: while `open` it is not asked, `halfOpen` tries whether it is back. */
  readonly state: 'closed' | 'open' | 'halfOpen';
  /** It has answered since the process began. */
  readonly hasAnswered: boolean;
  /** What waits for its return, such as webhooks in the spool. */
  readonly waiting?: number;
  /** Of its last Fault, while it is away. */
  readonly reason?: string;
}
