import { Fault } from '../std/fault.ts';
import type { Switches } from './switches.ts';

/** Where a server is dialled. */
export interface Target {
  /** `http(s)://host:port`, perhaps with a path in front of ours; ws and wss are taken for http and https. */
  readonly baseUrl: string;
  /** The secret segment of the socket's path, when the server has one. */
  readonly socketSecret?: string;
  /** Query of the configured socket URL, without its question mark. */
  readonly query?: string;
}

/**
 * The address Retell would dial for this call.
 *
 * @throws Fault `simulator.bad_url`
 */
export function socketUrl(target: Target, callId: string, switches: Switches): string {
  const base = webUrl(target, '/llm-websocket').replace(/^http/, 'ws');
  const path = target.socketSecret ? `${base}/${encodeURIComponent(target.socketSecret)}` : base;
  if (!target.query) return `${path}/${callId}`;
  return switches.callIdWithQuery === 'before'
    ? `${path}/${callId}?${target.query}`
    : `${path}?${target.query}/${callId}`;
}

/**
 * An HTTP address of the server.
 *
 * @throws Fault `simulator.bad_url`
 */
export function webUrl(target: Target, path: string): string {
  const text = target.baseUrl.replace(/^ws/, 'http').replace(/\/+$/, '');
  if (!URL.canParse(text) || !/^https?:\/\//.test(text)) {
    throw new Fault('invalid', 'simulator.bad_url', 'expected the URL of a server, like http://127.0.0.1:8080', {
      detail: { length: target.baseUrl.length },
      fixes: ['give the server as http://host:port'],
    });
  }
  return `${text}${path}`;
}
