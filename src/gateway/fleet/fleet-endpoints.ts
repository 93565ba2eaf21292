/**
 * Which endpoints each gateway of a fleet sees, and whether they are up there. Its conductor gives seats at those that are up
 * for all; a gateway that cannot reach one of them avoids it.
 *
 *   down for all            most of those gateways say so that have lately tried it
 *   down for one of them    it says so, and the others do not
 *
 * Whoever says that an endpoint is down has tried it; whoever says that it is up has tried it if it was given a seat there.
 */
import type { Clock } from '../../domain/clock.ts';
import type { EndpointSeats } from '../../domain/endpoint.ts';
import { mostEndpointsTold } from '../../fleet/messages/upward.ts';

/** The gateway itself among those that see endpoints. */
export const self = '';

/** Seats of the endpoints of a provider, by ID. */
type Sight = ReadonlyMap<string, number>;

/** The word of a gateway that was last given a seat there longer ago does not count. */
const lateMs = 30_000;
const mostProviders = 1000;

export class FleetEndpoints {
  readonly #clock: Clock;
  readonly #byProvider = new Map<string, ProviderSights>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what is known of the provider now; null: a member names too many. */
  hear(from: string, provider: string, endpoints: readonly EndpointSeats[]): ProviderSights | null {
    const known = this.#byProvider.get(provider);
    if (known === undefined && this.#byProvider.size >= mostProviders && from !== self) return null;
    const sights = known ?? new ProviderSights(this.#clock);
    this.#byProvider.set(provider, sights);
    sights.hear(from, endpoints);
    return sights;
  }

  of(provider: string): ProviderSights | null {
    return this.#byProvider.get(provider) ?? null;
  }

  /** Of the gateway itself. */
  own(): { readonly provider: string; readonly endpoints: readonly EndpointSeats[] }[] {
    return [...this.#byProvider].flatMap(([provider, sights]) => {
      const endpoints = sights.seenBy(self);
      return endpoints === null ? [] : [{ provider, endpoints }];
    });
  }

  providers(): Iterable<[string, ProviderSights]> {
    return this.#byProvider;
  }

  /** What that member has told counts no more. */
  forget(member: string): void {
    for (const sights of this.#byProvider.values()) sights.forget(member);
  }

  forgetMembers(): void {
    for (const sights of this.#byProvider.values()) sights.forgetMembers();
  }
}

export class ProviderSights {
  readonly #clock: Clock;
  readonly #sights = new Map<string, Sight>();
  /** When each gateway was given a seat at an endpoint last. */
  readonly #triedAt = new Map<string, Map<string, number>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hear(from: string, endpoints: readonly EndpointSeats[]): void {
    this.#sights.set(from, new Map(endpoints.slice(0, mostEndpointsTold).map(({ id, seats }) => [id, seats])));
  }

  /** That gateway was given a seat there. */
  tried(by: string, id: string): void {
    if (this.#sights.get(by)?.has(id) !== true) return;
    const times = this.#triedAt.get(by) ?? new Map<string, number>();
    this.#triedAt.set(by, times);
    times.set(id, this.#clock.now());
  }

  forget(member: string): void {
    this.#sights.delete(member);
    this.#triedAt.delete(member);
  }

  forgetMembers(): void {
    for (const from of [...this.#sights.keys()]) if (from !== self) this.forget(from);
  }

  seenBy(from: string): EndpointSeats[] | null {
    const sight = this.#sights.get(from);
    return sight === undefined ? null : [...sight].map(([id, seats]) => ({ id, seats }));
  }

  /** As the fleet sees them: those of this gateway, and what only others see; null: this gateway knows of none. */
  forAll(): EndpointSeats[] | null {
    if (!this.#sights.has(self)) return null;
    const ids = new Set([...(this.#sights.get(self)?.keys() ?? []), ...this.#idsSeenUp()]);
    return [...ids].map(id => ({ id, seats: this.#isDown(id) ? 0 : this.#seatsOf(id) }));
  }

  /** The endpoints that are down for that gateway only. */
  avoidedBy(from: string): string[] {
    const own = this.#sights.get(from);
    if (own === undefined) return [];
    return [...own]
      .filter(([id, seats]) => seats === 0 && !this.#isDown(id) && this.#seatsOf(id) > 0)
      .map(([id]) => id);
  }

  *#idsSeenUp(): Iterable<string> {
    for (const sight of this.#sights.values()) for (const [id, seats] of sight) if (seats > 0) yield id;
  }

  #isDown(id: string): boolean {
    let [down, up] = [0, 0];
    for (const [from, sight] of this.#sights) {
      const seats = sight.get(id);
      if (seats === 0) down++;
      else if (seats !== undefined && this.#hasTried(from, id)) up++;
    }
    return down > up;
  }

  #hasTried(from: string, id: string): boolean {
    const at = this.#triedAt.get(from)?.get(id);
    return at !== undefined && this.#clock.now() - at <= lateMs;
  }

  /** As this gateway sees it, or whoever sees it up. */
  #seatsOf(id: string): number {
    const own = this.#sights.get(self)?.get(id) ?? 0;
    if (own > 0) return own;
    return Math.max(0, ...[...this.#sights.values()].map(sight => sight.get(id) ?? 0));
  }
}
