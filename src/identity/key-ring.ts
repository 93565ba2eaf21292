import type { Clock } from '../domain/clock.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import type { Identity } from '../domain/vocabulary.ts';
import type { Events } from '../telemetry/events.ts';
import { hashKey, maxKeyBytes } from './api-key.ts';
import { expiryMs, identityOf, isUsable, type KeyInUse, type KeyOwner, neverMs } from './key-owner.ts';

/*
 * The keys in use, in memory: a key that was seen costs one Map.get.
 *
 *   #known     key → who; holds only keys that the database has confirmed
 *   #rejected  key → until when it is refused without asking again
 *   #lookups   keys being looked up, each asked once however many requests bring it; #queue are
 *              those of them that no batch has taken yet
 *
 * Whatever may make an answer on its way from the database older than a change that this gateway
 * has heard of raises #generation; such an answer is asked for again and never remembered.
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

interface Lookup {
  readonly key: string;
  readonly hash: string;
  readonly answer: PromiseWithResolvers<Identity>;
  attempts: number;
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
const keysPerQuery = 200;
const lookupQueries = 2;
const lookupAttempts = 3;
const queryTimeoutMs = 5_000;
const rejectedForMs = 5_000;
const retryMs = 1_000;

const unknownKey = (): GatewayError => errors.invalidApiKey('The API key is unknown, expired or revoked.');
const databaseDown = (): GatewayError =>
  errors.unavailable('The database is not reachable, so this API key cannot be checked now.', 1);

export class KeyRing {
  readonly #parts: KeyRingParts;
  readonly #limits: KeyRingLimits;
  readonly #known = new Map<string, KnownKey>();
  readonly #rejected = new Map<string, number>();
  readonly #lookups = new Map<string, Lookup>();
  #queue: Lookup[] = [];
  #queriesRunning = 0;
  #generation = 0;
  /** The TTL is over, or reading again has failed. */
  #isOverdue = false;
  #tryAgainAt = 0;
  #stopTtl: () => void = () => {};
  #rereading: Promise<void> | null = null;
  #rereadAgain: Promise<void> | null = null;
  #isDatabaseDown = false;

  constructor(parts: KeyRingParts) {
    this.#parts = parts;
    this.#limits = { ...defaultLimits, ...parts.limits };
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
    this.#generation++;
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
    this.#generation++;
    for (const { key, identity } of this.#known.values()) {
      if (isMeant(identity)) this.#known.delete(key);
    }
    this.#rejected.clear();
  }

  #lookUp(key: string): Promise<Identity> {
    if (key === '' || key.length > maxKeyBytes) throw unknownKey();
    const rejectedUntil = this.#rejected.get(key);
    if (rejectedUntil !== undefined && this.#parts.clock.now() < rejectedUntil) throw unknownKey();

    const running = this.#lookups.get(key);
    if (running) return running.answer.promise;
    if (this.#lookups.size >= this.#limits.waitingLookups) {
      throw errors.unavailable('Too many unknown API keys are being checked.', 1);
    }
    const lookup: Lookup = { key, hash: hashKey(key), answer: Promise.withResolvers(), attempts: 0 };
    this.#lookups.set(key, lookup);
    this.#queue.push(lookup);
    this.#startQueries();
    return lookup.answer.promise;
  }

  #startQueries(): void {
    while (this.#queriesRunning < lookupQueries && this.#queue.length > 0) {
      const batch = this.#queue.slice(0, keysPerQuery);
      this.#queue = this.#queue.slice(keysPerQuery);
      this.#queriesRunning++;
      void this.#answerLookups(batch).finally(() => {
        this.#queriesRunning--;
        this.#startQueries();
      });
    }
  }

  async #answerLookups(batch: readonly Lookup[]): Promise<void> {
    const generation = this.#generation;
    const askedAt = this.#parts.clock.now();
    const owners = await this.#read(batch).catch(() => null);
    for (const lookup of batch) {
      const isOutdated = generation !== this.#generation;
      if (owners !== null && isOutdated && ++lookup.attempts < lookupAttempts) {
        this.#queue.push(lookup);
        continue;
      }
      this.#lookups.delete(lookup.key);
      if (owners === null) {
        lookup.answer.reject(databaseDown());
        continue;
      }
      const owner = owners.get(lookup.hash);
      const isGood = owner !== undefined && isUsable(owner, this.#parts.clock.date());
      if (!isOutdated) this.#remember(lookup, isGood ? owner : null, askedAt);
      if (isGood) lookup.answer.resolve(identityOf(owner));
      else lookup.answer.reject(unknownKey());
    }
  }

  #remember({ key, hash }: Lookup, owner: KeyOwner | null, askedAt: number): void {
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
      for (let start = 0; start < known.length; start += keysPerQuery) {
        await this.#confirm(known.slice(start, start + keysPerQuery));
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
    const owners = await this.#read(chunk);
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

  /** Rejects when the database does, or does not answer in time. Says so once per outage. */
  async #read(keys: readonly { hash: string }[]): Promise<Map<string, KeyOwner>> {
    const { clock, events, findOwners } = this.#parts;
    const timeout = Promise.withResolvers<never>();
    const cancel = clock.after(queryTimeoutMs, () => timeout.reject(new Error('the database did not answer in 5 s')));
    try {
      const owners = await Promise.race([findOwners(keys.map(({ hash }) => hash)), timeout.promise]);
      if (this.#isDatabaseDown) events.info('Identity: the database answers again');
      this.#isDatabaseDown = false;
      return new Map(owners.map(owner => [owner.hash, owner]));
    } catch (error) {
      if (!this.#isDatabaseDown) {
        events.error(`Identity: keys cannot be read; ${this.#known.size} known keys go on serving`, error);
      }
      this.#isDatabaseDown = true;
      throw error;
    } finally {
      cancel();
    }
  }
}

/** The oldest goes first: it is only ever a matter of asking the database once more. */
function makeRoom(map: Map<string, unknown>, limit: number): void {
  if (map.size < limit) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
