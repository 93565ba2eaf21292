/**
 * Tells pools of the endpoints of their providers. A provider that a change of its row has taken out of a pool keeps its
 * endpoints there while requests wait in it: without seats they would wait until their time is over. For that while both
 * pools grant seats at the same endpoints.
 */
import type { Clock } from './domain/clock.ts';
import type { OnEndpoints } from './domain/endpoint.ts';
import type { PoolDesk } from './gateway/pool/pool-desk.ts';

const lookMs = 100;

export class LeftPools {
  readonly #desks: ReadonlyMap<string, PoolDesk>;
  readonly #poolOf: (provider: string) => string | undefined;
  readonly #clock: Clock;
  /** The pools that a provider has left while requests waited there. */
  readonly #left = new Map<string, Set<string>>();
  #cancelLook = () => {};

  /** `poolOf`: the pool of a provider by now; undefined: it is gone. */
  constructor(desks: ReadonlyMap<string, PoolDesk>, poolOf: (provider: string) => string | undefined, clock: Clock) {
    this.#desks = desks;
    this.#poolOf = poolOf;
    this.#clock = clock;
  }

  told(...[provider, pool, endpoints]: Parameters<OnEndpoints>): void {
    const left = this.#left.get(provider) ?? new Set();
    if (endpoints.length === 0 && this.#poolOf(provider) !== pool && this.#hasWaiting(pool)) {
      this.#left.set(provider, left.add(pool));
      this.#lookLater();
      return;
    }
    left.delete(pool);
    this.#desks.get(pool)?.setEndpoints(provider, endpoints);
    // What waits in a pool that it has left goes where it is now.
    if (endpoints.length > 0) for (const name of left) this.#desks.get(name)?.setEndpoints(provider, endpoints);
  }

  stop(): void {
    this.#cancelLook();
  }

  #hasWaiting(pool: string): boolean {
    return (
      this.#desks
        .get(pool)
        ?.view.stats()
        .levels.some(({ waiting }) => waiting > 0) === true
    );
  }

  #lookLater(): void {
    this.#cancelLook();
    this.#cancelLook = this.#clock.after(lookMs, () => {
      for (const [provider, pools] of this.#left) {
        for (const pool of pools) {
          if (this.#hasWaiting(pool)) continue;
          pools.delete(pool);
          this.#desks.get(pool)?.setEndpoints(provider, []);
        }
        if (pools.size === 0) this.#left.delete(provider);
      }
      if (this.#left.size > 0) this.#lookLater();
    });
  }
}
