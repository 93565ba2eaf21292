/**
 * Tells pools of the endpoints of their providers. A provider that a change of its row has taken out of a pool keeps its
 * endpoints there while requests wait in it: without seats they would wait until their time is over. For that while both
 * pools grant seats at the same endpoints.
 */
import type { Clock } from './domain/clock.ts';
import type { OnEndpoints } from './domain/endpoint.ts';

export interface LeftPoolsParts {
  /** Puts endpoints into effect in a pool. */
  readonly setEndpoints: OnEndpoints;
  readonly hasWaiting: (pool: string) => boolean;
  /** Returns the pool of a provider by now; undefined: it is gone. */
  readonly poolOf: (provider: string) => string | undefined;
  readonly clock: Clock;
}

const lookMs = 100;

export class LeftPools {
  readonly #parts: LeftPoolsParts;
  /** The pools that a provider has left while requests waited there. */
  readonly #left = new Map<string, Set<string>>();
  #cancelLook = () => {};

  constructor(parts: LeftPoolsParts) {
    this.#parts = parts;
  }

  told(...[provider, pool, endpoints]: Parameters<OnEndpoints>): void {
    const { setEndpoints, hasWaiting, poolOf } = this.#parts;
    const left = this.#left.get(provider) ?? new Set();
    if (endpoints.length === 0 && poolOf(provider) !== pool && hasWaiting(pool)) {
      this.#left.set(provider, left.add(pool));
      this.#lookLater();
      return;
    }
    left.delete(pool);
    setEndpoints(provider, pool, endpoints);
    // What waits in a pool that it has left goes where it is now.
    if (endpoints.length > 0) for (const name of left) setEndpoints(provider, name, endpoints);
  }

  stop(): void {
    this.#cancelLook();
  }

  #lookLater(): void {
    this.#cancelLook();
    this.#cancelLook = this.#parts.clock.after(lookMs, () => this.#look());
  }

  #look(): void {
    const { setEndpoints, hasWaiting } = this.#parts;
    for (const [provider, pools] of this.#left) {
      for (const pool of pools) {
        if (hasWaiting(pool)) continue;
        pools.delete(pool);
        setEndpoints(provider, pool, []);
      }
      if (pools.size === 0) this.#left.delete(provider);
    }
    if (this.#left.size > 0) this.#lookLater();
  }
}
