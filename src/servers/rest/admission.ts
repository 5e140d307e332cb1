import type { FastifyRequest } from 'fastify';
import { Fault } from '../../std/fault.ts';
import { oneHeader } from '../http.ts';
import { findKey } from '../keys.ts';
import { type ApiKey, type Role, reaches } from '../roles.ts';
import type { Asker } from './route.ts';

/** Decides who may ask for what. */
export interface Admission {
  /**
   * A hook that lets in who has this role, before a body is read.
   *
   * @param isAlwaysKeyed a key is wanted on the admin port, too
   */
  guard(role: Role, isAlwaysKeyed: boolean): (request: FastifyRequest) => Promise<void>;
  /** Of a request that a guard let in. */
  askerOf(request: FastifyRequest): Asker;
}

/** Admission by key on the public port, and by being on this machine on the admin port. */
export function createAdmission(keys: readonly ApiKey[], isAdmin: boolean): Admission {
  return {
    guard: (role, isAlwaysKeyed) => async (request) => {
      if (isAdmin) admitLocal(request);
      if (!isAdmin || isAlwaysKeyed) admitKey(keys, request, role);
    },
    askerOf: (request) => ({ mayReadWords: isAdmin || (findKey(bearer(request), keys)?.hasPrivacy ?? false) }),
  };
}

function admitLocal(request: FastifyRequest): void {
  if (!isLocal(request)) {
    throw new Fault('forbidden', 'api.not_local', 'expected the name of this machine, another one came');
  }
  request.isTrusted = true;
}

function admitKey(keys: readonly ApiKey[], request: FastifyRequest, role: Role): void {
  if (keys.length === 0) throw noKeySet();
  const key = findKey(bearer(request), keys);
  if (!key) throw new Fault('unauthenticated', 'api.key_refused', 'expected an API key');
  request.isTrusted = true;
  if (reaches(key.role, role)) return;
  throw new Fault(
    'forbidden',
    'api.role_refused',
    `expected a key with the role ${role}, this one is a ${key.role}'s`,
    {
      fixes: [`use a key of OFFHOOK_API_KEYS that begins with ${role}`],
    },
  );
}

function bearer(request: FastifyRequest): string {
  return /^Bearer (\S+)$/i.exec(oneHeader(request, 'authorization') ?? '')?.[1] ?? '';
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;

/** No other name may lead here: a page whose name was rebound to loopback names itself, and a browser names its page. */
function isLocal(request: FastifyRequest): boolean {
  if (!LOOPBACK.test(request.headers.host ?? '')) return false;
  const { origin } = request.headers;
  return origin === undefined || LOOPBACK.test(origin.replace(/^https?:\/\//i, ''));
}

function noKeySet(): Fault {
  return new Fault('unauthenticated', 'api.no_key', 'expected OFFHOOK_API_KEY to be set: dialling always wants a key', {
    fixes: ['set OFFHOOK_API_KEY and send it as Authorization: Bearer'],
  });
}
