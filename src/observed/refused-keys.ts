import { type Clock, momentOf } from '../domain/clock.ts';

const mostKeys = 1_000;

/** Which keys of upstreams are set aside, as an upstream has answered 401 to them. */
export class RefusedKeys {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(provider: string, fingerprint: string, forMs: number): void {
    const now = this.#clock.now();
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key);
    if (this.#until.size < mostKeys) this.#until.set(`${provider}/${fingerprint}`, now + forMs);
  }

  /** Null: it is used. */
  until(provider: string, fingerprint: string): string | null {
    const until = this.#until.get(`${provider}/${fingerprint}`);
    return until === undefined || until <= this.#clock.now() ? null : momentOf(this.#clock, until);
  }
}
