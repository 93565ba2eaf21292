import type { Kysely } from 'kysely';
import type { Database } from '../db/schema.ts';
import type { KeyOwner } from './key-owner.ts';

/** A key as it is stored, with who has it. */
export interface StoredKey extends KeyOwner {
  /** Its first characters. */
  readonly beginning: string;
}

/** A page of all keys in order of id. */
export const readKeys = async (db: Kysely<Database>, afterId: number, limit: number): Promise<StoredKey[]> => {
  const keys = await db
    .selectFrom('api_keys')
    .innerJoin('users', 'users.id', 'api_keys.user_id')
    .select([
      'api_keys.id as keyId',
      'api_keys.key_hash as hash',
      'api_keys.key_prefix as beginning',
      'api_keys.expires_at as expiresAt',
      'users.id as userId',
      'users.role as role',
      'users.status as status',
    ])
    .where('api_keys.id', '>', afterId)
    .orderBy('api_keys.id')
    .limit(limit)
    .execute();
  // Older tables may hold nothing there (db/legible.ts).
  return keys.map(key => ({ ...key, beginning: key.beginning ?? '' }));
};
