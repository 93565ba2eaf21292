/**
 * Two limits by time. The state of each is one number; no timer runs between two uses.
 *
 *   Gcra         requests: `tat` is the time at which the bucket is full again. A request may start while the
 *                bucket holds a whole one; in any span T at most rate·T + burst requests start.
 *   TokenBucket  tokens: `emptyAt` is the time at which the balance was, or will be, zero. A request may start
 *                while the balance is positive, and takes all its tokens: the balance may fall below zero by one
 *                request, so that a request larger than the bucket is served too.
 */

const msPerSecond = 1000;
/** The time after `emptyAt` at which a bucket is checked again; by then the balance is positive despite rounding. */
const hairMs = 0.001;

export class Gcra {
  #intervalMs: number;
  #burst: number;
  #tat = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number | null) {
    this.#intervalMs = msPerSecond / perSecond;
    this.#burst = burstOf(perSecond, burst);
  }

  /** The time at which one more request may start. */
  get openAt(): number {
    return this.#tat - (this.#burst - 1) * this.#intervalMs;
  }

  isOpen(now: number): boolean {
    return now >= this.openAt;
  }

  /** The time until `quantity` requests may start together; Infinity: never. */
  waitFor(quantity: number, now: number): number {
    if (quantity > this.#burst) return Number.POSITIVE_INFINITY;
    const allowedAt = Math.max(this.#tat, now) + (quantity - this.#burst) * this.#intervalMs;
    return Math.max(allowedAt - now, 0);
  }

  /** How many requests may start at once. */
  left(now: number): number {
    return this.isOpen(now) ? Math.floor(Math.min((now - this.openAt) / this.#intervalMs + 1, this.#burst)) : 0;
  }

  /** The time until a request may start after `ahead` others. */
  waitBehind(ahead: number, now: number): number {
    return Math.max(this.openAt + ahead * this.#intervalMs - now, 0);
  }

  take(quantity: number, now: number): void {
    this.#tat = Math.max(this.#tat, now) + quantity * this.#intervalMs;
  }

  /** Returns the capacity of a request that did not use it. */
  giveBack(): void {
    this.#tat -= this.#intervalMs;
  }

  /** As if the burst had been used just now. */
  emptyBurst(now: number): void {
    this.#tat = Math.max(this.#tat, now + this.#burst * this.#intervalMs);
  }

  /** Changes the limit; capacity already used stays used. */
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

  /** The time at which the balance is positive. */
  get openAt(): number {
    return this.#emptyAt + hairMs;
  }

  isOpen(now: number): boolean {
    return now > this.#emptyAt;
  }

  /** The balance. */
  left(now: number): number {
    return Math.min((now - this.#emptyAt) * this.#perMs, this.#burst);
  }

  /** Takes tokens; a negative number returns tokens that were taken in excess. */
  take(tokens: number, now: number): void {
    this.#emptyAt = Math.max(this.#emptyAt, now - this.#burst / this.#perMs) + tokens / this.#perMs;
  }

  /** As if the burst had been used just now. */
  emptyBurst(now: number): void {
    this.#emptyAt = Math.max(this.#emptyAt, now);
  }

  configure(perSecond: number, burst: number | null, now: number): void {
    const balance = this.left(now);
    this.#perMs = perSecond / msPerSecond;
    this.#burst = burstOf(perSecond, burst);
    this.#emptyAt = now - Math.min(balance, this.#burst) / this.#perMs;
  }
}

/** The default burst is one second's worth. A bucket that holds less than one request could never open. */
const burstOf = (perSecond: number, burst: number | null): number => Math.max(burst ?? perSecond, 1);

interface RateLimits {
  readonly requestsPerSec: number | null;
  readonly requestBurst?: number | null;
  readonly tokensPerSec: number | null;
  readonly tokenBurst?: number | null;
}

/** Both limits of a pool or a tenant; either may be missing. */
export class Rates {
  #requests: Gcra | null = null;
  #tokens: TokenBucket | null = null;

  /** Returns the rates for these limits, adapted from `old` if given; null if there is no limit. */
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

  /** The time at which the next request may start, unless capacity is returned earlier. */
  get openAt(): number {
    const requests = this.#requests?.openAt ?? Number.NEGATIVE_INFINITY;
    return Math.max(requests, this.#tokens?.openAt ?? Number.NEGATIVE_INFINITY);
  }

  /** How many requests may start at once, as long as tokens are left. */
  left(now: number): { readonly requests: number; readonly tokens: number } {
    return {
      requests: this.#requests?.left(now) ?? Number.POSITIVE_INFINITY,
      tokens: this.#tokens?.left(now) ?? Number.POSITIVE_INFINITY,
    };
  }

  /** The minimum wait of the last of `ahead` + 1 requests. */
  waitBehind(ahead: number, now: number): number {
    const tokens = this.#tokens === null ? 0 : Math.max(this.#tokens.openAt - now, 0);
    return Math.max(this.#requests?.waitBehind(ahead, now) ?? 0, tokens);
  }

  take(tokens: number, now: number): void {
    this.#requests?.take(1, now);
    this.#tokens?.take(tokens, now);
  }

  /** Corrects the tokens of a request to more or (negative) fewer than were taken. */
  correct(tokens: number, now: number): void {
    if (tokens !== 0) this.#tokens?.take(tokens, now);
  }

  giveBackRequest(): void {
    this.#requests?.giveBack();
  }

  /** As if both bursts had been used just now. */
  emptyBurst(now: number): void {
    this.#requests?.emptyBurst(now);
    this.#tokens?.emptyBurst(now);
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
