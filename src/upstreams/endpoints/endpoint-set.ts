import { isDeepStrictEqual } from 'node:util';
import type { HttpProviderConfig } from '../../config/config.ts';
import { baseUrlIn } from '../../config/providers/base-urls.ts';
import type { Clock } from '../../domain/clock.ts';
import type { EndpointSeats } from '../../domain/endpoint.ts';
import { Addresses, type Lookup } from './addresses.ts';
import { Endpoint, type EndpointConfig, type EndpointSeen, type OnTurn, type Place } from './endpoint.ts';
import type { ProbeRequest } from './probe.ts';
import { endpointId, type Way } from './way.ts';

export interface EndpointSetParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly lookup: Lookup;
  /** Called when an endpoint comes, goes, or has other seats. */
  readonly onChange: () => void;
  readonly onTurn: OnTurn;
  /** A sentence for the log; null: what was said is over. */
  readonly onFault: (fault: string | null) => void;
}

export type SetConfig = EndpointConfig & Pick<HttpProviderConfig, 'baseUrls' | 'seats'>;

/** How long nothing is retried where no probe is planned, as all endpoints are drained. */
const lookAgainMs = 5_000;

/** The endpoints of one provider, in the order of its URLs. */
export class EndpointSet {
  readonly #parts: EndpointSetParts;
  #config: SetConfig;
  #probeRequest: (way: Way) => ProbeRequest;
  #endpoints: readonly Endpoint[] = [];
  readonly #names = new Map<string, { readonly lookups: Addresses; found: readonly string[] }>();
  #checks = true;
  /** Those whose calls still run. */
  #leaving: readonly Endpoint[] = [];

  constructor(config: SetConfig, probeRequest: (way: Way) => ProbeRequest, parts: EndpointSetParts) {
    this.#parts = parts;
    this.#config = config;
    this.#probeRequest = probeRequest;
    this.#follow();
    this.#place();
  }

