import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineAgent } from '../../agent/agent.ts';
import { Secret } from '../../std/secret.ts';
import { openHouse } from '../house.fixture.ts';
import { ROLES, reaches } from '../roles.ts';
import { REST_ROUTES } from './table.ts';

const agent = defineAgent({ name: 'desk', greeting: '', instructions: 'Be kind.' });
const KEYS = [
  ...ROLES.map((role) => ({ role, hasPrivacy: false, key: new Secret(`${role}-key`) })),
  { role: 'viewer' as const, hasPrivacy: true, key: new Secret('privacy-key') },
];
let house: Awaited<ReturnType<typeof openHouse>>;

beforeAll(async () => {
  house = await openHouse(
    {
      agents: [agent],
      defaultAgent: agent,
    },
    { servers: { apiKeys: KEYS } },
  );
});

afterAll(async () => {
  await house.queue.close();
  await house.close();
});

function ask(method: string, path: string, key: string, base = house.base): Promise<Response> {
  return fetch(`${base}${path}`, { method, headers: { authorization: `Bearer ${key}` } });
}

describe('a key', () => {
  it.each(
    REST_ROUTES.map((route) => [route.method, route.path, route.role] as const),
  )('does what its role reaches, and no more: %s %s wants the role %s', async (method, template, wanted) => {
    const path = template.replace('{id}', 'no-such-id');
    for (const role of ROLES) {
      const answer = await ask(method, path, `${role}-key`);
      expect(answer.status === 403, `${role} at ${path}`).toBe(!reaches(role, wanted));
      expect(answer.status).not.toBe(401);
      if (answer.status === 403) expect(await answer.json()).toMatchObject({ code: 'api.role_refused', status: 403 });
    }
    expect((await ask(method, path, 'viewer-kez')).status).toBe(401);
  });

  it('opens what was said only with privacy, whatever its role', async () => {
    const path = '/api/v1/calls/call_1_aaaa?include=transcript';
    for (const role of ROLES) {
      const refused = await ask('GET', path, `${role}-key`);
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'api.privacy_refused' });
    }
    expect((await ask('GET', path, 'privacy-key')).status).toBe(404);
  });

  it('tells only whoever has one which methods there are', async () => {
    expect((await ask('DELETE', '/api/v1/status', 'viewer-key')).status).toBe(405);
    expect((await ask('DELETE', '/api/v1/status', 'no-key')).status).toBe(401);
  });

  it('dials on the admin port only with the role for it', async () => {
    const dial = (key: string) => ask('POST', '/api/v1/calls', key, house.admin);
    expect((await dial('')).status).toBe(401);
    expect((await dial('viewer-key')).status).toBe(403);
    expect((await dial('operator-key')).status).toBe(400);
  });
});
