import type { Clock } from '../../domain/clock.ts';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { singleFlight } from '../../domain/single-flight.ts';
import { adminRoles, type Identity, type Role } from '../../domain/vocabulary.ts';
import type { Events } from '../../telemetry/events.ts';
import { expiryMs, identityOf } from '../key-owner.ts';
import { hashesPerQuery, Lookups, makeRoom } from '../lookups.ts';
import type { StoredSession } from './session-store.ts';

/** Who is signed in to the console. Moments are wall-clock milliseconds. */
export interface Session {
  readonly hash: string;
  readonly identity: Identity;
  readonly user: {
    readonly id: number;
    readonly email: string;
    readonly role: Role;
    readonly display_name: string | null;
  };
  readonly createdAt: number;
  readonly expiresAt: number;
  /** As far as this gateway knows. */
  readonly lastSeenAt: number;
}

interface KnownSession extends Session {
  lastSeenAt: number;
  /** What the database has of `lastSeenAt`, or was last asked to have. */
  writtenAt: number;
  /** Monotonic: when the question was asked that the database last answered with yes. */
  readonly confirmedAt: number;
}

interface SessionRingParts {
  readonly find: (hashes: readonly string[]) => Promise<StoredSession[]>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'error'>;
  readonly cacheTtlMs: number;
  readonly staleMaxMs: number;
  readonly idleMs: number;
}

const knownAtMost = 2_000;
const waitingAtMost = 2_000;
const retryMs = 1_000;
export const writeSeenEveryMs = 60_000;

const ended = (): GatewayError =>
  errors.invalidApiKey(
    'There is no such session: it was ended, or its key or user may no longer use it. Sign in again.',
  );
const expired = (): GatewayError => errors.invalidApiKey('The session has expired. Sign in again.');

/**
 * The sessions in use, in memory, for the same reasons as the keys: what is going on can be watched
 * while the database is away, and a flood of made-up cookies does not take its connections.
 */
export class SessionRing {
  readonly #parts: SessionRingParts;
  readonly #known = new Map<string, KnownSession>();
  readonly #lookups: Lookups<{ readonly hash: string }, StoredSession, Session>;
  readonly #reread: () => Promise<void>;
  #tryAgainAt = 0;

