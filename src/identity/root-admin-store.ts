import type { Kysely, Transaction } from 'kysely';
import { writing } from '../db/clash.ts';
import type { ApiKeyRow, Database, UserRow } from '../db/schema.ts';
import { keyOfAnother, wrongRole } from './identity-fault.ts';
import { findByEmail, insertUserIfFree, type NewKeyRow } from './identity-store.ts';

/** The admin that there is from the first start on, in either database. */
export class RootAdminStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Returns whether a root admin exists, and has a key. */
  async rootAccess(): Promise<'nobody' | 'keyless' | 'keyed'> {
    const { admins, keys } = await this.#db
      .selectFrom('users')
      .leftJoin('api_keys', 'api_keys.user_id', 'users.id')
      .select(eb => [eb.fn.count('users.id').as('admins'), eb.fn.count('api_keys.id').as('keys')])
      .where('users.role', '=', 'root_admin')
      .where('users.status', '=', 'active')
      .executeTakeFirstOrThrow();
    if (Number(admins) === 0) return 'nobody';
    return Number(keys) === 0 ? 'keyless' : 'keyed';
  }

  /** Whether `installRootKey` would find nothing to do. Reads only: a database that takes no writes may be asked. */
  async hasRootKey(email: string, { key_hash, key_prefix }: NewKeyRow): Promise<boolean> {
    const stored = await this.#db
      .selectFrom('api_keys')
      .innerJoin('users', 'users.id', 'api_keys.user_id')
      .select(['users.email', 'users.role', 'users.status', 'api_keys.expires_at', 'api_keys.key_prefix'])
      .where('api_keys.key_hash', '=', key_hash)
      .executeTakeFirst();
    if (stored === undefined || stored.role !== 'root_admin' || stored.status !== 'active') return false;
    return stored.email?.toLowerCase() === email && stored.expires_at === null && stored.key_prefix === key_prefix;
  }

  /**
   * Makes `email` an active root admin and `key` theirs, whatever of it exists already; several
   * gateways may do so at once. Answers whether they were inactive. Throws IdentityFault, and then
   * nothing was written.
   */
  async installRootKey(email: string, key: NewKeyRow, now: string): Promise<{ reactivated: boolean }> {
    return this.#installing(async trx => {
      const { admin, isNew } = await findOrInsertRoot(trx, email);
      const stored = (await findKey(trx, key.key_hash)) ?? (await insertRootKey(trx, key, admin));
      if (stored.user_id !== admin.id) throw keyOfAnother(email, stored.user_id);
      // Earlier versions have stored more of its beginning.
      if (stored.expires_at !== null || stored.key_prefix !== key.key_prefix) {
        await trx
          .updateTable('api_keys')
          .set({ expires_at: null, key_prefix: key.key_prefix, updated_at: now })
          .where('id', '=', stored.id)
          .execute();
      }
      return { reactivated: !isNew && (await activate(trx, admin.id, now)) };
    });
  }

  /**
   * The same for a newly created key, by whichever gateway is first: the others find an active root admin and learn
   * that their key was not stored.
   */
  async installFirstRootKey(email: string, key: NewKeyRow, now: string): Promise<{ stored: boolean }> {
    return this.#installing(async trx => {
      const { admin, isNew } = await findOrInsertRoot(trx, email);
      const stored = isNew || (await activate(trx, admin.id, now));
      if (stored) await insertRootKey(trx, key, admin);
      return { stored };
    });
  }

  /** If another gateway was first, this runs again and finds its rows. */
  #installing<T>(install: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
    const transaction = () => this.#db.transaction().execute(install);
    return writing(this.#db, transaction, transaction);
  }
}

async function findOrInsertRoot(
  trx: Transaction<Database>,
  email: string,
): Promise<{ admin: UserRow; isNew: boolean }> {
  const inserted = await insertUserIfFree(trx, { email, role: 'root_admin', display_name: null });
  if (inserted) return { admin: inserted, isNew: true };
  const admin = await findByEmail(trx, email);
  if (!admin) throw new Error(`cannot insert or find the user ${email}`);
  if (admin.role !== 'root_admin') throw wrongRole(email, admin.role);
  return { admin, isNew: false };
}

const rootKeyColumns = ['id', 'user_id', 'expires_at', 'key_prefix'] as const;
type StoredRootKey = Pick<ApiKeyRow, (typeof rootKeyColumns)[number]>;

const findKey = (trx: Transaction<Database>, hash: string): Promise<StoredRootKey | undefined> =>
  trx.selectFrom('api_keys').select(rootKeyColumns).where('key_hash', '=', hash).executeTakeFirst();

const insertRootKey = (trx: Transaction<Database>, key: NewKeyRow, { id }: UserRow): Promise<StoredRootKey> =>
  trx
    .insertInto('api_keys')
    .values({ ...key, user_id: id, scopes: null, expires_at: null })
    .returning(rootKeyColumns)
    .executeTakeFirstOrThrow();

const activate = async (trx: Transaction<Database>, id: number, now: string): Promise<boolean> =>
  (await trx
    .updateTable('users')
    .set({ status: 'active', updated_at: now })
    .where('id', '=', id)
    .where('status', '!=', 'active')
    .returning('id')
    .executeTakeFirst()) !== undefined;
