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

  it('lists calls by what is asked for, newest first, page by page', async () => {
    const { fake, retell } = await setUp();
    const ids: string[] = [];
    for (const order of ['a', 'b', 'b', 'b']) {
      ids.push((await retell.call.createPhoneCall({ ...PERSON, metadata: { order } })).call_id);
    }
    const filter_criteria = { metadata: [{ type: 'string' as const, op: 'eq' as const, key: 'order', value: 'b' }] };
    const first = await retell.call.list({ filter_criteria, limit: 2 });
    expect(first.items.map(({ call_id }) => call_id)).toEqual([ids[3], ids[2]]);
    const pagination_key = first.pagination_key ?? '';
    const second = await retell.call.list({ filter_criteria, limit: 2, pagination_key });
    expect(second).toMatchObject({ items: [{ call_id: ids[1] }], has_more: false });
    fake.end(ids[1] ?? '', 'dial_busy');
    const over = { call_status: { type: 'enum' as const, op: 'in' as const, value: ['ended' as const] } };
    const ended = await retell.call.list({ filter_criteria: over });
    expect(ended.items).toMatchObject([{ call_id: ids[1], disconnection_reason: 'dial_busy' }]);
    fake.hideLists(true);
    expect((await retell.call.list()).items).toEqual([]);
  });

  it('tells how many calls there are at once, as counted or as told', async () => {
    const { fake, retell } = await setUp();
    const { call_id } = await retell.call.createPhoneCall(PERSON);
    await retell.call.createPhoneCall(PERSON);
    fake.end(call_id, 'user_hangup');
    expect(await retell.concurrency.retrieve()).toMatchObject({ current_concurrency: 1, concurrency_limit: 20 });
    fake.setConcurrency(5, 5);
    expect(await retell.concurrency.retrieve()).toMatchObject({ current_concurrency: 5, concurrency_limit: 5 });
  });
});
