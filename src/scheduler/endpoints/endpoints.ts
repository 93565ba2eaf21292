/**
 * The endpoints of the pool's providers: how many seats they have, which request runs where, and which waits as no endpoint
 * that it may go to has a free seat. Such a request is passed by (side-queues.ts) and blocks nobody.
 *
 *   a provider that was never told of   any number of its requests may start; they are given no endpoint
 *   the only provider of its pool       the pool has no more seats than its endpoints, so a free seat is at one of
 *                                       them: only requests that avoid endpoints have to be passed by
 *   one of several                      all its requests wait for a selection of its endpoints (selection.ts)
 *
 * Invariant: an endpoint that is up has as many of the pool's seats in use as requests run there; one that is down has none.
 */
import type { EndpointSeats, EndpointUse } from '../../domain/endpoint.ts';
import type { AffinityResult, Warmth } from '../../domain/warmth.ts';
import type { Capacity } from '../capacity/capacity.ts';
import { possible } from './choice.ts';
import { Endpoint } from './endpoint.ts';
import { ProviderEndpoints } from './provider-endpoints.ts';
import type { Selection } from './selection.ts';

/** A request, before its turn. `shut` is told beside it: the endpoints that have closed its model. */
interface Comer {
  readonly target: { readonly provider: string };
  /** IDs of endpoints that have failed for it. */
  readonly avoid: readonly string[];
}

/** What is known here of a request. */
interface Seeker extends Comer {
  readonly warmth: Warmth | null;
  readonly level: number;
  readonly tokens: number;
  endpoint: Endpoint | null;
  affinity: AffinityResult | null;
}

interface EndpointsOptions<Watcher> {
  readonly capacity: Capacity;
  readonly changed: (selection: Selection<Watcher>) => void;
  /** Called when requests that wait must be looked at again, as they may wait for a selection from now on. */
  readonly selecting: () => void;
  /** Called after each change of the seats. */
  readonly resized: () => void;
}

/** Names of providers come from other gateways too. */
const mostUntold = 1000;
const none: readonly string[] = [];

export class Endpoints<Watcher> {
  readonly #options: EndpointsOptions<Watcher>;
  readonly #providers = new Map<string, ProviderEndpoints<Watcher>>();
  /** Providers without endpoints, of which requests have come. */
  readonly #untold = new Set<string>();
  /** The number of providers that were told of. None is the usual case in tests and must cost nothing. */
  #told = 0;
  /** The provider that was looked up last. */
  #last: ProviderEndpoints<Watcher> | null = null;

  constructor(options: EndpointsOptions<Watcher>) {
    this.#options = options;
  }

