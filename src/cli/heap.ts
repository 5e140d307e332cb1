import { setFlagsFromString } from 'node:v8';

/**
 * Lets the heap grow to four times what lives in it before all of it is marked. V8 holds a server that does little for
 * one that would rather have the memory: at 1,000 calls it marks 50 MB for every 8 MB that they grow, which on one core
 * keeps callers waiting for a tenth of a second. V8 still never lets it grow more than halfway to its limit.
 *
 * Concerns the whole process, so only the command that is the process says it.
 */
export function markSeldom(): void {
  setFlagsFromString('--heap-growing-percent=300');
}
