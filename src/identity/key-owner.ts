import { type Identity, type Role, roles } from '../domain/vocabulary.ts';

/** The fields of a stored key and its user that authentication reads. Rows written by hand may hold any text. */
export interface KeyOwner {
  readonly keyId: number;
  readonly hash: string;
  readonly expiresAt: string | null;
  readonly userId: number;
  readonly role: string;
  readonly status: string;
}

/** A whole key, from memory: stored are only its hash and its beginning. */
export interface KeyInUse {
  readonly key: string;
  readonly identity: Identity;
}

/** An unknown role has the fewest rights. */
export const identityOf = ({ keyId, userId, role }: KeyOwner): Identity => ({
  keyId,
  userId,
  role: roles.find(known => known === role) ?? ('gateway_user' satisfies Role),
});

export const neverMs = Number.POSITIVE_INFINITY;

/** Wall-clock milliseconds. An expiry that cannot be read has passed: a slip must not make a key eternal. */
export function expiryMs(expiresAt: string | null): number {
  if (expiresAt === null) return neverMs;
  const text = expiresAt.trim().replace(' ', 'T');
  const hasZone = /(Z|[+-]\d\d:\d\d)$/i.test(text);
  const ms = Date.parse(hasZone || !text.includes('T') ? text : `${text}Z`);
  return Number.isNaN(ms) ? Number.NEGATIVE_INFINITY : ms;
}

/** Whether requests with a key are let in, and if not why. */
export const keyStates = ['active', 'expired', 'user_inactive'] as const;
export type KeyState = (typeof keyStates)[number];

export function keyState({ status, expiresAt }: Pick<KeyOwner, 'status' | 'expiresAt'>, now: Date): KeyState {
  if (now.getTime() >= expiryMs(expiresAt)) return 'expired';
  return status === 'active' ? 'active' : 'user_inactive';
}

export const isUsable = (owner: KeyOwner, now: Date): boolean => keyState(owner, now) === 'active';
