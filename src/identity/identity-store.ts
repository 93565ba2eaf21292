import { type Kysely, type SelectQueryBuilder, sql, type Transaction } from 'kysely';
import { isAbout, refused, writing } from '../db/clash.ts';
import { legible } from '../db/legible.ts';
import { retried } from '../db/retried.ts';
import { type ApiKeyRow, apiKeyRow, type Database, type UserRow, userRow } from '../db/schema.ts';
import type { KeyOwner } from './key-owner.ts';

/** A key as it may be shown: without its hash. */
export type ShownKeyRow = Omit<ApiKeyRow, 'key_hash'>;
type ListedKeyRow = ShownKeyRow & { readonly user_email: string };
type FoundKeyRow = ListedKeyRow & { readonly user_status: string };

export interface Page {
  readonly limit: number;
  readonly offset: number;
}

export interface UserFilter {
  /** Somewhere in the e-mail or the display name, in whatever case. */
  readonly q?: string | undefined;
  readonly role?: string | undefined;
  readonly status?: string | undefined;
}

export interface KeyFilter {
  readonly user_id?: number | undefined;
  /** The beginning of the key, as far as it is stored. */
  readonly q?: string | undefined;
}

export type UserPatch = Partial<Pick<UserRow, 'role' | 'status' | 'display_name'>>;

export interface KeyPage {
  readonly keys: ListedKeyRow[];
  readonly total: number;
  /** `total` is about right: there are too many to be counted for each look. */
  readonly isEstimated: boolean;
}

/** Estimates the number of rows of a query, if the database can do so without reading them. */
export type EstimateRows = (query: WantedKeys) => Promise<number>;
type WantedKeys = SelectQueryBuilder<Database, 'api_keys' | 'users', object>;

/** Up to this many are counted exactly: 1 to 2 ms. */
const mostCounted = 10_000;

type NewUserRow = Pick<UserRow, 'email' | 'role' | 'display_name'>;

export interface NewKeyRow {
  readonly key_hash: string;
  readonly key_prefix: string;
}

const userColumns = ['id', 'email', 'role', 'display_name', 'status', 'created_at', 'updated_at'] as const;
const keyColumns = [
  'api_keys.id',
  'api_keys.user_id',
  'api_keys.key_prefix',
  'api_keys.scopes',
  'api_keys.expires_at',
  'api_keys.created_at',
  'api_keys.updated_at',
] as const;

/** SQLite's LIKE has no escape of its own, and its lower() knows the letters of ASCII. */
const holds = (column: string, text: string) =>
  sql<boolean>`lower(${sql.ref(column)}) LIKE lower(${`%${text.replaceAll(/[\\%_]/g, '\\$&')}%`}) ESCAPE '\\'`;
const beginsWith = (column: string, text: string) =>
  sql<boolean>`substr(${sql.ref(column)}, 1, ${[...text].length}) = ${text}`;

/** Users and keys in either database; every statement is one that both understand. */
export class IdentityStore {
  readonly #db: Kysely<Database>;
  readonly #estimate: EstimateRows | null;

  /** Without `estimate` all totals are counted. */
  constructor(db: Kysely<Database>, estimate: EstimateRows | null = null) {
    this.#db = db;
    this.#estimate = estimate;
  }

  async findOwners(hashes: readonly string[]): Promise<KeyOwner[]> {
    return this.#db
      .selectFrom('api_keys')
      .innerJoin('users', 'users.id', 'api_keys.user_id')
      .select([
        'api_keys.id as keyId',
        'api_keys.key_hash as hash',
        'api_keys.expires_at as expiresAt',
        'users.id as userId',
        'users.role as role',
        'users.status as status',
      ])
      .where('api_keys.key_hash', 'in', hashes)
      .execute();
  }

  /** Keys that are neither expired nor an inactive user's. */
  async countUsableKeys(now: string): Promise<number> {
    const { total } = await this.#db
      .selectFrom('api_keys')
      .innerJoin('users', 'users.id', 'api_keys.user_id')
      .select(row => row.fn.countAll().as('total'))
      .where('users.status', '=', 'active')
      .where(key => key.or([key('expires_at', 'is', null), key('expires_at', '>', now)]))
      .executeTakeFirstOrThrow();
    return Number(total);
  }

  /** Null when the e-mail is taken, in whatever case it was written. */
  async insertUser(user: NewUserRow): Promise<UserRow | null> {
    const insert = (trx: Transaction<Database>) => insertUserIfFree(trx, user);
    // A concurrent write may have come first.
    return writing(
      this.#db,
      () => this.#db.transaction().execute(insert),
      clash => (isAbout(clash, 'email') ? null : refused(clash)),
    );
  }

  async findUser(id: number): Promise<UserRow | null> {
    const user = this.#db.selectFrom('users').select(userColumns).where('id', '=', id);
    return legible(userRow, await user.execute())[0] ?? null;
  }

  /** `managed`: the one role that the list is of; null means any. */
  async listUsers(
    managed: string | null,
    { q, role, status }: UserFilter,
    { limit, offset }: Page,
  ): Promise<{ users: UserRow[]; total: number }> {
    let wanted = this.#db.selectFrom('users');
    if (managed !== null) wanted = wanted.where('role', '=', managed);
    if (role !== undefined) wanted = wanted.where('role', '=', role);
    if (status !== undefined) wanted = wanted.where('status', '=', status);
    if (q !== undefined) wanted = wanted.where(user => user.or([holds('email', q), holds('display_name', q)]));
    const users = await wanted.select(userColumns).orderBy('id').limit(limit).offset(offset).execute();
    const { total } = await wanted.select(eb => eb.fn.countAll().as('total')).executeTakeFirstOrThrow();
    return { users: legible(userRow, users), total: Number(total) };
  }

