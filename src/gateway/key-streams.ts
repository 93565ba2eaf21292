import { errors } from '../domain/errors.ts';

/** How many requests of each key are under way, waiting ones included; at most so many may be. */
export class KeyStreams {
  readonly #most: number;
  readonly #underWay = new Map<number, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws `tenant_limit` where the key has as many as it may have; else each call is ended by one of `leave`. */
  enter(keyId: number): void {
    const underWay = this.#underWay.get(keyId) ?? 0;
    if (underWay >= this.#most)
      throw errors.tenantLimit(`This key has ${underWay} requests under way; that is all that one key may have.`, 1);
    this.#underWay.set(keyId, underWay + 1);
  }

  leave(keyId: number): void {
    const underWay = this.#underWay.get(keyId) ?? 0;
    if (underWay > 1) this.#underWay.set(keyId, underWay - 1);
    else this.#underWay.delete(keyId);
  }
}
