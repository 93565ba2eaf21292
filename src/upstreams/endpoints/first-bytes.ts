import type { Clock } from '../../domain/clock.ts';

const remembered = 256;
const windowMs = 300_000;

/** How long the last calls of an endpoint took to their first byte. Writes to fixed arrays: it is on the request path. */
export class FirstBytes {
  readonly #clock: Clock;
  readonly #tookMs = new Float64Array(remembered);
  readonly #at = new Float64Array(remembered).fill(Number.NEGATIVE_INFINITY);
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(tookMs: number, now: number): void {
    this.#tookMs[this.#next] = tookMs;
    this.#at[this.#next] = now;
    this.#next = (this.#next + 1) % remembered;
  }

  /** Of the last 256 calls, within the last five minutes; null: there were none. */
  percentiles(): { readonly p50: number | null; readonly p95: number | null } {
    const oldest = this.#clock.now() - windowMs;
    const recent = this.#tookMs.filter((_, at) => (this.#at[at] ?? oldest) > oldest).toSorted();
    const of = (share: number) => recent[Math.ceil(recent.length * share) - 1] ?? null;
    return { p50: of(0.5), p95: of(0.95) };
  }
}
