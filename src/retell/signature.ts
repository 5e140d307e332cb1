import { createHmac, timingSafeEqual } from 'node:crypto';

/** Retell signs at most this far from now, in both directions. */
const FRESH_WITHIN_MS = 5 * 60 * 1000;

// No leading zero and lower case only: one signature has exactly one spelling, so a replay store can key on it.
const HEADER = /^v=([1-9]\d{0,15}),d=([0-9a-f]{64})$/;

/** Why a signature was not accepted; the wire never says which. */
export type SignatureVerdict = 'valid' | 'missing' | 'malformed' | 'expired' | 'mismatch';

/**
 * The `x-retell-signature` header Retell would send with this body.
 *
 * @param rawBody the bytes exactly as they leave; requests without a body sign the empty string
 * @param atMs    wall clock, epoch milliseconds
 * @source retell-sdk 5.66.1 lib/webhook_auth.js: HMAC-SHA256(key, body + timestamp)
 */
export function sign(rawBody: string | Buffer, key: string, atMs: number): string {
  const version = String(Math.trunc(atMs));
  return `v=${version},d=${digestOf(rawBody, key, version).toString('hex')}`;
}

/**
 * Says whether Retell signed this request within the last five minutes. Never throws.
 *
 * @param rawBody the bytes as received, before any JSON parsing
 * @param header  `x-retell-signature`: `v=<epoch ms>,d=<64 lower-case hex digits>`
 * @param keys    the webhook keys, two while one is being rotated; an empty key never matches
 * @param nowMs   wall clock, epoch milliseconds
 */
export function verifySignature(
  rawBody: Buffer,
  header: string | undefined,
  keys: readonly string[],
  nowMs: number,
): SignatureVerdict {
  if (header === undefined || header === '') return 'missing';
  const [, version, digest] = HEADER.exec(header) ?? [];
  if (version === undefined || digest === undefined) return 'malformed';
  if (Math.abs(nowMs - Number(version)) > FRESH_WITHIN_MS) return 'expired';
  const claimed = Buffer.from(digest, 'hex');
  let isValid = false;
  // Every key is tried even after a match: the time taken tells nothing about which key it was.
  for (const key of keys) {
    const matches = timingSafeEqual(claimed, digestOf(rawBody, key, version));
    isValid = (matches && key !== '') || isValid;
  }
  return isValid ? 'valid' : 'mismatch';
}

/** When Retell signed a request whose signature is valid, epoch milliseconds; 0 for a header that has no time. */
export function signedAtMs(header: string | undefined): number {
  return Number(HEADER.exec(header ?? '')?.[1] ?? 0);
}

function digestOf(rawBody: string | Buffer, key: string, version: string): Buffer {
  return createHmac('sha256', key).update(rawBody).update(version).digest();
}
