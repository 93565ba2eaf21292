import type { Clock } from '../../domain/clock.ts';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { adminRoles, type Identity, type Role } from '../../domain/vocabulary.ts';
import type { Events } from '../../telemetry/events.ts';
import { expiryMs, identityOf } from '../key-owner.ts';
import { type Freshness, KnownRows } from '../known-rows.ts';
import type { StoredSession } from './session-store.ts';

/** A sign-in to the console. Moments are wall-clock milliseconds. */
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
  /** As known to this gateway. */
  readonly lastSeenAt: number;
}

interface KnownSession extends Session {
  lastSeenAt: number;
  /** The value of `lastSeenAt` in the database, or in the last write to it. */
  writtenAt: number;
  readonly confirmedAt: number;
}

interface SessionRingParts extends Freshness {
  readonly find: (hashes: readonly string[]) => Promise<StoredSession[]>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'error'>;
  readonly idleMs: number;
}

const atMost = { known: 2_000, waiting: 2_000 };
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
  readonly #known: KnownRows<{ readonly hash: string }, StoredSession, KnownSession, Session>;

  constructor(parts: SessionRingParts) {
    this.#parts = parts;
    this.#known = new KnownRows({
      ...parts,
      words: { one: 'session', many: 'sessions' },
      atMost,
      settle: ({ hash }, found, askedAt) => this.#settle(hash, found, askedAt),
      confirm: (known, found, askedAt) => {
        const session = this.#usable(found);
        return session && merged(session, known, askedAt);
      },
    });
  }

  /** 401 for one that is over, 503 where that cannot be found out. */
  async find(hash: string): Promise<Session> {
    const known = this.#known.get(hash);
    if (known === undefined || this.#known.isTooStale(known)) return this.#known.ask({ hash });
    const now = this.#parts.clock.date().getTime();
    if (now >= known.expiresAt) throw expired();
    // Another gateway may have seen it since.
    return this.#isIdle(known, now) ? this.#known.ask({ hash }) : known;
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

  /** As known to this gateway. */
  isInUse(hash: string): boolean {
    const known = this.#known.get(hash);
    return known !== undefined && !this.#isIdle(known, this.#parts.clock.date().getTime());
  }

  /** Sessions, keys or users have changed somewhere. Never rejects; without an answer what is known goes on. */
  refresh(): Promise<void> {
    return this.#known.refresh();
  }

  /** Resolves when none is read again any more. */
  stop(): Promise<void> {
    return this.#known.stop();
  }

  forget(isMeant: (session: Session) => boolean): void {
    this.#known.forget(isMeant);
  }

  #isIdle({ lastSeenAt }: Pick<Session, 'lastSeenAt'>, now: number): boolean {
    return now >= lastSeenAt + this.#parts.idleMs;
  }

  #settle(hash: string, found: StoredSession | null, askedAt: number | null): Session {
    const before = this.#known.get(hash);
    this.#known.drop(hash);
    const usable = this.#usable(found);
    if (usable === null) throw ended();
    const session = merged(usable, before, askedAt ?? 0);
    const now = this.#parts.clock.date().getTime();
    if (now >= session.expiresAt || this.#isIdle(session, now)) throw expired();
    if (askedAt !== null) this.#known.remember(hash, session);
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

/** The session as it was read, with the later of the two times at which it was last seen. */
const merged = (read: Session, known: KnownSession | undefined, confirmedAt: number): KnownSession => ({
  ...read,
  lastSeenAt: Math.max(read.lastSeenAt, known?.lastSeenAt ?? 0),
  writtenAt: Math.max(read.lastSeenAt, known?.writtenAt ?? 0),
  confirmedAt,
});
