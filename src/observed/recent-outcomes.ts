/**
 * The last hour's classified requests, as far as they fit: a ring of what a change of mappings is tried on.
 * Per request it holds when it ended, whose key it was, which level it asked for and which pool it came to; a key's
 * text is not here.
 */
import type { Clock } from '../domain/clock.ts';
import type { Outcome } from '../domain/outcome.ts';

/** At 73 requests a second it holds the hour, in 3.9 MB. */
const places = 2 ** 18;
export const recentMs = 3_600_000;

/** Requests that a change treats alike: of one key, asking for the same level, in one pool. */
interface RecentRequests {
  /** Null: requests need no key. */
  readonly keyId: number | null;
  /** X-Priority, as one digit. */
  readonly asked: string | undefined;
  /** Null: it came to none. */
  readonly pool: string | null;
  readonly count: number;
}

export interface Recent {
  /** Every request since then is counted. */
  readonly since: Date;
  readonly requests: readonly RecentRequests[];
}

const noKey = 0;
const noPool = 0;
/** The most values counted separately, more than any configuration has. */
const poolValues = 2 ** 16;
const notAsked = 10;
const askedValues = 11;
const recordsPerStep = 8_192;

export class RecentOutcomes {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #places: number;
  readonly #endedAt: Float64Array;
  readonly #keyIds: Int32Array;
  readonly #asked: Uint8Array;
  readonly #pools: Uint16Array;
  /** By number; the first one stands for none. */
  readonly #poolNames: string[] = [''];
  readonly #poolNumbers = new Map<string, number>();
  /** Records ever added; the last one stands at (added − 1) mod places. */
  #added = 0;

  constructor(clock: Clock, size = places) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#places = size;
    this.#endedAt = new Float64Array(size);
    this.#keyIds = new Int32Array(size);
    this.#asked = new Uint8Array(size);
    this.#pools = new Uint16Array(size);
  }

  /** On the request path: four numbers written. */
  add({ level, keyId, asked, pool }: Pick<Outcome, 'level' | 'keyId' | 'asked' | 'pool'>): void {
    // A request that ended before its level was decided shows nothing about mappings.
    if (level === null) return;
    const place = this.#added % this.#places;
    this.#endedAt[place] = this.#clock.now();
    this.#keyIds[place] = keyId ?? noKey;
    this.#asked[place] = digitOf(asked);
    this.#pools[place] = pool === null ? noPool : this.#numberOf(pool);
    this.#added += 1;
  }

  /** Counts the last hour in steps, so that the caller can run other work in between. */
  *count(): Generator<void, Recent> {
    const counts = new Map<number, number>();
    let from = Math.max(this.#startedAt, this.#clock.now() - recentMs);
    let oldest = this.#clock.now();
    for (let at = this.#added - 1; at >= 0; at--) {
      const place = at % this.#places;
      // Also between two steps, what is added takes the places of the oldest.
      const isOverwritten = at < this.#added - this.#places;
      if (isOverwritten) from = oldest;
      else oldest = this.#endedAt[place] ?? 0;
      if (isOverwritten || oldest < from) break;
      const kind = kindOf(this.#keyIds[place] ?? noKey, this.#asked[place] ?? notAsked, this.#pools[place] ?? noPool);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      if (at % recordsPerStep === 0) yield;
    }
    const since = new Date(this.#clock.date().getTime() - (this.#clock.now() - from));
    return { since, requests: [...counts].map(([kind, count]) => this.#requestsOf(kind, count)) };
  }

  #numberOf(pool: string): number {
    const known = this.#poolNumbers.get(pool);
    if (known !== undefined) return known;
    if (this.#poolNames.length === poolValues) return noPool;
    const number = this.#poolNames.push(pool) - 1;
    this.#poolNumbers.set(pool, number);
    return number;
  }

  #requestsOf(kind: number, count: number): RecentRequests {
    const pool = kind % poolValues;
    const asked = Math.floor(kind / poolValues) % askedValues;
    const keyId = Math.floor(kind / poolValues / askedValues);
    return {
      keyId: keyId === noKey ? null : keyId,
      asked: asked === notAsked ? undefined : String(asked),
      pool: pool === noPool ? null : (this.#poolNames[pool] ?? null),
      count,
    };
  }
}

function digitOf(asked: string | null): number {
  if (asked === null || asked.length !== 1) return notAsked;
  const digit = asked.charCodeAt(0) - 48;
  return digit >= 0 && digit <= 9 ? digit : notAsked;
}

/** One number for each that is counted apart: below 2^53, as key ids are below 2^31. */
const kindOf = (keyId: number, asked: number, pool: number): number =>
  (keyId * askedValues + asked) * poolValues + pool;
