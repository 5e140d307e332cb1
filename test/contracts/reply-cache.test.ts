import { memoryReplyCache } from '../../src/adapters/memory/reply-cache.ts';
import { replyCacheContract } from './reply-cache.ts';
import { inMemory } from './subject.ts';

replyCacheContract(
  'memory',
  inMemory((clock) => memoryReplyCache(clock, 3)),
);
