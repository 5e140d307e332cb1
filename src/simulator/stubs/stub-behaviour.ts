/** What the model stub does with one request. */
export type StubBehaviour =
  | { readonly kind: 'ok'; readonly firstTokenMs?: number; readonly tokenMs?: number }
  /** Accepts the request and then says nothing more, for ever. */
  | { readonly kind: 'hang'; readonly at: 'before_headers' | 'after_headers' | { readonly afterTokens: number } }
  | { readonly kind: 'refuse'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Destroys the socket after so many tokens, without [DONE]. */
  | { readonly kind: 'cut'; readonly afterTokens: number }
  | {
      readonly kind: 'malformed';
      readonly how: 'bad_json' | 'html_page' | 'endless_line';
    };

/** A behaviour and how often it is drawn; what is left of 1 is `ok`. */
export interface StubShare {
  /** From 0 to 1. */
  readonly ratio: number;
  readonly behaviour: StubBehaviour;
}

/** Draws the behaviour of each request: queued ones first, then by share, the same for the same random numbers. */
export function behaviourSource(
  queue: readonly StubBehaviour[],
  shares: readonly StubShare[],
  otherwise: StubBehaviour,
  random: () => number,
): { next(): StubBehaviour; push(...more: readonly StubBehaviour[]): void } {
  const waiting = [...queue];
  return {
    next() {
      const queued = waiting.shift();
      if (queued) return queued;
      let drawn = random();
      for (const { ratio, behaviour } of shares) {
        drawn -= ratio;
        if (drawn < 0) return behaviour;
      }
      return otherwise;
    },
    push: (...more) => waiting.push(...more),
  };
}
