import { afterEach, expect, inject, it } from 'vitest';
import { openRedis, type RedisStores } from '../../src/adapters/redis/redis.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLog } from '../../src/std/log.ts';
import { randomHex } from '../../src/std/random.ts';
import { newCallId } from '../contracts/samples.ts';
import { signal } from '../contracts/subject.ts';

const open: RedisStores[] = [];
afterEach(async () => {
  for (const stores of open.splice(0)) await stores.close();
});

/** Two processes of one fleet; the second serves `callId`. */
async function twoProcesses() {
  const prefix = `test:${randomHex(6)}:`;
  const callId = newCallId();
  const heard: string[] = [];
  const join = async (serves: boolean) => {
    const stores = await openRedis(inject('redisUrl'), systemClock, silentLog, { prefix }, signal);
    open.push(stores);
    return stores.join({
      fence() {},
      interject(asked, text, action) {
        if (!serves || asked !== callId) return false;
        heard.push(`${text} ${action?.kind ?? ''}`.trim());
        return true;
      },
    });
  };
  return { callId, heard, here: await join(false), there: await join(true) };
}

it('has it said by the process that serves the call', async () => {
  const { callId, heard, here } = await twoProcesses();
  await expect.poll(() => here.interject(callId, 'Your taxi is here.', { kind: 'end' }, signal)).toBe(true);
  expect(heard.at(-1)).toBe('Your taxi is here. end');
});

it('says that nobody serves a call', async () => {
  const { heard, here } = await twoProcesses();
  expect(await here.interject(newCallId(), 'Hello?', undefined, signal)).toBe(false);
  expect(heard).toEqual([]);
});
