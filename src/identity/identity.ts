import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { sought } from '../db/answered.ts';
import type { Database, UserRow } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import type { StoredChange } from '../domain/peers.ts';
import type { Identity } from '../domain/vocabulary.ts';
import type { Events } from '../telemetry/events.ts';
import {
  Accounts,
  type FoundKey,
  type KeyList,
  type NewKey,
  type NewUser,
  type ShownKey,
  type UserChange,
} from './accounts.ts';
import { AdminKeeper } from './admin-keeper.ts';
import { hashKey } from './api-key.ts';
import { IdentityFault } from './identity-fault.ts';
import { type EstimateRows, IdentityStore, type KeyFilter, type Page, type UserFilter } from './identity-store.ts';
import { identityOf, isUsable, type KeyInUse, keyStates } from './key-owner.ts';
import { KeyRing } from './key-ring.ts';
import { type AdminConfig, ensureAdmin } from './root-admin.ts';
import { RootAdminStore } from './root-admin-store.ts';
import type { Session } from './sessions/session-ring.ts';
import { SessionStore } from './sessions/session-store.ts';
import { type SessionRules, Sessions } from './sessions/sessions.ts';
import { readKeys, type StoredKey } from './stored-keys-store.ts';

export {
  type AdminConfig,
  type FoundKey,
  IdentityFault,
  type KeyInUse,
  keyStates,
  type NewKey,
  type NewUser,
  type Page,
  type Session,
  type Sessions,
  type ShownKey,
  type UserChange,
};

export interface IdentitiesParts {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'warn' | 'error'>;
  readonly auth: { readonly cacheTtlMs: number; readonly staleMaxMs: number };
  readonly console: SessionRules;
  /** The id of the mapping that a key matches, so that no key is drawn that matches one by chance. */
  readonly matching: (key: string) => number | null;
  /** Absent: all totals are counted. */
  readonly estimateRows?: EstimateRows;
  /** Called for each change that other processes must hear of before it is answered. */
  readonly onWrite?: ((change: StoredChange) => void) | undefined;
}

/** A key and as much of it as this gateway knows. */
interface CountedKey extends StoredKey {
  /** Null: not seen since the start. */
  readonly key: string | null;
}

const keysPerPage = 500;
const keysPerTurn = 5_000;

/** Lets others run meanwhile: there may be 100,000 of them. */
async function keysByHash(seen: Iterable<{ key: string; hash: string }>): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const { key, hash } of seen) {
    keys.set(hash, key);
    if (keys.size % keysPerTurn === 0) await nextTurn();
  }
  return keys;
}

/** Users, keys and sessions: authenticates keys and tokens of sessions, and changes them for admins. */
export class Identities {
  readonly #store: IdentityStore;
  readonly #ring: KeyRing;
  readonly #accounts: Accounts;
  readonly #parts: IdentitiesParts;
  #keeper: AdminKeeper | null = null;
  /** Of the console. */
  readonly sessions: Sessions;

  constructor(parts: IdentitiesParts) {
    const { db, clock, events, auth, console: rules, matching } = parts;
    this.#parts = parts;
    this.#store = new IdentityStore(db, parts.estimateRows);
    this.#ring = new KeyRing({ findOwners: hashes => this.#store.findOwners(hashes), clock, events, ...auth });
    const store = new SessionStore(db);
    const authenticate = (key: string) => this.#ring.authenticate(key);
    const onWrite = parts.onWrite ?? (() => {});
    this.sessions = new Sessions({ store, clock, events, auth, rules, authenticate, onWrite });
    const written = (change: StoredChange) => {
      this.hear(change);
      onWrite(change);
    };
    const ring = {
      admit: (key: string) => {
        this.#ring.admit(key);
        onWrite({ of: 'keys' });
      },
      forgetKey: (id: number) => written({ of: 'key', id }),
      forgetUser: (id: number) => written({ of: 'user', id }),
    };
    this.#accounts = new Accounts({ store: this.#store, clock, matching, ring });
  }

  /** Synchronous for a key in use, a promise for a new one. 401 for an invalid key, 503 if it cannot be checked. */
  authenticate(key: string): Identity | Promise<Identity> {
    return this.#ring.authenticate(key);
  }

