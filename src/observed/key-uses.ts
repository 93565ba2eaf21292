/** The last use of each key for a request to a model, since the start: the database does not store it. */
import type { Clock } from '../domain/clock.ts';
import type { Outcome } from '../domain/outcome.ts';

/** As many keys as authentication holds. */
const defaultKeys = 100_000;

export class KeyUses {
  readonly #clock: Clock;
  readonly #mostKeys: number;
  /** Key → second since 1970, the one that was used longest ago first. */
  readonly #uses = new Map<number, number>();
  /** A key that is not held had no use from this second on. */
  #since: number;

  constructor(clock: Clock, mostKeys = defaultKeys) {
    this.#clock = clock;
    this.#mostKeys = mostKeys;
    this.#since = this.#seconds();
  }

  /** On the request path. A key is moved to the end at most once a second. */
  add({ keyId }: Pick<Outcome, 'keyId'>): void {
    if (keyId === null) return;
    const now = this.#seconds();
    const before = this.#uses.get(keyId);
    if (before === now) return;
    if (before !== undefined) this.#uses.delete(keyId);
    else if (this.#uses.size >= this.#mostKeys) this.#forgetOldest();
    this.#uses.set(keyId, now);
  }

  /** To the second; null: not since `since`. */
  lastUse(keyId: number): Date | null {
    const second = this.#uses.get(keyId);
    return second === undefined ? null : new Date(second * 1_000);
  }

  get since(): Date {
    return new Date(this.#since * 1_000);
  }

  #forgetOldest(): void {
    const [oldest] = this.#uses;
    if (oldest === undefined) return;
    const [keyId, second] = oldest;
    this.#uses.delete(keyId);
    this.#since = second + 1;
  }

  #seconds(): number {
    return Math.floor(this.#clock.date().getTime() / 1_000);
  }
}
