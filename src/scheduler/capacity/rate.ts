/**
 * Two limits by time, each one number that says how far it is used up; nothing runs between two uses.
 *
 *   Gcra         requests: `tat` is when the bucket would be full again. One may start while a whole
 *                request is in it; over any span T at most rate·T + burst start.
 *   TokenBucket  tokens: `emptyAt` is when the balance was, or will be, nought. One may start while the
 *                balance is positive, and takes what it takes: the balance may go below nought by one
 *                request, so that one larger than the bucket is served too.
 */

const msPerSecond = 1000;
/** So long after `emptyAt` a bucket is looked at again: then the balance is positive beyond rounding. */
const hairMs = 0.001;

export class Gcra {
  #intervalMs: number;
  #burst: number;
  #tat = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number | null) {
    this.#intervalMs = msPerSecond / perSecond;
    this.#burst = burstOf(perSecond, burst);
  }

  /** When one more request may start. */
  get openAt(): number {
    return this.#tat - (this.#burst - 1) * this.#intervalMs;
  }

  isOpen(now: number): boolean {
    return now >= this.openAt;
  }

  /** How long until `quantity` may start together; Infinity: never. */
  waitFor(quantity: number, now: number): number {
    if (quantity > this.#burst) return Number.POSITIVE_INFINITY;
    const allowedAt = Math.max(this.#tat, now) + (quantity - this.#burst) * this.#intervalMs;
    return Math.max(allowedAt - now, 0);
  }

  /** How long until one may start after `ahead` others. */
  waitBehind(ahead: number, now: number): number {
    return Math.max(this.openAt + ahead * this.#intervalMs - now, 0);
  }

  take(quantity: number, now: number): void {
    this.#tat = Math.max(this.#tat, now) + quantity * this.#intervalMs;
  }

  /** One that was taken has not been used. */
  giveBack(): void {
    this.#tat -= this.#intervalMs;
  }

  /** What is used up stays used up. */
  configure(perSecond: number, burst: number | null, now: number): void {
    const used = Math.max(this.#tat - now, 0) / this.#intervalMs;
    this.#intervalMs = msPerSecond / perSecond;
    this.#burst = burstOf(perSecond, burst);
    this.#tat = now + used * this.#intervalMs;
  }
}

export class TokenBucket {
  #perMs: number;
  #burst: number;
  #emptyAt = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number | null) {
    this.#perMs = perSecond / msPerSecond;
    this.#burst = burstOf(perSecond, burst);
  }

  /** When the balance is positive. */
  get openAt(): number {
    return this.#emptyAt + hairMs;
  }

  isOpen(now: number): boolean {
    return now > this.#emptyAt;
  }

  /** Negative for what was taken too much. */
  take(tokens: number, now: number): void {
    this.#emptyAt = Math.max(this.#emptyAt, now - this.#burst / this.#perMs) + tokens / this.#perMs;
  }

  configure(perSecond: number, burst: number | null, now: number): void {
    const balance = Math.min((now - this.#emptyAt) * this.#perMs, this.#burst);
    this.#perMs = perSecond / msPerSecond;
    this.#burst = burstOf(perSecond, burst);
    this.#emptyAt = now - Math.min(balance, this.#burst) / this.#perMs;
  }
}

/** Where none is given: one second's worth. A bucket that holds less than one could never be opened. */
const burstOf = (perSecond: number, burst: number | null): number => Math.max(burst ?? perSecond, 1);

interface RateLimits {
  readonly requestsPerSec: number | null;
  readonly requestBurst?: number | null;
  readonly tokensPerSec: number | null;
  readonly tokenBurst?: number | null;
}

/** Both limits of a pool or a tenant, either of which may be missing. */
export class Rates {
  #requests: Gcra | null = null;
  #tokens: TokenBucket | null = null;

  /** The rates by these limits, `old` adapted where there is one; null where there is no limit. */
  static of(limits: RateLimits, old: Rates | null, now: number): Rates | null {
    if (limits.requestsPerSec === null && limits.tokensPerSec === null) return null;
    const rates = old ?? new Rates();
    rates.#configure(limits, now);
    return rates;
  }

  isOpen(now: number): boolean {
    return (
      (this.#requests === null || this.#requests.isOpen(now)) && (this.#tokens === null || this.#tokens.isOpen(now))
    );
  }

  /** When the next one may start, unless something is given back before. */
  get openAt(): number {
    const requests = this.#requests?.openAt ?? Number.NEGATIVE_INFINITY;
    return Math.max(requests, this.#tokens?.openAt ?? Number.NEGATIVE_INFINITY);
  }

  /** How long the last of `ahead` + 1 has to wait at least. */
  waitBehind(ahead: number, now: number): number {
    const tokens = this.#tokens === null ? 0 : Math.max(this.#tokens.openAt - now, 0);
    return Math.max(this.#requests?.waitBehind(ahead, now) ?? 0, tokens);
  }

  take(tokens: number, now: number): void {
    this.#requests?.take(1, now);
    this.#tokens?.take(tokens, now);
  }

  /** It has come to more tokens than were taken, or (negative) to fewer. */
  correct(tokens: number, now: number): void {
    if (tokens !== 0) this.#tokens?.take(tokens, now);
  }

  giveBackRequest(): void {
    this.#requests?.giveBack();
  }

  #configure({ requestsPerSec, requestBurst = null, tokensPerSec, tokenBurst = null }: RateLimits, now: number): void {
    if (requestsPerSec === null) this.#requests = null;
    else if (this.#requests === null) this.#requests = new Gcra(requestsPerSec, requestBurst);
    else this.#requests.configure(requestsPerSec, requestBurst, now);
    if (tokensPerSec === null) this.#tokens = null;
    else if (this.#tokens === null) this.#tokens = new TokenBucket(tokensPerSec, tokenBurst);
    else this.#tokens.configure(tokensPerSec, tokenBurst, now);
  }
}
