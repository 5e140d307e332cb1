import type { Clock } from '../std/clock.ts';
import type { Details } from './line.ts';

/** How long a first word may wait for `call_details`: a greeting a little, a refusal less, since it is promised within 500 ms. */
const WAIT_MS = { greeting: 500, busy: 200 } as const;

/** The call's details, if they come in time to choose the agent and its variables by. */
export function awaitDetails(clock: Clock): {
  /** The details came, or (undefined) the socket went. */
  arrive(details: Details | undefined): void;
  arrived(purpose: keyof typeof WAIT_MS): Promise<Details | undefined>;
} {
  const { promise, resolve } = Promise.withResolvers<Details | undefined>();
  return {
    arrive: resolve,
    async arrived(purpose) {
      const cancel = clock.after(WAIT_MS[purpose], () => resolve(undefined));
      try {
        return await promise;
      } finally {
        cancel();
      }
    },
  };
}
