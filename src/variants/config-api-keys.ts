import { z } from 'zod';
import { type ApiKey, ROLES } from '../servers/roles.ts';
import { Secret } from '../std/secret.ts';

/** Completes "expected ...". */
export const API_KEYS_EXPECTED =
  'role:key pairs whose keys differ and have 16 characters or more; roles are viewer, operator, admin and privacy, or ' +
  'two of them, as in operator+privacy:key';

/** Short keys can be guessed; 16 characters of `openssl rand -base64 12` cannot. */
const FORM = /^((viewer|operator|admin)(\+privacy)?|privacy):\S{16,}$/;

const text = z.string().regex(FORM);

/** Keys with their roles, one or a list. */
export const apiKeysSchema = z
  .union([text.transform((only) => [only]), z.array(text).min(1).max(100)])
  .refine((texts) => new Set(texts.map(keyOf)).size === texts.length)
  .transform((texts) => texts.map(readApiKey));

/** `privacy` alone looks, and reads what was said. */
function readApiKey(pair: string): ApiKey {
  const names = pair.slice(0, pair.indexOf(':')).split('+');
  return {
    role: ROLES.find((role) => names.includes(role)) ?? 'viewer',
    hasPrivacy: names.includes('privacy'),
    key: new Secret(keyOf(pair)),
  };
}

function keyOf(pair: string): string {
  return pair.slice(pair.indexOf(':') + 1);
}
