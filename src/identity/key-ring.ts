import type { Clock } from '../domain/clock.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import { type Identity, maxKeyBytes } from '../domain/vocabulary.ts';
import type { Events } from '../telemetry/events.ts';
import { hashKey } from './api-key.ts';
import { expiryMs, identityOf, isUsable, type KeyInUse, type KeyOwner, neverMs } from './key-owner.ts';
import { hashesPerQuery, Lookups, makeRoom } from './lookups.ts';

/*
 * The keys in use, in memory: a key that was seen costs one Map.get.
 *
 *   #known     key → who; holds only keys that the database has confirmed
 *   #rejected  key → until when it is refused without asking again
 *   #lookups   keys being looked up; their answers outdate with every change that is heard of
 */
interface KnownKey {
  readonly key: string;
  readonly hash: string;
  identity: Identity;
  /** Wall clock. */
  expiresAtMs: number;
  /** When the question was asked that the database last answered with yes. */
  confirmedAt: number;
}

interface KeyRingParts {
  readonly findOwners: (hashes: readonly string[]) => Promise<KeyOwner[]>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'error'>;
  readonly cacheTtlMs: number;
  readonly staleMaxMs: number;
  readonly limits?: Partial<KeyRingLimits>;
}

interface KeyRingLimits {
  readonly knownKeys: number;
  readonly rejectedKeys: number;
  readonly waitingLookups: number;
}

const defaultLimits: KeyRingLimits = { knownKeys: 100_000, rejectedKeys: 10_000, waitingLookups: 10_000 };
const rejectedForMs = 5_000;
const retryMs = 1_000;

const unknownKey = (): GatewayError => errors.invalidApiKey('The API key is unknown, expired or revoked.');

export class KeyRing {
  readonly #parts: KeyRingParts;
  readonly #limits: KeyRingLimits;
  readonly #known = new Map<string, KnownKey>();
  readonly #rejected = new Map<string, number>();
  readonly #lookups: Lookups<Pick<KnownKey, 'key' | 'hash'>, KeyOwner, Identity>;
  /** The TTL is over, or reading again has failed. */
  #isOverdue = false;
  #tryAgainAt = 0;
  #stopTtl: () => void = () => {};
  #rereading: Promise<void> | null = null;
  #rereadAgain: Promise<void> | null = null;

