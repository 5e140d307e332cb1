/**
 * A replica with one port that breaks its promise, named by TEST_SABOTAGE: a checker that has nothing to say about it
 * proves nothing. Beside that it is `offhook start`.
 */
import { createLog } from '../../src/adapters/pino/log.ts';
import { EXAMPLE_AGENT } from '../../src/cli/example-agent.ts';
import { loadConfig } from '../../src/variants/config.ts';
import { openDistributed } from '../../src/variants/distributed.ts';
import type { Ports } from '../../src/variants/ports.ts';
import { startServer } from '../../src/variants/runtime.ts';

const SABOTAGES: Readonly<Record<string, (ports: Ports) => Ports>> = {
  /** An older holder of a call is not told that it was taken, and what it writes is let through. */
  fence: (ports) => ({
    ...ports,
    join: (member) => ports.join({ ...member, fence() {} }),
    callStore: {
      ...ports.callStore,
      async commit(callId, epoch, commit, signal) {
        const outcome = await ports.callStore.commit(callId, epoch, commit, signal);
        if (outcome === 'fenced') await ports.callStore.enqueue(commit.facts, signal);
        return outcome === 'fenced' ? 'committed' : outcome;
      },
    },
  }),
  /** Everybody may act. */
  ledger: (ports) => ({
    ...ports,
    toolLedger: { ...ports.toolLedger, claim: async () => ({ kind: 'claimed', claimId: 0 }) },
  }),
  /** There is always room. */
  leases: (ports) => ({
    ...ports,
    leases: {
      ...ports.leases,
      async acquire(holder, _limit, ttlMs, signal) {
        await ports.leases.adopt(holder, ttlMs, signal);
        return 'held';
      },
    },
  }),
};

const sabotage = SABOTAGES[process.env.TEST_SABOTAGE ?? ''];
if (!sabotage) throw new Error(`expected TEST_SABOTAGE to be one of ${Object.keys(SABOTAGES).join(', ')}`);
const config = await loadConfig(process.env, process.cwd(), EXAMPLE_AGENT);
const server = await startServer(
  config,
  createLog(config.logLevel),
  async () =>
    async (...terms) =>
      sabotage(await openDistributed(...terms)),
);
process.once('SIGTERM', () => void server.stop());
