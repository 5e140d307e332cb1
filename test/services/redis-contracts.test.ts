import { callStoreContract } from '../contracts/call-store.ts';
import { eventLogContract } from '../contracts/event-log.ts';
import { leasesContract } from '../contracts/leases.ts';
import { replyCacheContract } from '../contracts/reply-cache.ts';
import { IN_FLEET } from '../contracts/subject.ts';
import { inRedisFleet } from './redis-subject.ts';

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