  /**
   * Writes the patch unless the user's role or status is no longer as `seen` ('changed'), or no
   * active root admin would remain ('last_root_admin').
   */
  async updateUser(seen: UserRow, patch: UserPatch, now: string): Promise<UserRow | 'changed' | 'last_root_admin'> {
    const after = { ...seen, ...patch };
    const update = async (trx: Transaction<Database>) => {
      if (isActiveRoot(seen) && !isActiveRoot(after)) {
        const others = (await lockActiveRoots(trx)).filter(({ id }) => id !== seen.id);
        if (others.length === 0) return 'last_root_admin';
      }
      const updated = await trx
        .updateTable('users')
        .set({ ...patch, updated_at: now })
        .where('id', '=', seen.id)
        .where('role', '=', seen.role)
        .where('status', '=', seen.status)
        .returning(userColumns)
        .executeTakeFirst();
      return updated ?? 'changed';
    };
    return writing(this.#db, () => this.#db.transaction().execute(update));
  }

  async insertKey(key: NewKeyRow & Pick<ApiKeyRow, 'user_id' | 'scopes' | 'expires_at'>): Promise<ShownKeyRow> {
    const insert = () => this.#db.insertInto('api_keys').values(key).returning(keyColumns).executeTakeFirstOrThrow();
    return writing(this.#db, insert);
  }

  /** `managed` as for users. The total of a list with a filter is exact. */
  async listKeys(managed: string | null, { user_id, q }: KeyFilter, { limit, offset }: Page): Promise<KeyPage> {
    let wanted = this.#db.selectFrom('api_keys').innerJoin('users', 'users.id', 'api_keys.user_id');
    if (managed !== null) wanted = wanted.where('users.role', '=', managed);
    if (user_id !== undefined) wanted = wanted.where('api_keys.user_id', '=', user_id);
    if (q !== undefined) wanted = wanted.where(beginsWith('api_keys.key_prefix', q));
    const keys = await wanted
      .select([...keyColumns, 'users.email as user_email'])
      .orderBy('api_keys.id')
      .limit(limit)
      .offset(offset)
      .execute();
    const shown = legible(apiKeyRow, keys);
    const isFiltered = user_id !== undefined || q !== undefined;
    const isBeyond = keys.length === 0 && offset > 0;
    if (this.#estimate !== null && !isFiltered && !isBeyond && (await this.#areMany(wanted))) {
      const seen = offset + keys.length;
      // The last page gives the total; a full page may have others after it.
      if (keys.length < limit) return { keys: shown, total: seen, isEstimated: false };
      return { keys: shown, total: Math.max(seen, await this.#estimate(wanted)), isEstimated: true };
    }
    const { total } = await wanted.select(eb => eb.fn.countAll().as('total')).executeTakeFirstOrThrow();
    return { keys: shown, total: Number(total), isEstimated: false };
  }

  async #areMany(wanted: WantedKeys): Promise<boolean> {
    const { count } = await this.#db
      .selectFrom(
        wanted
          .select('api_keys.id')
          .limit(mostCounted + 1)
          .as('some'),
      )
      .select(eb => eb.fn.countAll().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count) > mostCounted;
  }

  /** Null where no key has this hash. `managed` as for users. */
  async findKey(managed: string | null, hash: string): Promise<FoundKeyRow | null> {
    let wanted = this.#db.selectFrom('api_keys').innerJoin('users', 'users.id', 'api_keys.user_id');
    if (managed !== null) wanted = wanted.where('users.role', '=', managed);
    const found = await wanted
      .select([...keyColumns, 'users.email as user_email', 'users.status as user_status'])
      .where('api_keys.key_hash', '=', hash)
      .executeTakeFirst();
    return found ?? null;
  }

  /** The role of the user whose key this is. */
  async findKeyOwnerRole(keyId: number): Promise<string | null> {
    const owner = await this.#db
      .selectFrom('api_keys')
      .innerJoin('users', 'users.id', 'api_keys.user_id')
      .select('users.role')
      .where('api_keys.id', '=', keyId)
      .executeTakeFirst();
    return owner?.role ?? null;
  }

  async deleteKey(id: number): Promise<boolean> {
    const deletion = this.#db.deleteFrom('api_keys').where('id', '=', id);
    const { numDeletedRows } = await retried(() => deletion.executeTakeFirst());
    return numDeletedRows > 0n;
  }
}

const isActiveRoot = (user: UserRow): boolean => user.role === 'root_admin' && user.status === 'active';

/** An update that changes nothing locks the rows in both databases; SQLite has no FOR UPDATE. */
const lockActiveRoots = async (trx: Transaction<Database>): Promise<{ id: number }[]> =>
  trx
    .updateTable('users')
    .set(eb => ({ role: eb.ref('role') }))
    .where('role', '=', 'root_admin')
    .where('status', '=', 'active')
    .returning('id')
    .execute();

/** Rows written by hand need not be lower-cased, and one mailbox is one person. */
export const findByEmail = async (trx: Transaction<Database>, email: string): Promise<UserRow | undefined> =>
  trx
    .selectFrom('users')
    .select(userColumns)
    .where(eb => eb(eb.fn('lower', ['email']), '=', email))
    .orderBy('id')
    .executeTakeFirst();

/** Null when the e-mail is taken. */
export const insertUserIfFree = async (trx: Transaction<Database>, user: NewUserRow): Promise<UserRow | null> =>
  (await findByEmail(trx, user.email))
    ? null
    : trx.insertInto('users').values(user).returning(userColumns).executeTakeFirstOrThrow();
