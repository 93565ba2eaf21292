import { errors } from '../domain/errors.ts';
import { Tally } from '../domain/structures/tally.ts';

/** Counts the concurrent requests of each key, waiting ones included, up to a limit. */
export class KeyStreams {
  readonly #most: number;
  readonly #underWay = new Tally<number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `tenant_limit` if the key is at its limit; otherwise each call must be followed by one of `leave`. */
  enter(keyId: number): void {
    const underWay = this.#underWay.of(keyId);
    if (underWay >= this.#most)
      throw errors.tenantLimit(`This key has ${underWay} requests under way; that is all that one key may have.`, 1);
    this.#underWay.add(keyId, 1);
  }

  leave(keyId: number): void {
    this.#underWay.add(keyId, -1);
  }
}
