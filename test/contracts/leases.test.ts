import { memoryLeases } from '../../src/adapters/memory/leases.ts';
import { leasesContract } from './leases.ts';
import { inMemory } from './subject.ts';

leasesContract('memory', inMemory(memoryLeases));