  /** Sets all endpoints of a provider. Those that are missing are down, and forgotten when their last request has ended. */
  set(name: string, listed: readonly EndpointSeats[]): void {
    const provider = this.#provider(name);
    const isNew = !provider.isTold;
    provider.isTold = true;
    if (isNew) this.#told++;
    this.#untold.delete(name);
    const seats = new Map(listed.map(endpoint => [endpoint.id, endpoint.seats]));
    const gone = provider.endpoints.filter(({ id, inUse }) => !seats.has(id) && inUse > 0);
    const present = [...seats].map(([id, count]) => {
      const endpoint = provider.endpoints.find(one => one.id === id) ?? new Endpoint(id, 0);
      return this.#resized(endpoint, count, true);
    });
    provider.list([...present, ...gone.map(endpoint => this.#resized(endpoint, 0, false))]);
    this.#limit();
    provider.look();
    if (isNew) this.#options.selecting();
    this.#options.resized();
  }

  /** Must be called for each request that comes. */
  met({ target }: Comer): void {
    if (this.#told === 0 || this.#find(target.provider)?.isTold === true) return;
    if (this.#untold.has(target.provider) || this.#untold.size === mostUntold) return;
    this.#untold.add(target.provider);
    this.#limit();
    this.#options.selecting();
    this.#options.resized();
  }

  /** The endpoint to start the request at; null: it needs none; undefined: none has a free seat. */
  choose({ target, avoid, warmth }: Seeker, shut: readonly string[]): Endpoint | null | undefined {
    const provider = this.#told === 0 ? undefined : this.#find(target.provider);
    return provider?.isTold === true ? (provider.choose({ avoid, shut, warmth }) ?? undefined) : null;
  }

  /** Whether it may start as far as endpoints go; which of them is warm for it does not matter to that. */
  hasRoomFor({ target, avoid }: Comer, shut: readonly string[]): boolean {
    const provider = this.#told === 0 ? undefined : this.#find(target.provider);
    return provider?.isTold !== true || provider.choose({ avoid, shut }) !== null;
  }

  /** The selection that a request waits for whose model is closed nowhere; null: a free seat of the pool is enough. */
  selectionOf({ target, avoid }: Comer): Selection<Watcher> | null {
    if (this.#told === 0 || (avoid.length === 0 && this.#told + this.#untold.size === 1)) return null;
    const provider = this.#find(target.provider);
    return provider?.isTold === true ? provider.selection({ avoid, shut: none }) : null;
  }

  /** The endpoints that it may go to. */
  reach({ target, avoid }: Comer, shut: readonly string[]): Selection<Watcher> {
    return this.#provider(target.provider).selection({ avoid, shut });
  }

  /** The IDs of those of them that are up. */
  upFor({ target, avoid }: Comer): string[] {
    const provider = this.#find(target.provider);
    if (provider?.isTold !== true) return [];
    return possible(provider.endpoints, avoid).flatMap(({ id, isUp }) => (isUp ? [id] : []));
  }

  /** The endpoint of its seat, if its provider has others too; else null. */
  oneOfSeveral({ target, endpoint }: Seeker): Endpoint | null {
    const others = this.#find(target.provider)?.endpoints.some(one => one !== endpoint && one.isListed);
    return others === true ? endpoint : null;
  }

  /** Whether any endpoint of its provider takes requests. */
  isAnyUp({ target }: Comer): boolean {
    const provider = this.#find(target.provider);
    return provider?.isTold !== true || provider.endpoints.some(({ isUp }) => isUp);
  }

  /** The request starts at its endpoint. */
  take(seeker: Seeker): void {
    const { endpoint } = seeker;
    seeker.affinity = null;
    const provider = endpoint === null ? undefined : this.#find(seeker.target.provider);
    if (endpoint === null || provider === undefined) return;
    seeker.affinity = provider.affinityAt(endpoint, seeker);
    provider.take(endpoint, seeker);
  }

  /** The request was seated elsewhere. Returns whether its seat counts here. */
  adopt(seeker: Seeker, id: string | null): boolean {
    if (id === null) return true;
    const provider = this.#provider(seeker.target.provider);
    seeker.endpoint = provider.named(id);
    provider.take(seeker.endpoint, seeker);
    return seeker.endpoint.isUp;
  }

  /** The request has ended. Returns whether its seat counted. */
  free(seeker: Seeker): boolean {
    const { endpoint } = seeker;
    const provider = endpoint === null ? undefined : this.#find(seeker.target.provider);
    if (endpoint === null || provider === undefined) return true;
    provider.free(endpoint, seeker);
    if (!provider.isTold && provider.isForgettable) this.#forget(provider);
    return endpoint.isUp;
  }

  all(): EndpointUse[] {
    return [...this.#providers.values()]
      .filter(({ isTold }) => isTold)
      .flatMap(({ name, endpoints }) =>
        endpoints.map(({ id, seats, inUse }) => ({ provider: name, id, seats, inUse })),
      );
  }

  #resized(endpoint: Endpoint, seats: number, isListed: boolean): Endpoint {
    const wasUp = endpoint.isUp;
    endpoint.seats = seats;
    endpoint.isListed = isListed;
    if (endpoint.isUp !== wasUp) this.#options.capacity.count(endpoint, endpoint.isUp ? 1 : -1);
    return endpoint;
  }

  #limit(): void {
    let seats = this.#untold.size > 0 ? Number.POSITIVE_INFINITY : 0;
    for (const provider of this.#providers.values()) if (provider.isTold) seats += provider.seats;
    this.#options.capacity.limitTo(seats);
  }

  #find(name: string): ProviderEndpoints<Watcher> | undefined {
    if (this.#last?.name === name) return this.#last;
    const found = this.#providers.get(name);
    if (found !== undefined) this.#last = found;
    return found;
  }

  #forget(provider: ProviderEndpoints<Watcher>): void {
    this.#providers.delete(provider.name);
    if (this.#last === provider) this.#last = null;
  }

  #provider(name: string): ProviderEndpoints<Watcher> {
    const known = this.#find(name);
    if (known !== undefined) return known;
    const provider = new ProviderEndpoints(name, this.#options.changed);
    this.#providers.set(name, provider);
    return provider;
  }
}
