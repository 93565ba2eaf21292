import type { Clock } from '../domain/clock.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import { type Identity, maxKeyBytes } from '../domain/vocabulary.ts';
import type { Events } from '../telemetry/events.ts';
import { hashKey } from './api-key.ts';
import { expiryMs, identityOf, isUsable, type KeyInUse, type KeyOwner, neverMs } from './key-owner.ts';
import { type Freshness, KnownRows, makeRoom } from './known-rows.ts';

/** A key in use; its own text is what it is known by. */
interface KnownKey {
  readonly key: string;
  readonly hash: string;
  readonly identity: Identity;
  /** Wall clock. */
  readonly expiresAtMs: number;
  readonly confirmedAt: number;
}

type AskedKey = Pick<KnownKey, 'key' | 'hash'>;

interface KeyRingParts extends Freshness {
  readonly findOwners: (hashes: readonly string[]) => Promise<KeyOwner[]>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'error'>;
  readonly limits?: Partial<KeyRingLimits>;
}

interface KeyRingLimits {
  readonly knownKeys: number;
  readonly rejectedKeys: number;
  readonly waitingLookups: number;
}

const defaultLimits: KeyRingLimits = { knownKeys: 100_000, rejectedKeys: 10_000, waitingLookups: 10_000 };
const rejectedForMs = 5_000;

const unknownKey = (): GatewayError => errors.invalidApiKey('The API key is unknown, expired or revoked.');

/** The keys in use, in memory; and those that were refused, until when that holds without asking again. */
export class KeyRing {
  readonly #clock: Clock;
  readonly #limits: KeyRingLimits;
  readonly #known: KnownRows<AskedKey, KeyOwner, KnownKey, Identity>;
  readonly #rejected = new Map<string, number>();

  constructor({ findOwners, limits, ...parts }: KeyRingParts) {
    this.#clock = parts.clock;
    this.#limits = { ...defaultLimits, ...limits };
    this.#known = new KnownRows({
      ...parts,
      find: findOwners,
      words: { one: 'API key', many: 'keys' },
      atMost: { known: this.#limits.knownKeys, waiting: this.#limits.waitingLookups },
      settle: (asked, owner, askedAt) => this.#settle(asked, owner, askedAt),
      confirm: (known, owner, askedAt) => (this.#isUsable(owner) ? knownKey(known, owner, askedAt) : null),
    });
  }

  /** At once for a known key. 401 for one that is no good, 503 where that cannot be found out. */
  authenticate(key: string): Identity | Promise<Identity> {
    const known = this.#known.get(key);
    if (known === undefined) return this.#lookUp(key);
    if (this.#known.isTooStale(known)) return this.#lookUp(key);
    if (known.expiresAtMs !== neverMs && this.#clock.date().getTime() >= known.expiresAtMs) throw unknownKey();
    return known.identity;
  }

  /** The keys in use that would be let in now. */
  inUse(): KeyInUse[] {
    const now = this.#clock.date().getTime();
    const usable = [...this.#known.values()].filter(({ expiresAtMs }) => now < expiresAtMs);
    return usable.map(({ key, identity }) => ({ key, identity }));
  }

  /**
   * Users or keys have changed somewhere: every known key is read again. Resolves when all are, or
   * when the database failed; requests after that try again, at most once a second.
   */
  refresh(): Promise<void> {
    this.#rejected.clear();
    return this.#known.refresh();
  }

  /** The keys seen and not forgotten since, whole, each with its hash. They live in memory alone. */
  *seen(): Generator<{ readonly key: string; readonly hash: string }> {
    yield* this.#known.values();
  }

  /** Resolves when none is read again any more. */
  stop(): Promise<void> {
    return this.#known.stop();
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

  /** Keys were stored elsewhere, so earlier refusals here are void. */
  admitAll(): void {
    this.#rejected.clear();
    this.#known.outdate();
  }

  #forget(isMeant: (identity: Identity) => boolean): void {
    this.#known.forget(({ identity }) => isMeant(identity));
    this.#rejected.clear();
  }

  #lookUp(key: string): Promise<Identity> {
    if (key === '' || key.length > maxKeyBytes) throw unknownKey();
    const rejectedUntil = this.#rejected.get(key);
    if (rejectedUntil !== undefined && this.#clock.now() < rejectedUntil) throw unknownKey();
    return this.#known.ask({ key, hash: hashKey(key) });
  }

  #settle(asked: AskedKey, owner: KeyOwner | null, askedAt: number | null): Identity {
    const isUsable = this.#isUsable(owner);
    if (isUsable && askedAt !== null) this.#known.remember(asked.key, knownKey(asked, owner, askedAt));
    if (isUsable) return identityOf(owner);
    if (askedAt !== null) this.#reject(asked.key, askedAt);
    throw unknownKey();
  }

  #reject(key: string, askedAt: number): void {
    this.#known.drop(key);
    makeRoom(this.#rejected, this.#limits.rejectedKeys);
    this.#rejected.set(key, askedAt + rejectedForMs);
  }

  #isUsable(owner: KeyOwner | null): owner is KeyOwner {
    return owner !== null && isUsable(owner, this.#clock.date());
  }
}

const knownKey = ({ key, hash }: AskedKey, owner: KeyOwner, confirmedAt: number): KnownKey => ({
  key,
  hash,
  identity: identityOf(owner),
  expiresAtMs: expiryMs(owner.expiresAt),
  confirmedAt,
});