  constructor(parts: KeyRingParts) {
    this.#parts = parts;
    this.#limits = { ...defaultLimits, ...parts.limits };
    const { findOwners: find, clock, events } = parts;
    this.#lookups = new Lookups({
      find,
      settle: (asked, owner, { at, isCurrent }) => this.#settle(asked, owner, isCurrent ? at : null),
      clock,
      events,
      words: { one: 'API key', many: 'keys' },
      known: () => this.#known.size,
      maxWaiting: this.#limits.waitingLookups,
    });
    this.#countTtl();
  }

  /** At once for a known key. 401 for one that is no good, 503 where that cannot be found out. */
  authenticate(key: string): Identity | Promise<Identity> {
    const known = this.#known.get(key);
    if (known === undefined) return this.#lookUp(key);
    if (this.#isOverdue && this.#isTooStale(known)) return this.#lookUp(key);
    if (known.expiresAtMs !== neverMs && this.#parts.clock.date().getTime() >= known.expiresAtMs) throw unknownKey();
    return known.identity;
  }

  /** The keys in use that would be let in now. */
  inUse(): KeyInUse[] {
    const now = this.#parts.clock.date().getTime();
    const usable = [...this.#known.values()].filter(({ expiresAtMs }) => now < expiresAtMs);
    return usable.map(({ key, identity }) => ({ key, identity }));
  }

  /**
   * Users or keys have changed somewhere: every known key is read again. Resolves when all are, or
   * when the database failed; requests after that try again, at most once a second.
   */
  refresh(): Promise<void> {
    this.#lookups.outdate();
    this.#rejected.clear();
    return this.#reread().catch(() => {});
  }

  /** The keys seen and not forgotten since, whole, each with its hash. They live in memory alone. */
  *seen(): Generator<{ readonly key: string; readonly hash: string }> {
    yield* this.#known.values();
  }

  forgetKey(keyId: number): void {
    this.#forget(identity => identity.keyId === keyId);
  }

  forgetUser(userId: number): void {
    this.#forget(identity => identity.userId === userId);
  }

  /** A key was just stored here, so an earlier refusal of it is void. */
  admit(key: string): void {
    this.#rejected.delete(key);
  }

  #forget(isMeant: (identity: Identity) => boolean): void {
    this.#lookups.outdate();
    for (const { key, identity } of this.#known.values()) {
      if (isMeant(identity)) this.#known.delete(key);
    }
    this.#rejected.clear();
  }

  #lookUp(key: string): Promise<Identity> {
    if (key === '' || key.length > maxKeyBytes) throw unknownKey();
    const rejectedUntil = this.#rejected.get(key);
    if (rejectedUntil !== undefined && this.#parts.clock.now() < rejectedUntil) throw unknownKey();

    return this.#lookups.ask({ key, hash: hashKey(key) });
  }

  /** `askedAt` null: the answer may be out of date. */
  #settle(asked: Pick<KnownKey, 'key' | 'hash'>, found: KeyOwner | null, askedAt: number | null): Identity {
    const owner = found !== null && isUsable(found, this.#parts.clock.date()) ? found : null;
    if (askedAt !== null) this.#remember(asked, owner, askedAt);
    if (owner === null) throw unknownKey();
    return identityOf(owner);
  }

  #remember({ key, hash }: Pick<KnownKey, 'key' | 'hash'>, owner: KeyOwner | null, askedAt: number): void {
    this.#known.delete(key);
    if (owner === null) {
      makeRoom(this.#rejected, this.#limits.rejectedKeys);
      this.#rejected.set(key, askedAt + rejectedForMs);
      return;
    }
    makeRoom(this.#known, this.#limits.knownKeys);
    this.#known.set(key, {
      key,
      hash,
      identity: identityOf(owner),
      expiresAtMs: expiryMs(owner.expiresAt),
      confirmedAt: askedAt,
    });
  }

  /** Keys were confirmed longer ago than their TTL: has them read again, and says if this one may still serve. */
  #isTooStale(known: KnownKey): boolean {
    const now = this.#parts.clock.now();
    if (this.#rereading === null && now >= this.#tryAgainAt) {
      // A failure is logged where it is met.
      this.#reread().catch(() => {});
    }
    return now - known.confirmedAt > this.#parts.staleMaxMs;
  }

  /** One running, one waiting: who asks while one runs needs one that starts after now. */
  #reread(): Promise<void> {
    if (this.#rereading === null) {
      this.#rereading = this.#rereadAll().finally(() => {
        this.#rereading = null;
      });
      return this.#rereading;
    }
    this.#rereadAgain ??= this.#rereading
      .catch(() => {})
      .then(() => {
        this.#rereadAgain = null;
        return this.#reread();
      });
    return this.#rereadAgain;
  }

  async #rereadAll(): Promise<void> {
    try {
      const known = [...this.#known.values()];
      for (let start = 0; start < known.length; start += hashesPerQuery) {
        await this.#confirm(known.slice(start, start + hashesPerQuery));
      }
      this.#countTtl();
    } catch (error) {
      this.#isOverdue = true;
      this.#tryAgainAt = this.#parts.clock.now() + retryMs;
      throw error;
    }
  }

  /** A timer instead of a look at the clock, which would double the cost of a known key. */
  #countTtl(): void {
    const { clock, cacheTtlMs, staleMaxMs } = this.#parts;
    this.#stopTtl();
    this.#isOverdue = false;
    this.#stopTtl = clock.after(Math.min(cacheTtlMs, staleMaxMs), () => {
      this.#isOverdue = true;
    });
  }

  async #confirm(chunk: readonly KnownKey[]): Promise<void> {
    const askedAt = this.#parts.clock.now();
    const owners = await this.#lookups.read(chunk);
    for (const known of chunk) {
      // Forgotten meanwhile, and perhaps known anew from a later answer.
      if (this.#known.get(known.key) !== known) continue;
      const owner = owners.get(known.hash);
      if (owner === undefined || !isUsable(owner, this.#parts.clock.date())) {
        this.#known.delete(known.key);
        continue;
      }
      known.identity = identityOf(owner);
      known.expiresAtMs = expiryMs(owner.expiresAt);
      known.confirmedAt = askedAt;
    }
  }
}
