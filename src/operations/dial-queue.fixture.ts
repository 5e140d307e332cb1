import type { CallControl, PlaceCall } from '../ports/call-control.ts';
import type { Fault } from '../std/fault.ts';
import { idOf, memoryContext, retellOnPaper } from './context.fixture.ts';
import type { OperationContext } from './context.ts';
import { createDialQueue, type DialQueueOptions } from './dial-queue.ts';

/** Whom to dial. For tests only, as all here. */
export function order(toNumber: string): PlaceCall {
  return { fromNumber: '+15550100', toNumber };
}

/** What a queue is given. */
export interface Given extends Partial<DialQueueOptions> {
  /** What Retell refuses; it dials whom it does not. */
  readonly fail?: (call: PlaceCall) => Fault | undefined;
  readonly concurrency?: CallControl['concurrency'];
  readonly context?: Partial<OperationContext>;
}

/** A queue that dials as fast as it can unless told otherwise. */
export function given({ fail, concurrency, context: overrides, ...options }: Given = {}) {
  const dialled: string[] = [];
  const orders: PlaceCall[] = [];
  const place: CallControl['place'] = async (call) => {
    orders.push(call);
    const fault = fail?.(call);
    if (fault) throw fault;
    dialled.push(call.toNumber);
    return { callId: idOf(`call_${dialled.length}_aaaa`), status: 'registered', agentId: undefined };
  };
  const callControl = retellOnPaper({ place, ...(concurrency && { concurrency }) });
  const { context, clock } = memoryContext({ callControl, ...overrides });
  const open = () => createDialQueue(context, { perSecond: Number.POSITIVE_INFINITY, ...options });
  return { clock, context, leases: context.leases, dialled, orders, queue: open(), open };
}
