import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** Tells equal values apart from others after they are forgotten: 64 hex digits, of no use under another salt. */
export function fingerprint(salt: string, value: unknown): string {
  return createHash('sha256')
    .update(`${salt}\n${canonicalJson(value)}`)
    .digest('hex');
}
