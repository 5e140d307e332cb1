import type { Dials } from '../../ports/dials.ts';
import type { Clock } from '../../std/clock.ts';
import type { RecordsClient } from './records-client.ts';

/** Orders to dial, through the records thread; times are counted by `clock`. `onJobs` hears that there are some. */
export function dialsOver(client: RecordsClient, clock: Clock, onJobs = () => {}): Dials {
  return {
    open: (dial, limit, signal) => client.ask('openDial', [dial, limit, clock.now()], signal),
    take: (terms, signal) => client.ask('takeDial', [terms, clock.now()], signal),
    begin: ({ id, takes }, signal) => client.ask('beginDial', [{ id, takes }, clock.now()], signal),
    async settle({ id, takes }, outcome, jobs, signal) {
      await client.ask('settleDial', [{ id, takes }, outcome, jobs, clock.now()], signal);
      if (jobs.length > 0) onJobs();
    },
    postpone: ({ id, takes }, delayMs, signal) => {
      const now = clock.now();
      return client.ask('postponeDial', [{ id, takes }, now + delayMs, now], signal);
    },
    cancel: (id, signal) => client.ask('cancelDial', [id, clock.now()], signal),
    find: (id, signal) => client.ask('findDial', [id], signal),
    list: (states, limit, signal) => client.ask('listDials', [states, limit], signal),
    waiting: (signal) => client.ask('waitingDials', [], signal),
    dueIn: (signal) => client.ask('dialDueIn', [clock.now()], signal),
    position: (id, signal) => client.ask('positionOfDial', [id], signal),
    abandon: (olderThanMs, signal) => {
      const now = clock.now();
      return client.ask('abandonDials', [now - olderThanMs, now], signal);
    },
  };
}
