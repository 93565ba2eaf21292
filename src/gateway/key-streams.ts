import { errors, type GatewayError } from '../domain/errors.ts';
import type { StreamLimit } from '../domain/peers.ts';
import { Tally } from '../domain/structures/tally.ts';

export const keyAtLimit = (underWay: number): GatewayError =>
  errors.tenantLimit(`This key has ${underWay} requests under way; that is all that one key may have.`, 1);

/** The limit where this process has all requests. */
export class KeyStreams implements StreamLimit {
  readonly #most: number;
  readonly #underWay = new Tally<number>();

  constructor(most: number) {
    this.#most = most;
  }

  enter(keyId: number): void {
    const underWay = this.#underWay.of(keyId);
    if (underWay >= this.#most) throw keyAtLimit(underWay);
    this.#underWay.add(keyId, 1);
  }

  leave(keyId: number): void {
    this.#underWay.add(keyId, -1);
  }
}