  /** Endpoints of which nothing is changed keep their connections and their state. */
  configure(config: SetConfig, probeRequest: (way: Way) => ProbeRequest): void {
    const isSame = isDeepStrictEqual(endpointConfig(config), endpointConfig(this.#config));
    this.#config = config;
    this.#probeRequest = probeRequest;
    this.#follow();
    this.#place(isSame);
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Returns the endpoint with this id, else the first that is up, else the first; undefined: none is known yet. */
  find(id: string | null): Endpoint | undefined {
    const [first] = this.#endpoints;
    if (this.#endpoints.length === 1) return first;
    return (
      this.#endpoints.find(endpoint => endpoint.id === id) ??
      this.#endpoints.find(({ health }) => health.share > 0) ??
      first
    );
  }

  /** Whether one that may be used is none of these. */
  hasOther(ids: readonly string[]): boolean {
    if (this.#endpoints.length < 2) return false;
    return this.#endpoints.some(({ id, health }) => health.share > 0 && !ids.includes(id));
  }

  /** Returns the endpoint that an operator names. */
  named(id: string): Endpoint | undefined {
    return this.#endpoints.find(endpoint => endpoint.id === id);
  }

  seats(): EndpointSeats[] {
    return this.#endpoints.map(endpoint => ({ id: endpoint.id, seats: endpoint.seatsOf(this.#seatsEach) }));
  }

  seen(): EndpointSeen[] {
    return this.#endpoints.map(endpoint => endpoint.seen(this.#seatsEach));
  }

  /** The moment of the next probe while no endpoint may be used; null: one may, or may be known in a moment. */
  downUntil(now: number): number | null {
    if (this.#endpoints.some(({ health }) => health.share > 0)) return null;
    const probes = this.#endpoints.map(({ health }) => health.probeAt);
    const lookups = [...this.#names.values()].map(({ lookups }) => lookups.nextAt);
    if (this.#endpoints.length === 0) return lookups.includes(null) ? null : Math.max(now, ...soonest(lookups));
    const [next = now + lookAgainMs] = soonest(probes);
    return Math.max(now, next);
  }

  /** No more checks, as the process is about to end. */
  stopChecks(): void {
    this.#checks = false;
    for (const { health } of this.#endpoints) health.stopChecks();
  }

  /** Takes no more calls; those that run go on to their ends. */
  retire(): void {
    this.#forgetNames();
    this.#leave(this.#endpoints);
    this.#endpoints = [];
  }

  async close(): Promise<void> {
    this.#forgetNames();
    await Promise.all([...this.#endpoints, ...this.#leaving].map(endpoint => endpoint.close()));
  }

  get #seatsEach(): number {
    const { seats } = this.#config;
    return 'each' in seats ? seats.each : Math.ceil(seats.inAll / Math.max(1, this.#endpoints.length));
  }

  #forgetNames(): void {
    for (const { lookups } of this.#names.values()) lookups.stop();
    this.#names.clear();
  }

  /** Looks up the names that have to be, each once. */
  #follow(): void {
    const { clock, lookup, onFault } = this.#parts;
    const names = new Set(
      this.#config.baseUrls.map(baseUrlIn).flatMap(({ url, isLookedUp }) => (isLookedUp ? [url.hostname] : [])),
    );
    for (const [name, { lookups }] of this.#names) {
      if (names.has(name)) continue;
      lookups.stop();
      this.#names.delete(name);
    }
    for (const name of names) {
      if (this.#names.has(name)) continue;
      const onFound = (found: readonly string[]) => {
        followed.found = found;
        this.#place();
      };
      const followed = {
        lookups: new Addresses({ name, lookup, clock, onFound, onFault }),
        found: [] as readonly string[],
      };
      this.#names.set(name, followed);
    }
  }

  /** `isSame`: an endpoint that is at the same place may stay as it is. */
  #place(isSame = true): void {
    const before = this.#endpoints;
    const kept = (place: Place) =>
      isSame ? before.find(endpoint => isDeepStrictEqual(endpoint.place, place)) : undefined;
    this.#endpoints = this.#places().map(place => kept(place) ?? this.#open(place));
    this.#leave(before.filter(endpoint => !this.#endpoints.includes(endpoint)));
    for (const endpoint of this.#endpoints) {
      if (before.includes(endpoint)) endpoint.health.neighboursChanged();
      else if (before.length > 0 && isSame) endpoint.health.startSlowly();
    }
    this.#parts.onChange();
  }

  #leave(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) endpoint.retire();
    this.#leaving = [...this.#leaving, ...endpoints].filter(({ connections }) => !connections.isEmpty);
  }

  #places(): Place[] {
    const places = this.#config.baseUrls.map(baseUrlIn).flatMap(({ url, isLookedUp }): Place[] => {
      if (!isLookedUp) return [{ id: endpointId(url, null), url: url.href, address: null }];
      const found = this.#names.get(url.hostname)?.found ?? [];
      return found.map(address => ({ id: endpointId(url, address), url: url.href, address }));
    });
    return places.filter(({ id }, at) => places.findIndex(place => place.id === id) === at);
  }

  #open(place: Place): Endpoint {
    const { clock, random, onChange, onTurn } = this.#parts;
    const endpoint = new Endpoint({
      place,
      config: this.#config,
      clock,
      random,
      isLone: () => this.#endpoints.length < 2,
      probeRequest: way => this.#probeRequest(way),
      onChange,
      onTurn,
    });
    if (!this.#checks) endpoint.health.stopChecks();
    return endpoint;
  }
}

const soonest = (times: readonly (number | null)[]): number[] =>
  times.filter(time => time !== null).toSorted((a, b) => a - b);

const endpointConfig = (config: SetConfig): EndpointConfig => ({
  proxy: config.proxy,
  connectTimeoutMs: config.connectTimeoutMs,
  firstByteTimeoutMs: config.firstByteTimeoutMs,
  idleTimeoutMs: config.idleTimeoutMs,
  allowedNetworks: config.allowedNetworks,
  healthPath: config.healthPath,
});
