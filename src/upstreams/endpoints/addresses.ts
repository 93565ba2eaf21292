import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '../../domain/clock.ts';

/** Returns the addresses of a name; rejects where it has none or cannot be asked. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** As the system resolves names: its hosts file, its search domains. */
export const systemLookup: Lookup = async name => (await lookup(name, { all: true })).map(({ address }) => address);

const everyMs = 5_000;
/** Each address is an endpoint with connections and series of its own. */
const mostAddresses = 100;

export interface AddressesParts {
  readonly name: string;
  readonly lookup: Lookup;
  readonly clock: Clock;
  /** Called with the addresses in a fixed order whenever others are found than before. */
  readonly onFound: (addresses: readonly string[]) => void;
  /** `fault`: null when it is over. */
  readonly onFault: (fault: string | null) => void;
}

/** Keeps the addresses of a name, looked up again and again. A failed look-up keeps the last ones. */
export class Addresses {
  readonly #parts: AddressesParts;
  #found: readonly string[] = [];
  #isStopped = false;
  #nextAt: number | null = null;
  #cancel = () => {};

  constructor(parts: AddressesParts) {
    this.#parts = parts;
    void this.#look();
  }

  /** The moment of the next look-up; null: one is under way. */
  get nextAt(): number | null {
    return this.#nextAt;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** One at a time: a slow resolver is not asked again before it has answered. */
  async #look(): Promise<void> {
    const { name, lookup, clock, onFault } = this.#parts;
    this.#nextAt = null;
    try {
      const found = await lookup(name);
      if (!this.#isStopped) this.#take(found);
    } catch (error) {
      if (!this.#isStopped) onFault(`${name} cannot be looked up: ${reasonOf(error)}`);
    }
    if (this.#isStopped) return;
    this.#nextAt = clock.now() + everyMs;
    this.#cancel = clock.after(everyMs, () => void this.#look());
  }

  #take(found: readonly string[]): void {
    const { name, onFound, onFault } = this.#parts;
    const sound = [...new Set(found)].filter(address => isIP(address) !== 0).toSorted();
    if (sound.length === 0) {
      onFault(`${name} cannot be looked up: it has no address`);
      return;
    }
    const tooMany = sound.length > mostAddresses;
    onFault(tooMany ? `${name} has ${sound.length} addresses, of which only ${mostAddresses} are used` : null);
    const taken = sound.slice(0, mostAddresses);
    if (taken.join() === this.#found.join()) return;
    this.#found = taken;
    onFound(taken);
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error);
