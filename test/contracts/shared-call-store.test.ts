import { sharedCalls } from '../../src/fleet/shared-calls.fixture.ts';
import { ManualClock } from '../../src/std/manual-clock.ts';
import { sharedCallStoreContract } from './shared-call-store.ts';

sharedCallStoreContract('memory', async () => {
  const store = sharedCalls(new ManualClock());
  return { ours: store.seenBy('us'), theirs: store.seenBy('them'), close: async () => {} };
});
