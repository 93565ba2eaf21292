/**
 * The endpoints of all pools of a fleet (fleet-endpoints.ts): what this gateway sees is told to its conductor, or, while it
 * conducts, put together with what its members tell.
 */
import type { Clock } from '../../domain/clock.ts';
import type { EndpointSeats } from '../../domain/endpoint.ts';
import type { Upward } from '../../fleet/messages/messages.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';
import { FleetEndpoints, self } from './fleet-endpoints.ts';
import { saidEndpoints, saidProvider } from './words.ts';

type EndpointsWord = Extract<Upward, { readonly t: 'endpoints' }>;

interface Member {
  deskAt(pool: number): PoolDesk | null;
  chooseAnew(): void;
}

interface SharedEndpointsParts {
  readonly clock: Clock;
  readonly members: ReadonlyMap<string, Member>;
  readonly say: (message: Upward) => boolean;
}

/** One pool; `number`: among those of this gateway. */
interface Pool {
  readonly number: number;
  readonly desk: PoolDesk;
  readonly endpoints: FleetEndpoints;
  /** By provider and gateway: the endpoints that only this gateway cannot reach, as they were used last. */
  readonly avoided: Map<string, string>;
}

export class SharedEndpoints {
  readonly #parts: SharedEndpointsParts;
  readonly #pools = new Map<PoolDesk, Pool>();
  #isConducting = false;

  constructor(parts: SharedEndpointsParts) {
    this.#parts = parts;
  }

  add(desk: PoolDesk): void {
    const endpoints = new FleetEndpoints(this.#parts.clock);
    this.#pools.set(desk, { number: this.#pools.size, desk, endpoints, avoided: new Map() });
  }

  /** All endpoints of a provider, as this gateway sees them. */
  set(desk: PoolDesk, provider: string, endpoints: readonly EndpointSeats[]): void {
    const pool = this.#pools.get(desk);
    if (pool === undefined) return;
    pool.endpoints.hear(self, provider, endpoints);
    if (this.#isConducting) this.#apply(pool, provider);
    else this.#parts.say(word(pool, provider, endpoints));
  }

  /** Those that this gateway sees, for its conductor. */
  *words(): Iterable<Upward> {
    for (const pool of this.#pools.values())
      for (const { provider, endpoints } of pool.endpoints.own()) yield word(pool, provider, endpoints);
  }

  heard(from: string, { pool: number, provider, endpoints }: EndpointsWord): void {
    const desk = this.#parts.members.get(from)?.deskAt(number);
    const pool = desk ? this.#pools.get(desk) : undefined;
    if (pool?.endpoints.hear(from, provider, endpoints)) this.#apply(pool, provider);
  }

  conduct(): void {
    this.#isConducting = true;
    this.#applyAll(({ endpoints }) => endpoints.forgetMembers());
  }

  abdicate(): void {
    this.#isConducting = false;
  }

  forget(member: string): void {
    this.#applyAll(({ endpoints }) => endpoints.forget(member));
  }

  /** The endpoints that are up as this gateway sees them. */
  seenUp(desk: PoolDesk, provider: string): readonly string[] {
    const seen = this.#pools.get(desk)?.endpoints.of(provider)?.seenBy(self) ?? [];
    return seen.flatMap(({ id, seats }) => (seats > 0 ? [id] : []));
  }

  /** The endpoints that only that member cannot reach. */
  unreached(member: string, desk: PoolDesk, provider: string): readonly string[] {
    return this.#pools.get(desk)?.endpoints.of(provider)?.avoidedBy(member) ?? [];
  }

  /** A request is given a seat there, which its gateway tries next. */
  tries(by: string, desk: PoolDesk, provider: string, endpoint: string): void {
    this.#pools.get(desk)?.endpoints.of(provider)?.tried(by, endpoint);
  }

  #applyAll(change: (pool: Pool) => void): void {
    for (const pool of this.#pools.values()) {
      change(pool);
      if (this.#isConducting) for (const [provider] of pool.endpoints.providers()) this.#apply(pool, provider);
    }
  }

  #apply(pool: Pool, provider: string): void {
    const sights = pool.endpoints.of(provider);
    const forAll = sights?.forAll() ?? null;
    if (sights === null || forAll === null) return;
    pool.desk.setEndpoints(provider, forAll);
    for (const gateway of [self, ...this.#parts.members.keys()]) {
      const ids = sights.avoidedBy(gateway);
      const key = JSON.stringify([provider, gateway]);
      if ((pool.avoided.get(key) ?? '') === ids.join(' ')) continue;
      if (ids.length === 0) pool.avoided.delete(key);
      else pool.avoided.set(key, ids.join(' '));
      if (gateway === self) pool.desk.setUnreached(provider, ids);
      else this.#parts.members.get(gateway)?.chooseAnew();
    }
  }
}

const word = ({ number }: Pool, provider: string, endpoints: readonly EndpointSeats[]): EndpointsWord => ({
  t: 'endpoints',
  pool: number,
  provider: saidProvider(provider),
  endpoints: saidEndpoints(endpoints),
});