  /** Returns the owner of this key; null if it is invalid. Remembers nothing of it. */
  async ownerOf(key: string): Promise<Identity | null> {
    const [owner] = await this.#store.findOwners([hashKey(key)]);
    return owner !== undefined && isUsable(owner, this.#parts.clock.date()) ? identityOf(owner) : null;
  }

  /** The keys that were presented since the start, as far as they are held, and how many keys there are. */
  async census(): Promise<{ keys: KeyInUse[]; total: number }> {
    const stored = await this.#store.countUsableKeys(this.#parts.clock.date().toISOString());
    const keys = this.#ring.inUse();
    return { keys, total: Math.max(stored, keys.length) };
  }

  /**
   * All keys that are good now, page by page: whole where they were seen since the start, else only their
   * beginning, for no more of them is stored.
   */
  async *knownKeys(): AsyncGenerator<CountedKey[]> {
    const seen = await keysByHash(this.#ring.seen());
    for (let page = await readKeys(this.#parts.db, 0, keysPerPage); ; ) {
      const last = page.at(-1);
      if (last === undefined) return;
      const now = this.#parts.clock.date();
      yield page.filter(key => isUsable(key, now)).map(key => ({ ...key, key: seen.get(key.hash) ?? null }));
      if (page.length < keysPerPage) return;
      page = await readKeys(this.#parts.db, last.keyId, keysPerPage);
    }
  }

  /** Forgets what was written by this process or another one; it is asked for again when it is used. */
  hear(change: StoredChange): void {
    const memories = [this.#ring, this.sessions];
    if (change.of === 'key') for (const memory of memories) memory.forgetKey(change.id);
    if (change.of === 'user') for (const memory of memories) memory.forgetUser(change.id);
    if (change.of === 'session') this.sessions.forget(change.hash);
    if (change.of === 'keys') this.#ring.admitAll();
  }

  /** Called when users or keys have changed. Never rejects. */
  async refresh(): Promise<void> {
    await Promise.all([this.#ring.refresh(), this.sessions.refresh(), this.sessions.clear()]);
  }

  /** Answers a key to be shown, once, if one had to be drawn. Throws IdentityFault. */
  async ensureAdmin(config: AdminConfig): Promise<string | null> {
    const { db, clock, events } = this.#parts;
    return ensureAdmin({ store: new RootAdminStore(db), clock, events }, config);
  }

  /** Runs at every start. `show` receives a newly created key. A read-only database is retried in the background. */
  keepAdmin(config: AdminConfig, show: (key: string) => void): Promise<void> {
    const { clock, events } = this.#parts;
    this.#keeper?.stop();
    this.#keeper = new AdminKeeper({ ensure: () => this.ensureAdmin(config), show, clock, events });
    return this.#keeper.begin();
  }

  /** Nothing is tried again from now on. Resolves when no key and no session is read again any more. */
  async stop(): Promise<void> {
    this.#keeper?.stop();
    await Promise.all([this.#ring.stop(), this.sessions.stop()]);
  }

  createUser(actor: Identity, user: NewUser): Promise<UserRow> {
    return this.#accounts.createUser(actor, user);
  }

  listUsers(actor: Identity, filter: UserFilter, page: Page): Promise<{ users: UserRow[]; total: number }> {
    return sought(this.#accounts.listUsers(actor, filter, page), { users: [], total: 0 });
  }

  findUser(actor: Identity, id: number): Promise<UserRow> {
    return this.#accounts.findUser(actor, id);
  }

  updateUser(actor: Identity, id: number, change: UserChange): Promise<UserRow> {
    return this.#andClear(this.#accounts.updateUser(actor, id, change));
  }

  createKey(actor: Identity, key: NewKey): Promise<ShownKey & { key: string }> {
    return this.#accounts.createKey(actor, key);
  }

  listKeys(actor: Identity, filter: KeyFilter, page: Page): Promise<KeyList> {
    return sought(this.#accounts.listKeys(actor, filter, page), { api_keys: [], total: 0 });
  }

  findKey(actor: Identity, hash: string): Promise<FoundKey> {
    return this.#accounts.findKey(actor, hash);
  }

  deleteKey(actor: Identity, id: number): Promise<void> {
    return this.#andClear(this.#accounts.deleteKey(actor, id));
  }

  nameOf(actor: Identity): Promise<string> {
    return this.#accounts.nameOf(actor);
  }

  /** Sessions that this has ended. */
  async #andClear<T>(change: Promise<T>): Promise<T> {
    const changed = await change;
    await this.sessions.clear();
    return changed;
  }
}
