import type { UserRow } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import { parseInstant } from '../domain/text/instant.ts';
import type { Identity, Role, UserStatus } from '../domain/vocabulary.ts';
import { drawKey, keyColumns } from './api-key.ts';
import { parseEmail } from './email.ts';
import type { IdentityStore, KeyFilter, Page, ShownKeyRow, UserFilter } from './identity-store.ts';
import { type KeyState, keyState } from './key-owner.ts';

export interface NewUser {
  readonly email: string;
  readonly role: Role;
  readonly display_name?: string | null;
}

export interface UserChange {
  readonly role?: Role;
  readonly status?: UserStatus;
  readonly display_name?: string | null;
}

export interface NewKey {
  readonly user_id: number;
  readonly prefix?: string | null;
  readonly scopes?: readonly string[] | null;
  readonly expires_at?: string | null;
}

/** A key as operators see it. */
export type ShownKey = Omit<ShownKeyRow, 'scopes'> & { scopes: string[] | null };
type ListedKey = ShownKey & { readonly user_email: string };
/** `state`: whether requests with it are let in, and if not why. */
export interface KeyList {
  readonly api_keys: ListedKey[];
  readonly total: number;
  readonly total_estimated?: true;
}

export type FoundKey = ListedKey & { readonly state: KeyState };

interface AccountParts {
  readonly store: IdentityStore;
  readonly clock: Clock;
  /** The id of the mapping that a key matches. */
  readonly matching: (key: string) => number | null;
  /** The memory of authentication, which must follow at once. */
  readonly ring: {
    admit(key: string): void;
    forgetKey(keyId: number): void;
    forgetUser(userId: number): void;
  };
}

const draws = 16;

/** The changes of users and keys by admins. A gateway_admin may change gateway_user accounts and their keys only. */
export class Accounts {
  readonly #parts: AccountParts;

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  async createUser(actor: Identity, { email, role, display_name = null }: NewUser): Promise<UserRow> {
    mustManage(actor, role);
    const address = parseEmail(email);
    const user = await this.#parts.store.insertUser({ email: address, role, display_name });
    if (user === null) throw errors.conflict(`There is already a user with the e-mail ${address}.`, 'email');
    return user;
  }

  listUsers(actor: Identity, filter: UserFilter, page: Page): Promise<{ users: UserRow[]; total: number }> {
    return this.#parts.store.listUsers(managedRole(actor), filter, page);
  }

  async findUser(actor: Identity, id: number): Promise<UserRow> {
    const user = await this.#parts.store.findUser(id);
    if (user === null) throw errors.notFound(`There is no user ${id}.`);
    mustManage(actor, user.role);
    return user;
  }

  async updateUser(actor: Identity, id: number, change: UserChange): Promise<UserRow> {
    const { store, clock, ring } = this.#parts;
    const user = await this.findUser(actor, id);
    if (change.role !== undefined) mustManage(actor, change.role);
    if (Object.keys(change).length === 0) return user;

    const updated = await store.updateUser(user, change, clock.date().toISOString());
    if (updated === 'last_root_admin') {
      const param = change.role === undefined ? 'status' : 'role';
      throw errors.conflict('This is the last active root_admin; make another user root_admin first.', param);
    }
    if (updated === 'changed') throw errors.conflict(`User ${id} was changed by somebody else; read it again.`);
    ring.forgetUser(id);
    return updated;
  }

  /** The only time that a key is seen in clear. */
  async createKey(actor: Identity, wish: NewKey): Promise<ShownKey & { key: string }> {
    const { store, ring } = this.#parts;
    const user = await this.findUser(actor, wish.user_id);

    const key = this.#drawWithoutChanceHit(wish.prefix ?? null);
    const row = await store.insertKey({
      ...keyColumns(key),
      user_id: user.id,
      scopes: wish.scopes ? JSON.stringify(wish.scopes) : null,
      expires_at: wish.expires_at ? parseInstant(wish.expires_at, 'expires_at') : null,
    });
    ring.admit(key);
    const { id, ...rest } = shown(row);
    return { id, key, ...rest };
  }

  async listKeys(actor: Identity, filter: KeyFilter, page: Page): Promise<KeyList> {
    const { keys, total, isEstimated } = await this.#parts.store.listKeys(managedRole(actor), filter, page);
    return { api_keys: keys.map(shown), total, ...(isEstimated && { total_estimated: true as const }) };
  }

  /** Returns the key with this hash; the existence of a key outside the actor's rights is not revealed. */
  async findKey(actor: Identity, hash: string): Promise<FoundKey> {
    const { store, clock } = this.#parts;
    const row = await store.findKey(managedRole(actor), hash);
    if (row === null) throw errors.notFound('No API key has this hash.');
    const { user_status, ...key } = row;
    return { ...shown(key), state: keyState({ status: user_status, expiresAt: row.expires_at }, clock.date()) };
  }

  async deleteKey(actor: Identity, id: number): Promise<void> {
    const { store, ring } = this.#parts;
    const role = await store.findKeyOwnerRole(id);
    if (role === null) throw errors.notFound(`There is no API key ${id}.`);
    mustManage(actor, role);
    const isDeleted = await store.deleteKey(id);
    ring.forgetKey(id);
    if (!isDeleted) throw errors.notFound(`There is no API key ${id}.`);
  }

  /** Returns the name of a user in `created_by`. */
  async nameOf({ userId }: Identity): Promise<string> {
    const user = userId === null ? null : await this.#parts.store.findUser(userId);
    return user?.email ?? `user:${userId}`;
  }

  /**
   * A pattern such as `contains: xyz` may match the random part of a key. Two keys of the same
   * fixed part that match differently show it, and are drawn again.
   */
  #drawWithoutChanceHit(prefix: string | null): string {
    const { matching } = this.#parts;
    let byChance: number | null = null;
    for (let draw = 0; draw < draws; draw++) {
      const key = drawKey(prefix);
      const mapping = matching(key);
      const other = matching(drawKey(prefix));
      if (mapping === other) return key;
      byChance = mapping ?? other;
    }
    throw errors.conflict(
      `Mapping ${byChance} matches keys like this one by chance, by their random part: ` +
        'make its pattern longer, or choose another prefix.',
      'prefix',
    );
  }
}

/** The one role whose accounts the actor manages; null means any. */
const managedRole = (actor: Identity): Role | null => (actor.role === 'root_admin' ? null : 'gateway_user');

function mustManage(actor: Identity, role: string): void {
  const managed = managedRole(actor);
  if (managed !== null && managed !== role) {
    throw errors.forbidden(`A ${actor.role} manages ${managed} accounts and their keys only, and this is a ${role}.`);
  }
}

const shown = <Row extends ShownKeyRow>(row: Row): Omit<Row, 'scopes'> & { scopes: string[] | null } => ({
  ...row,
  scopes: row.scopes === null ? null : parseScopes(row.scopes),
});

/** Scopes written by hand may be no JSON; they are shown as they stand. */
function parseScopes(text: string): string[] {
  try {
    const scopes: unknown = JSON.parse(text);
    return Array.isArray(scopes) ? scopes.map(String) : [text];
  } catch {
    return [text];
  }
}
