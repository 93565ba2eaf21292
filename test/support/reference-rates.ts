/** The limits by time as plain buckets, filled up to the present at every query. */
interface Limits {
  readonly requestsPerSec: number | null;
  readonly requestBurst?: number | null;
  readonly tokensPerSec: number | null;
  readonly tokenBurst?: number | null;
}

interface Bucket {
  content: number;
  size: number;
  perMs: number;
  at: number;
}

const fill = (bucket: Bucket, now: number): void => {
  bucket.content = Math.min(bucket.size, bucket.content + (now - bucket.at) * bucket.perMs);
  bucket.at = now;
};

const sizeOf = (perSec: number, burst: number | null | undefined) => Math.max(burst ?? perSec, 1);

export class ReferenceRates {
  #requests: Bucket | null = null;
  #tokens: Bucket | null = null;

  configure(limits: Limits, now: number): void {
    this.#requests = this.#changed(this.#requests, limits.requestsPerSec, limits.requestBurst, now, 'used');
    this.#tokens = this.#changed(this.#tokens, limits.tokensPerSec, limits.tokenBurst, now, 'content');
  }

  isOpen(now: number): boolean {
    for (const bucket of [this.#requests, this.#tokens]) if (bucket !== null) fill(bucket, now);
    return (this.#requests?.content ?? 1) >= 1 && (this.#tokens?.content ?? 1) > 0;
  }

  take(tokens: number, now: number): void {
    if (this.#requests !== null) {
      fill(this.#requests, now);
      this.#requests.content -= 1;
    }
    this.correct(tokens, now);
  }

  correct(tokens: number, now: number): void {
    if (this.#tokens === null || tokens === 0) return;
    fill(this.#tokens, now);
    this.#tokens.content -= tokens;
  }

  giveBackRequest(): void {
    if (this.#requests !== null) this.#requests.content += 1;
  }

  empty(now: number): void {
    for (const bucket of [this.#requests, this.#tokens]) {
      if (bucket === null) continue;
      fill(bucket, now);
      bucket.content = Math.min(bucket.content, 0);
    }
  }

  /** For requests, the used part of the bucket is kept; for tokens, its content. */
  #changed(
    old: Bucket | null,
    perSec: number | null,
    burst: number | null | undefined,
    now: number,
    kept: 'used' | 'content',
  ): Bucket | null {
    if (perSec === null) return null;
    const size = sizeOf(perSec, burst);
    if (old === null) return { content: size, size, perMs: perSec / 1000, at: now };
    fill(old, now);
    const content = kept === 'used' ? size - (old.size - old.content) : Math.min(old.content, size);
    return { content, size, perMs: perSec / 1000, at: now };
  }
}
