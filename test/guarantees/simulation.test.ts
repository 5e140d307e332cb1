import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { simulate } from '../../src/simulator/run/simulate.ts';
import { verdicts } from '../../src/simulator/run/verdicts.ts';
import { type ModelStub, startModelStub } from '../../src/simulator/stubs/model-stub.ts';
import type { StubShare } from '../../src/simulator/stubs/stub-behaviour.ts';
import { startHouse, type TestHouse } from '../calls/house.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const SEED = 11;

let house: TestHouse | undefined;
let stub: ModelStub | undefined;

afterEach(async () => {
  await house?.close();
  await stub?.close();
});

/** The example agent on a failing model, twenty callers at once; `npm run prove` is the long form. */
async function failedVerdicts(shares: readonly StubShare[]) {
  stub = await startModelStub({ seed: SEED, shares, otherwise: { kind: 'ok', firstTokenMs: 100, tokenMs: 5 } });
  const model = { OPENAI_API_KEY: 'stub-key', OPENAI_BASE_URL: stub.url, OPENAI_MODEL: 'stub' };
  house = await startHouse({ cwd: ROOT, env: { ...model, OFFHOOK_MAX_CALLS: '30', OFFHOOK_LOG: 'error' } });
  const webhookKey = readFileSync(join(house.dataDir, 'data', 'webhook-key'), 'utf8').trim();
  const report = await simulate(
    { baseUrl: house.url, calls: 20, turns: 5, seed: SEED, webhookKey },
    AbortSignal.timeout(50_000),
  );
  expect(report.turns.answered).toBeGreaterThan(60);
  return verdicts(report).filter(({ isPassed }) => !isPassed);
}

it('a model that hangs in one request of ten costs no turn and no silence', async () => {
  expect(await failedVerdicts([{ ratio: 0.1, behaviour: { kind: 'hang', at: 'after_headers' } }])).toEqual([]);
});

it('429s and cut streams cost no turn and no silence', async () => {
  const shares: readonly StubShare[] = [
    { ratio: 0.1, behaviour: { kind: 'refuse', status: 429, retryAfterSeconds: 1 } },
    { ratio: 0.1, behaviour: { kind: 'cut', afterTokens: 5 } },
  ];
  expect(await failedVerdicts(shares)).toEqual([]);
});
