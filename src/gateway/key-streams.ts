import { errors } from '../domain/errors.ts';
import { Tally } from '../domain/tally.ts';

/** How many requests of each key are under way, waiting ones included; at most so many may be. */
export class KeyStreams {
  readonly #most: number;
  readonly #underWay = new Tally<number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `tenant_limit` where the key has as many as it may have; else each call is ended by one of `leave`. */
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