  constructor(parts: SessionRingParts) {
    this.#parts = parts;
    const { find, clock, events } = parts;
    this.#lookups = new Lookups({
      find,
      settle: ({ hash }, found, { at, isCurrent }) => this.#settle(hash, found, isCurrent ? at : null),
      clock,
      events,
      words: { one: 'session', many: 'sessions' },
      known: () => this.#known.size,
      maxWaiting: waitingAtMost,
    });
    this.#reread = singleFlight(() => this.#rereadAll());
  }

  /** 401 for one that is over, 503 where that cannot be found out. */
  async find(hash: string): Promise<Session> {
    const known = this.#known.get(hash);
    if (known === undefined || this.#isTooStale(known)) return this.#lookups.ask({ hash });
    const now = this.#parts.clock.date().getTime();
    if (now >= known.expiresAt) throw expired();
    // Another gateway may have seen it since.
    return this.#isIdle(known, now) ? this.#lookups.ask({ hash }) : known;
  }

  /** Something was asked in it just now; true, at most once a minute, when that is to be written. */
  seen(hash: string): boolean {
    const known = this.#known.get(hash);
    if (known === undefined) return false;
    known.lastSeenAt = this.#parts.clock.date().getTime();
    const isDue = known.lastSeenAt - known.writtenAt >= writeSeenEveryMs;
    if (isDue) known.writtenAt = known.lastSeenAt;
    return isDue;
  }

  /** As far as this gateway knows. */
  isInUse(hash: string): boolean {
    const known = this.#known.get(hash);
    return known !== undefined && !this.#isIdle(known, this.#parts.clock.date().getTime());
  }

  /** Sessions, keys or users have changed somewhere. Never rejects; without an answer what is known goes on. */
  refresh(): Promise<void> {
    this.#lookups.outdate();
    return this.#reread().catch(() => {});
  }

  forget(isMeant: (session: Session) => boolean): void {
    this.#lookups.outdate();
    for (const session of this.#known.values()) if (isMeant(session)) this.#known.delete(session.hash);
  }

  #isIdle({ lastSeenAt }: Pick<Session, 'lastSeenAt'>, now: number): boolean {
    return now >= lastSeenAt + this.#parts.idleMs;
  }

  /** Has all read again where this one was confirmed longer ago than the TTL, and says if it may still serve. */
  #isTooStale({ confirmedAt }: KnownSession): boolean {
    const { clock, cacheTtlMs, staleMaxMs } = this.#parts;
    const age = clock.now() - confirmedAt;
    if (age > cacheTtlMs && clock.now() >= this.#tryAgainAt) {
      this.#tryAgainAt = clock.now() + retryMs;
      this.#reread().catch(() => {}); // A failure is logged where it is met.
    }
    return age > staleMaxMs;
  }

  async #rereadAll(): Promise<void> {
    const known = [...this.#known.values()];
    for (let start = 0; start < known.length; start += hashesPerQuery) {
      await this.#confirm(known.slice(start, start + hashesPerQuery));
    }
  }

  async #confirm(chunk: readonly KnownSession[]): Promise<void> {
    const askedAt = this.#parts.clock.now();
    const rows = await this.#lookups.read(chunk);
    for (const known of chunk) {
      // Forgotten meanwhile, and perhaps known anew from a later answer.
      if (this.#known.get(known.hash) !== known) continue;
      const session = this.#usable(rows.get(known.hash) ?? null);
      if (session === null) this.#known.delete(known.hash);
      else this.#known.set(known.hash, merged(session, known, askedAt));
    }
  }

  /** `askedAt` null: the answer may be out of date, and is not remembered. */
  #settle(hash: string, found: StoredSession | null, askedAt: number | null): Session {
    const before = this.#known.get(hash);
    this.#known.delete(hash);
    const usable = this.#usable(found);
    if (usable === null) throw ended();
    const session = merged(usable, before, askedAt ?? 0);
    const now = this.#parts.clock.date().getTime();
    if (now >= session.expiresAt || this.#isIdle(session, now)) throw expired();
    if (askedAt !== null) {
      makeRoom(this.#known, knownAtMost);
      this.#known.set(hash, session);
    }
    return session;
  }

  /** Null if key or user are not what they have to be. */
  #usable(stored: StoredSession | null): Session | null {
    if (stored === null || stored.status !== 'active') return null;
    const { hash, keyId, userId, email, displayName } = stored;
    const identity = identityOf({ ...stored, expiresAt: stored.keyExpiresAt });
    const { role } = identity;
    if (role === null || !adminRoles.includes(role)) return null;
    const keyExpiresAt = expiryMs(stored.keyExpiresAt);
    if (this.#parts.clock.date().getTime() >= keyExpiresAt) return null;
    const [createdAt = 0, expiresAt = 0, lastSeenAt = 0] = [stored.createdAt, stored.expiresAt, stored.lastSeenAt].map(
      expiryMs,
    );
    // A row whose moments are missing, or say nothing, is no session.
    if (![createdAt, expiresAt, lastSeenAt].every(Number.isFinite)) return null;
    return {
      hash,
      identity: { keyId, userId, role },
      user: { id: userId, email, role, display_name: displayName },
      createdAt,
      expiresAt: Math.min(expiresAt, keyExpiresAt),
      lastSeenAt,
    };
  }
}

/** As it was read, but last seen when this gateway saw it, where that was later. */
const merged = (read: Session, known: KnownSession | undefined, confirmedAt: number): KnownSession => ({
  ...read,
  lastSeenAt: Math.max(read.lastSeenAt, known?.lastSeenAt ?? 0),
  writtenAt: Math.max(read.lastSeenAt, known?.writtenAt ?? 0),
  confirmedAt,
});
