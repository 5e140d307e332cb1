import Retell from 'retell-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeRetell, startFakeRetell } from './fake-retell.ts';

let fake: FakeRetell | undefined;
afterEach(() => fake?.close());

async function setUp(apiKey = 'key_1') {
  const made = await startFakeRetell({ apiKey: 'key_1' });
  fake = made;
  return { fake: made, retell: new Retell({ apiKey, baseURL: made.url, maxRetries: 0, timeout: 500 }) };
}

const PERSON = { from_number: '+15550100', to_number: '+15550199', metadata: { request: 'r1' } };

describe("the fake of Retell's API", () => {
  it('dials, tells what became of a call, and stops it', async () => {
    const { fake, retell } = await setUp();
    const call = await retell.call.createPhoneCall(PERSON);
    expect(call).toMatchObject({ call_status: 'registered', to_number: '+15550199' });
    fake.setStatus(call.call_id, 'ongoing');
    expect(await retell.call.retrieve(call.call_id)).toMatchObject({ call_status: 'ongoing' });
    await retell.call.stop(call.call_id);
    expect(fake.calls()).toMatchObject([{ call_status: 'ended' }]);
    expect(fake.dials().length).toBe(1);
    expect(fake.requests().get('GET /v2/get-call/:id')).toBe(1);
  });

  it.each([
    [{ kind: 'timeout' } as const, 1],
    [{ kind: 'reset' } as const, 1],
    [{ kind: 'status', status: 500 } as const, 1],
    [{ kind: 'refused', status: 429 } as const, 0],
  ])('fails a dial with %j after %i phone has rung', async (failure, rang) => {
    const { fake, retell } = await setUp();
    fake.failNext(failure);
    await expect(retell.call.createPhoneCall(PERSON)).rejects.toThrow();
    expect(fake.dials().length).toBe(rang);
    await retell.call.createPhoneCall(PERSON);
    expect(fake.dials().length).toBe(rang + 1);
  });

  it('refuses another key, an unknown call, and a dial without numbers', async () => {
    const { retell } = await setUp('wrong');
    await expect(retell.call.createPhoneCall(PERSON)).rejects.toMatchObject({ status: 401 });
    await fake?.close();
    const { fake: other, retell: known } = await setUp();
    await expect(known.call.retrieve('call_nobody')).rejects.toMatchObject({ status: 404 });
    await expect(known.call.stop('call_nobody')).rejects.toMatchObject({ status: 404 });
    await expect(known.post('/v2/create-phone-call', { body: {} })).rejects.toMatchObject({ status: 422 });
    other.add({ call_id: 'call_nobody', call_status: 'ongoing' });
    expect(await known.call.retrieve('call_nobody')).toMatchObject({ call_status: 'ongoing' });
  });
});
