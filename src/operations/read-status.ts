import type { OperationContext } from './context.ts';
import type { DialQueue } from './dial-queue.ts';

/** How full the house is. */
export interface Occupancy {
  /** Slots held, adrift calls and dials included. */
  readonly active: number;
  readonly capacity: number;
  /** `active` of `capacity`; above 1 when live calls redialled into a full house. */
  readonly utilization: number;
  /** Orders that wait to be dialled; absent while nobody can say. */
  readonly queued?: number;
}

/**
 * Says how full the house is, and how its callers are served.
 *
 * @param figures how turns went lately, as the meter keeps them
 */
export async function readStatus<Figures extends object>(
  context: Pick<OperationContext, 'leases' | 'maxCalls'>,
  queue: Pick<DialQueue, 'waiting'>,
  figures: () => Figures,
  signal: AbortSignal,
): Promise<Occupancy & Figures> {
  // How the house is doing is asked most when part of it is away.
  const waiting = queue.waiting(signal).catch(() => undefined);
  const [active, queued] = await Promise.all([context.leases.count(signal), waiting]);
  const { maxCalls: capacity } = context;
  return { active, capacity, utilization: active / capacity, ...(queued !== undefined && { queued }), ...figures() };
}
