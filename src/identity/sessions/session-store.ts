import type { Kysely } from 'kysely';
import type { ConsoleSessionRow, Database } from '../../db/schema.ts';
import type { Role } from '../../domain/vocabulary.ts';

/** A stored session with its key and user. Without either of them it is invalid. */
export interface StoredSession {
  readonly hash: string;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly expiresAt: string;
  readonly keyId: number;
  readonly keyExpiresAt: string | null;
  readonly userId: number;
  readonly email: string;
  readonly role: string;
  readonly displayName: string | null;
  readonly status: string;
}

/** Sessions of the console in either database. */
export class SessionStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async insert(session: ConsoleSessionRow): Promise<void> {
    await this.#db.insertInto('console_sessions').values(session).execute();
  }

  /** The oldest beyond so many of a user end. Of two at once, the later one sees what both have opened. */
  async endSurplus(userId: number, keep: number): Promise<string[]> {
    const ended = await this.#db
      .deleteFrom('console_sessions')
      .where('user_id', '=', userId)
      .where('token_hash', 'not in', newest =>
        newest
          .selectFrom('console_sessions')
          .select('token_hash')
          .where('user_id', '=', userId)
          .orderBy('created_at', 'desc')
          .orderBy('token_hash', 'desc')
          .limit(keep),
      )
      .returning('token_hash')
      .execute();
    return ended.map(({ token_hash }) => token_hash);
  }

  find(hashes: readonly string[]): Promise<StoredSession[]> {
    return this.#db
      .selectFrom('console_sessions as session')
      .innerJoin('api_keys as key', join =>
        join.onRef('key.id', '=', 'session.key_id').onRef('key.user_id', '=', 'session.user_id'),
      )
      .innerJoin('users as user', 'user.id', 'key.user_id')
      .select([
        'session.token_hash as hash',
        'session.created_at as createdAt',
        'session.last_seen_at as lastSeenAt',
        'session.expires_at as expiresAt',
        'key.id as keyId',
        'key.expires_at as keyExpiresAt',
        'user.id as userId',
        'user.email as email',
        'user.role as role',
        'user.display_name as displayName',
        'user.status as status',
      ])
      .where('session.token_hash', 'in', hashes)
      .execute();
  }

  async findLastSeen(until: string): Promise<string[]> {
    const idle = await this.#db
      .selectFrom('console_sessions')
      .select('token_hash')
      .where('last_seen_at', '<=', until)
      .execute();
    return idle.map(({ token_hash }) => token_hash);
  }

  /** Returns the sessions whose time is over, or whose key or user is no longer valid. */
  async findOver(roles: readonly Role[], now: string): Promise<string[]> {
    const over = await this.#db
      .selectFrom('console_sessions as session')
      .leftJoin('api_keys as key', join =>
        join.onRef('key.id', '=', 'session.key_id').onRef('key.user_id', '=', 'session.user_id'),
      )
      .leftJoin('users as user', 'user.id', 'key.user_id')
      .select('session.token_hash')
      .where(is =>
        is.or([
          is('session.expires_at', '<=', now),
          is('key.expires_at', '<=', now),
          is('user.id', 'is', null),
          is('user.status', '!=', 'active'),
          is('user.role', 'not in', roles),
        ]),
      )
      .execute();
    return over.map(({ token_hash }) => token_hash);
  }

  async seen(hash: string, at: string): Promise<void> {
    await this.#db
      .updateTable('console_sessions')
      .set({ last_seen_at: at })
      .where('token_hash', '=', hash)
      .where('last_seen_at', '<', at)
      .execute();
  }

  async end(hashes: readonly string[]): Promise<void> {
    await this.#db.deleteFrom('console_sessions').where('token_hash', 'in', hashes).execute();
  }

  /** Returns the number of ended sessions. */
  async endAllOf(userId: number): Promise<number> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('console_sessions')
      .where('user_id', '=', userId)
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
}
