import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../domain/clock.ts';
import { errors, GatewayError } from '../../domain/errors.ts';
import type { Guess } from '../../domain/peers.ts';
import type { Events } from '../../telemetry/events.ts';
import { type ClientAddresses, networkOf } from './client-address.ts';

const windowMs = 60_000;
/** The number of different wrong keys of an address per minute that are answered without delay, also when repeated. */
const freeKeys = 20;
const addressesAtMost = 10_000;
/** Each further key is answered this much later than the last … */
const slowerByMs = 25;
/** … up to this delay. */
const longestHoldMs = 500;
/** The most delayed answers: of one address, and in total. Further ones are sent at once. */
const heldPerAddress = 100;
const heldAtMost = 2_000;

interface Tries {
  readonly since: number;
  /** Fingerprints of the keys without delay: a client that repeats the one key it has does not guess. */
  readonly free: Set<string>;
  /** The number of further keys. */
  late: number;
  held: number;
}

interface WrongKeysParts {
  readonly addresses: ClientAddresses;
  readonly clock: Clock;
  readonly events: Pick<Events, 'keyRefused' | 'keysGuessed'>;
  /** Called for each key that is answered without delay. */
  readonly onGuess?: ((guess: Guess) => void) | undefined;
}

/**
 * Slows down attempts to guess keys. Used only after a key was found to be wrong, so a valid key never waits, whatever
 * other clients at its address did.
 */
export class WrongKeys {
  readonly #parts: WrongKeysParts;
  /** By network, in the order in which their minutes began. */
  readonly #byNetwork = new Map<string, Tries>();
  #held = 0;

  constructor(parts: WrongKeysParts) {
    this.#parts = parts;
  }

  /** Rejects with the thrown error; for a further wrong key later, and with a 429. */
  async refuse(req: IncomingMessage, key: string, thrown: unknown): Promise<never> {
    if (!(thrown instanceof GatewayError) || thrown.code !== 'invalid_api_key') throw thrown;
    const { addresses, clock, events, onGuess } = this.#parts;
    const address = addresses.of(req);
    const network = networkOf(address);
    const tries = this.#current(network);
    const fingerprint = fingerprintOf(key);
    const isNew = tries.free.size < freeKeys && !tries.free.has(fingerprint);
    if (isNew) tries.free.add(fingerprint);
    if (isNew) onGuess?.({ network, fingerprint });
    const isFree = tries.free.has(fingerprint);
    events.keyRefused(isFree ? 'invalid_api_key' : 'too_many_invalid_keys');
    if (isFree) throw thrown;
    if (++tries.late === 1) events.keysGuessed({ address, count: freeKeys });
    await this.#hold(tries);
    const waitSec = Math.ceil((tries.since + windowMs - clock.now()) / 1000);
    throw errors.tooManyInvalidKeys(
      `${thrown.message} So were ${freeKeys} others that came from this address within a minute.`,
      Math.max(1, waitSec),
    );
  }

  /** Another process of this gateway has refused it. */
  heardOf({ network, fingerprint }: Guess): void {
    const { free } = this.#current(network);
    if (free.size < freeKeys) free.add(fingerprint);
  }

  async #hold(tries: Tries): Promise<void> {
    if (tries.held >= heldPerAddress || this.#held >= heldAtMost) return;
    const holdMs = Math.min(longestHoldMs, tries.late * slowerByMs);
    tries.held++;
    this.#held++;
    await new Promise<void>(resolve => this.#parts.clock.after(holdMs, resolve));
    tries.held--;
    this.#held--;
  }

  #current(network: string): Tries {
    const now = this.#parts.clock.now();
    for (const [other, { since }] of this.#byNetwork) {
      if (now - since < windowMs) break;
      this.#byNetwork.delete(other);
    }
    const known = this.#byNetwork.get(network);
    if (known !== undefined) return known;
    if (this.#byNetwork.size >= addressesAtMost) this.#forgetOldest();
    const tries = { since: now, free: new Set<string>(), late: 0, held: 0 };
    this.#byNetwork.set(network, tries);
    return tries;
  }

  #forgetOldest(): void {
    const [oldest] = this.#byNetwork.keys();
    if (oldest !== undefined) this.#byNetwork.delete(oldest);
  }
}

/** Long enough that collisions cannot be found; does not reveal the key. */
const fingerprintOf = (key: string): string => hash('sha256', key, 'base64url').slice(0, 12);
