import { problem } from '../servers/rest/shapes.ts';
import { reaches } from '../servers/roles.ts';
import { systemClock } from '../std/clock.ts';
import { FAULT_POLICY, Fault, type FaultKind } from '../std/fault.ts';
import { parseJson } from '../std/json.ts';
import { withDeadline } from '../std/signals.ts';
import { loadClientConfig } from '../variants/config.ts';
import { noUrl, unreachable } from './find-server.ts';
import type { Surroundings } from './surroundings.ts';

/** The service layer of a server, as a command speaks to it. */
export interface AdminClient {
  /**
   * The answer's JSON, which `shape` must know.
   *
   * @throws Fault what the server refused with, under its own reason; else `server.refused`, `server.unreachable`,
   *   `server.answer_timeout`
   */
  ask<T>(method: 'GET' | 'POST', path: string, shape: Shape<T>, signal: AbortSignal): Promise<T>;
}

/** What of a zod schema is needed. */
interface Shape<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false };
}

const TIMEOUT_MS = 15_000;

/**
 * Speaks to the admin port of this folder's server, or to `url`; with an API key where one is configured. Faults:
 * `cli.no_url`, and those of the configuration.
 */
export async function openAdminClient(url: string | undefined, { env, cwd }: Surroundings): Promise<AdminClient> {
  const { adminPort, apiKeys } = await loadClientConfig(env, cwd);
  if (url === undefined && adminPort === 0) throw noUrl('OFFHOOK_ADMIN_PORT');
  const baseUrl = (url ?? `http://127.0.0.1:${adminPort}`).replace(/\/+$/, '');
  const key = apiKeys.find(({ role }) => reaches(role, 'operator')) ?? apiKeys[0];
  const headers: Readonly<Record<string, string>> = key ? { authorization: `Bearer ${key.key.reveal()}` } : {};
  return {
    async ask(method, path, shape, signal) {
      const { status, text } = await withDeadline(systemClock, TIMEOUT_MS, 'server.answer_timeout', signal, (within) =>
        exchange(`${baseUrl}${path}`, { method, headers, signal: within }),
      );
      const value = parseJson(text);
      if (status >= 400) throw refusal(baseUrl, status, value);
      const judged = shape.safeParse(value);
      if (judged.success) return judged.data;
      throw refused('unavailable', baseUrl, status);
    },
  };
}

async function exchange(url: string, init: RequestInit): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const answer = await fetch(url, init);
    return { status: answer.status, text: await answer.text() };
  } catch (thrown) {
    if (init.signal?.aborted) throw init.signal.reason;
    throw unreachable(new URL(url).origin, thrown);
  }
}

/** The server's own Fault as it was there, as far as it tells. */
function refusal(baseUrl: string, status: number, value: unknown): Fault {
  const { data } = problem.safeParse(value);
  const kind = kindOf(status);
  if (data?.code === undefined || data.detail === undefined) return refused(kind, baseUrl, status);
  const { code, detail, effect, fixes } = data;
  return new Fault(kind, code, detail, { ...(effect !== undefined && { effect }), ...(fixes && { fixes }) });
}

function refused(kind: FaultKind, baseUrl: string, status: number): Fault {
  return new Fault(kind, 'server.refused', `expected offhook to answer at ${baseUrl}, got status ${status}`, {
    fixes: ['give the admin port: --url http://127.0.0.1:8081', 'set OFFHOOK_API_KEY to a key of that server'],
  });
}

const KINDS = Object.entries(FAULT_POLICY);

function kindOf(status: number): FaultKind {
  const [kind] = KINDS.find(([, { http }]) => http === status) ?? [];
  return isKind(kind) ? kind : 'unavailable';
}

function isKind(text: string | undefined): text is FaultKind {
  return text !== undefined && Object.hasOwn(FAULT_POLICY, text);
}
