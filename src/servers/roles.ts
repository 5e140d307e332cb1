import type { Secret } from '../std/secret.ts';

/** What a key lets its holder do, each with all before it: look, act on calls, everything else. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A key that clients of the service layer present as `Authorization: Bearer`. */
export interface ApiKey {
  readonly role: Role;
  /** It also opens what was said: words are personal, and no role has them by itself. */
  readonly hasPrivacy: boolean;
  readonly key: Secret;
}

/** Whether who has this role may do what wants that one. */
export function reaches(has: Role, wanted: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(wanted);
}
