import { randomBytes } from 'node:crypto';
import { unavailability } from '../../db/answered.ts';
import type { Clock } from '../../domain/clock.ts';
import { errors, GatewayError } from '../../domain/errors.ts';
import type { StoredChange } from '../../domain/peers.ts';
import { adminRoles, type Identity } from '../../domain/vocabulary.ts';
import type { Events } from '../../telemetry/events.ts';
import { hashKey } from '../api-key.ts';
import { type Session, SessionRing, writeSeenEveryMs } from './session-ring.ts';
import type { SessionStore } from './session-store.ts';

export interface SessionRules {
  readonly idleMs: number;
  readonly maxMs: number;
}

interface SessionsParts {
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'error'>;
  readonly auth: { readonly cacheTtlMs: number; readonly staleMaxMs: number };
  readonly rules: SessionRules;
  readonly authenticate: (key: string) => Identity | Promise<Identity>;
  readonly onWrite: (change: StoredChange) => void;
}

const tokenBytes = 32;
const tokenPattern = /^[A-Za-z0-9_-]{43}$/;
const perUser = 20;
const clearEveryMs = 3_600_000;

/** The sessions of the console, in the table `console_sessions`: shared by all gateways of a database. */
export class Sessions {
  readonly #parts: SessionsParts;
  readonly #ring: SessionRing;
  #clearedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: SessionsParts) {
    const { store, clock, events, auth, rules } = parts;
    this.#parts = parts;
    this.#ring = new SessionRing({ find: hashes => store.find(hashes), clock, events, ...auth, ...rules });
  }

  /**
   * Opens a session for the owner of this key; the token is returned here only. 401 for a wrong key, 403 for one
   * without an admin role.
   */
  async open(key: string): Promise<{ token: string; session: Session }> {
    const { clock, rules, store } = this.#parts;
    const { keyId, userId, role } = await this.#parts.authenticate(key);
    if (keyId === null || userId === null || role === null || !adminRoles.includes(role)) {
      throw errors.forbidden(`The console is for admins, and this key is of a ${role}.`);
    }
    const token = randomBytes(tokenBytes).toString('base64url');
    const now = clock.date();
    const hash = hashKey(token);
    const row = {
      token_hash: hash,
      key_id: keyId,
      user_id: userId,
      created_at: now.toISOString(),
      last_seen_at: now.toISOString(),
      expires_at: new Date(now.getTime() + rules.maxMs).toISOString(),
    };
    await store.insert(row);
    this.#ended(await store.endSurplus(userId, perUser));
    await this.clear();
    return { token, session: await this.#ring.find(hash) };
  }

  /** Returns the session; the call keeps it from being idle. 401 if it is over, 503 if it cannot be checked. */
  async authenticate(token: string): Promise<Session> {
    const session = await this.look(token);
    if (this.#ring.seen(session.hash)) this.#writeSeen(session.hash);
    return { ...session, lastSeenAt: this.#parts.clock.date().getTime() };
  }

  /** The same for what goes on by itself, as a stream does: that does not keep a session from being idle. */
  async look(token: string): Promise<Session> {
    if (!tokenPattern.test(token)) throw errors.invalidApiKey('The session cookie is none of ours. Sign in again.');
    return this.#ring.find(hashKey(token));
  }

  /** Ends the session of a token, if there is one. Never rejects. */
  giveUp(token: string): Promise<void> {
    return this.#aside(async () => this.end(await this.look(token)));
  }

  async end({ hash }: Session): Promise<void> {
    await this.#parts.store.end([hash]);
    this.#ended([hash]);
  }

  /**
   * Ends every session of a user, here at once and on other gateways as soon as they are notified; returns their
   * number.
   */
  async endAllOf(userId: number): Promise<number> {
    const count = await this.#parts.store.endAllOf(userId);
    this.forgetUser(userId);
    this.#parts.onWrite({ of: 'user', id: userId });
    return count;
  }

  /** When it ends if nothing more is asked. */
  idleExpiry({ lastSeenAt, expiresAt }: Session): Date {
    return new Date(Math.min(lastSeenAt + this.#parts.rules.idleMs, expiresAt));
  }

  forget(hash: string): void {
    this.#ring.forget(session => session.hash === hash);
  }

  forgetKey(keyId: number): void {
    this.#ring.forget(({ identity }) => identity.keyId === keyId);
  }

  forgetUser(userId: number): void {
    this.#ring.forget(({ identity }) => identity.userId === userId);
  }

  /** Sessions, or what they depend on, were changed by somebody. Never rejects. */
  refresh(): Promise<void> {
    return this.#ring.refresh();
  }

  /** Resolves when none is read again any more. */
  stop(): Promise<void> {
    return this.#ring.stop();
  }

  /** Takes away what is over, so that it stays over whatever becomes of its user. Never rejects. */
  async clear(): Promise<void> {
    const { clock, rules, store } = this.#parts;
    this.#clearedAt = clock.now();
    const now = clock.date();
    // Uses within a minute are not written, and none is after an outage.
    const idleSince = new Date(now.getTime() - rules.idleMs - writeSeenEveryMs);
    await this.#aside(async () => {
      const idle = await store.findLastSeen(idleSince.toISOString());
      const unused = idle.filter(hash => !this.#ring.isInUse(hash));
      const over = new Set([...unused, ...(await store.findOver(adminRoles, now.toISOString()))]);
      // A statement that deletes nothing would be notified as a change too.
      if (over.size === 0) return;
      await store.end([...over]);
      this.#ended([...over]);
    });
  }

  #ended(hashes: readonly string[]): void {
    if (hashes.length === 0) return;
    const ended = new Set(hashes);
    this.#ring.forget(session => ended.has(session.hash));
    for (const hash of ended) this.#parts.onWrite({ of: 'session', hash });
  }

  #writeSeen(hash: string): void {
    const { clock, store } = this.#parts;
    void this.#aside(() => store.seen(hash, clock.date().toISOString()));
    if (clock.now() - this.#clearedAt >= clearEveryMs) void this.clear();
  }

  /** Work that no answer depends on. Reads of sessions report an outage. */
  async #aside(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof GatewayError) && unavailability(error) === null)
        this.#parts.events.error('Identity: sessions could not be written', error);
    }
  }
}
