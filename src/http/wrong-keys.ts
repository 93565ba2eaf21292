import type { IncomingMessage } from 'node:http';
import type { Clock } from '../domain/clock.ts';
import { errors, GatewayError } from '../domain/errors.ts';
import type { Events } from '../telemetry/events.ts';
import { type ClientAddresses, networkOf } from './client-address.ts';

const windowMs = 60_000;
/** Wrong keys of an address in a minute that are answered like any other. */
const freeFailures = 20;
const addressesAtMost = 10_000;
/** Each further one is answered so much later than the last … */
const slowerByMs = 25;
/** … up to this. */
const longestHoldMs = 500;
/** Answers that are held back: of one address, and in all. Beyond, they are given at once. */
const heldPerAddress = 100;
const heldAtMost = 2_000;

interface Failures {
  readonly since: number;
  count: number;
  held: number;
}

interface WrongKeysParts {
  readonly addresses: ClientAddresses;
  readonly clock: Clock;
  readonly events: Pick<Events, 'keyRefused' | 'keysGuessed'>;
}

/**
 * Slows down who tries keys. It is asked only after a key was found to be wrong, so a right one never waits,
 * whatever others at its address did.
 */
export class WrongKeys {
  readonly #parts: WrongKeysParts;
  /** By network, in the order in which their minutes began. */
  readonly #byNetwork = new Map<string, Failures>();
  #held = 0;

  constructor(parts: WrongKeysParts) {
    this.#parts = parts;
  }

  /** Rejects with what was thrown; with a 429, and later, where it says once more that a key is wrong. */
  async refuse(req: IncomingMessage, thrown: unknown): Promise<never> {
    if (!(thrown instanceof GatewayError) || thrown.code !== 'invalid_api_key') throw thrown;
    const { addresses, clock, events } = this.#parts;
    const address = addresses.of(req);
    const failures = this.#current(networkOf(address));
    failures.count++;
    const isTooMany = failures.count > freeFailures;
    events.keyRefused(isTooMany ? 'too_many_invalid_keys' : 'invalid_api_key');
    if (!isTooMany) throw thrown;
    if (failures.count === freeFailures + 1) events.keysGuessed({ address, count: freeFailures });
    await this.#hold(failures);
    const waitSec = Math.ceil((failures.since + windowMs - clock.now()) / 1000);
    throw errors.tooManyInvalidKeys(
      `${thrown.message} So were ${freeFailures} others that came from this address within a minute.`,
      Math.max(1, waitSec),
    );
  }

  async #hold(failures: Failures): Promise<void> {
    if (failures.held >= heldPerAddress || this.#held >= heldAtMost) return;
    const holdMs = Math.min(longestHoldMs, (failures.count - freeFailures) * slowerByMs);
    failures.held++;
    this.#held++;
    await new Promise<void>(resolve => this.#parts.clock.after(holdMs, resolve));
    failures.held--;
    this.#held--;
  }

  #current(network: string): Failures {
    const now = this.#parts.clock.now();
    for (const [other, { since }] of this.#byNetwork) {
      if (now - since < windowMs) break;
      this.#byNetwork.delete(other);
    }
    const known = this.#byNetwork.get(network);
    if (known !== undefined) return known;
    if (this.#byNetwork.size >= addressesAtMost) this.#forgetOldest();
    const failures = { since: now, count: 0, held: 0 };
    this.#byNetwork.set(network, failures);
    return failures;
  }

  #forgetOldest(): void {
    const [oldest] = this.#byNetwork.keys();
    if (oldest !== undefined) this.#byNetwork.delete(oldest);
  }
}
