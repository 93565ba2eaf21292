import type { Kysely } from 'kysely';
import { legible } from '../db/legible.ts';
import { recorded } from '../db/recorded.ts';
import { type Database, type ProviderKeyRow, providerKeyRow } from '../db/schema.ts';
import { type NewKey, now, type Writing, writingProviders } from './provider-rows-store.ts';
import type { SealedKey } from './sealing.ts';

/** The rows of provider_keys. */
export class ProviderKeysStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** `replaces`: all others of its provider go. */
  async add(key: NewKey, { replaces, ...by }: Writing & { readonly replaces: boolean }): Promise<ProviderKeyRow> {
    return writingProviders(this.#db, by, async trx => {
      if (replaces) await trx.deleteFrom('provider_keys').where('provider', '=', key.provider).execute();
      return trx.insertInto('provider_keys').values(key).returningAll().executeTakeFirstOrThrow();
    });
  }

  /** Null: there is no such key. `why` of null brings it back. */
  async setAside(provider: string, id: string, why: string | null, by: Writing): Promise<ProviderKeyRow | null> {
    return writingProviders(this.#db, by, async trx => {
      const set = { set_aside_at: why === null ? null : now, why, updated_at: now };
      const changed = trx.updateTable('provider_keys').set(set).where('id', '=', id).where('provider', '=', provider);
      return (await changed.returningAll().executeTakeFirst()) ?? null;
    });
  }

  /** False: there is no such key. */
  async remove(provider: string, id: string, by: Writing): Promise<boolean> {
    return writingProviders(this.#db, by, async trx => {
      const removed = trx.deleteFrom('provider_keys').where('id', '=', id).where('provider', '=', provider);
      return (await removed.executeTakeFirst()).numDeletedRows > 0n;
    });
  }

  /** Writes all keys anew in one transaction. `sealed` answers null for one that stays as it is; it may throw. */
  async reseal(
    sealed: (row: ProviderKeyRow) => SealedKey | null,
    actor: string,
  ): Promise<{ readonly resealed: number; readonly unchanged: number }> {
    return recorded(this.#db, { actor, lock: 'providers' }, async trx => {
      const rows = await trx.selectFrom('provider_keys').selectAll().orderBy('id').forUpdate().execute();
      let resealed = 0;
      for (const row of legible(providerKeyRow, rows)) {
        const next = sealed(row);
        if (next === null) continue;
        const changed = trx.updateTable('provider_keys').set({ ...next, updated_at: now });
        await changed.where('id', '=', row.id).execute();
        resealed++;
      }
      return { resealed, unchanged: rows.length - resealed };
    });
  }
}
