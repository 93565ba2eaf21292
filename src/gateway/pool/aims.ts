/** Where the guests of a desk are not to be seated: each at what has failed for it, and at what its gateway cannot reach. */
import type { Stay } from './guest.ts';

const nowhere: readonly string[] = [];

export class Aims {
  /** By provider: the endpoints that this gateway alone cannot reach. Guests from others know what theirs cannot reach. */
  readonly #unreached = new Map<string, readonly string[]>();

  setUnreached(provider: string, endpoints: readonly string[]): void {
    if (endpoints.length === 0) this.#unreached.delete(provider);
    else this.#unreached.set(provider, endpoints);
  }

  /** Must be called before the guest is queued. */
  aim({ guest, place }: Stay): void {
    const { avoid = nowhere } = guest;
    const unreached = guest.gateway === undefined ? this.#unreached.get(place.target.provider) : undefined;
    place.avoid = unreached === undefined ? avoid : [...new Set([...avoid, ...unreached])];
  }
}
