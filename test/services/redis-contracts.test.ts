import { callStoreContract } from '../contracts/call-store.ts';
import { eventLogContract } from '../contracts/event-log.ts';
import { leasesContract } from '../contracts/leases.ts';
import { replyCacheContract } from '../contracts/reply-cache.ts';
import { sharedCallStoreContract } from '../contracts/shared-call-store.ts';
import { IN_FLEET } from '../contracts/subject.ts';
import { inRedisFleet, openFleet } from './redis-subject.ts';

const name = 'redis, through three openings';

callStoreContract(
  name,
  inRedisFleet(({ callStore }) => callStore),
  IN_FLEET,
);
leasesContract(
  name,
  inRedisFleet(({ leases }) => leases),
);
replyCacheContract(
  name,
  inRedisFleet(({ replyCache }) => replyCache),
  { isBounded: false },
);
eventLogContract(
  name,
  inRedisFleet(({ eventLog }) => eventLog),
  IN_FLEET,
);
sharedCallStoreContract('redis', async () => {
  const { stores, close } = await openFleet(2);
  const [ours, theirs] = stores;
  if (!ours || !theirs) throw new Error('expected two openings');
  return { ours: ours.callStore, theirs: theirs.callStore, close };
});
