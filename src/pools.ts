/** Wires each pool: its desk, its dispatcher, the room for bodies; in a fleet, the process that grants its seats. */
import type { Config, PoolConfig, PoolSettings } from './config/config.ts';
import type { Clock } from './domain/clock.ts';
import type { EndpointSeats, OnEndpoints } from './domain/endpoint.ts';
import { errors } from './domain/errors.ts';
import type { Configure } from './edition/edition.ts';
import { FleetSeats } from './gateway/fleet/fleet-seats.ts';
import { Dispatcher } from './gateway/pool/dispatcher.ts';
import { PoolDesk } from './gateway/pool/pool-desk.ts';
import type { PoolView } from './gateway/pool/view/pool-view.ts';
import { PoolsView } from './gateway/pool/view/pools-view.ts';
import { BodyLimits } from './gateway/receiving/body-limits.ts';
import { LeftPools } from './left-pools.ts';
import { atEveryStep } from './observed/pool-history.ts';
import { WaitWindow } from './observed/wait-window.ts';
import type { Events } from './telemetry/events.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

export interface PoolParts {
  readonly clock: Clock;
  readonly events: Events;
  /** Ends the observers of the pools. */
  readonly until: AbortSignal;
  /** Returns the pool of a provider by now; undefined: it is gone. */
  readonly poolOf: (provider: string) => string | undefined;
  readonly upstreams: Pick<Upstreams, 'abortAll'>;
}

export function deskOf(desks: ReadonlyMap<string, PoolDesk>, pool: string): PoolDesk {
  const desk = desks.get(pool);
  if (desk === undefined) throw new Error(`no pool ${pool}`);
  return desk;
}

/** Removed pools are looked at so often: whether nothing waits or runs there any more. */
const lookMs = 10_000;
/** A request that waits elsewhere may still come to a removed pool, as its next target. */
const lingerMs = 120_000;

/** Creates what stands before each pool; `configure` puts a pool's settings into effect in all of it. */
export function openPools(config: Config, parts: PoolParts) {
  const pools = new Pools(config, parts);
  return {
    ...pools.open,
    configure: ((...change) => pools.configure(...change)) satisfies Configure,
    /** Opens pools that are new, and removes those that are gone once nothing waits or runs there. */
    setPools: (configs: readonly PoolConfig[]) => pools.set(configs),
    setEndpoints: ((...told) => pools.setEndpoints(...told)) satisfies OnEndpoints,
  };
}

class Pools {
  readonly #parts: PoolParts;
  readonly #views: PoolView[] = [];
  readonly #desks = new Map<string, PoolDesk>();
  readonly #dispatchers = new Map<string, Dispatcher>();
  /** Pools without a provider, with the time since when. */
  readonly #gone = new Map<string, number>();
  readonly #left: LeftPools;
  #tenants: Parameters<Configure>[2];
  #cancelLook = () => {};
  readonly open;

  constructor(config: Config, parts: PoolParts) {
    this.#parts = parts;
    this.#tenants = new Map(config.tenants.map(tenant => [tenant.tenantId, tenant]));
    const bodies = createBodyLimits(config);
    const view = new PoolsView(this.#views);
    this.open = { desks: this.#desks, dispatchers: this.#dispatchers, view, bodies, seats: openSeats(config, parts) };
    for (const pool of config.pools) this.#add(pool);
    atEveryStep(parts.clock, parts.until, () => {
      for (const pool of this.#views) pool.endStep();
    });
    this.#left = new LeftPools({
      setEndpoints: (...told) => this.#setEndpoints(...told),
      hasWaiting: pool => this.#hasWaiting(pool),
      ...parts,
    });
    const stopLooking = () => {
      this.#cancelLook();
      this.#left.stop();
    };
    parts.until.addEventListener('abort', stopLooking, { once: true });
  }

  configure(pool: string, settings: PoolSettings, tenants: Parameters<Configure>[2]): void {
    this.#tenants = tenants;
    this.#desks.get(pool)?.configure(settings, tenants);
    this.#dispatchers.get(pool)?.configure(settings);
    this.open.seats?.configure(pool, settings);
    this.open.bodies.configure(pool, settings);
  }

  setEndpoints(...[provider, pool, endpoints]: Parameters<OnEndpoints>): void {
    this.#left.told(provider, pool, endpoints);
    if (endpoints.length > 0 && endpoints.every(isDown)) this.#dispatchers.get(pool)?.targetDown(provider);
  }

  set(pools: readonly PoolConfig[]): void {
    const names = new Set(pools.map(({ name }) => name));
    for (const pool of pools) {
      this.#gone.delete(pool.name);
      if (!this.#desks.has(pool.name)) this.#add(pool, true);
    }
    const now = this.#parts.clock.now();
    for (const name of this.#desks.keys()) if (!names.has(name) && !this.#gone.has(name)) this.#gone.set(name, now);
    this.#look();
  }

  #add({ name, settings }: PoolConfig, isLate = false): void {
    const { clock } = this.#parts;
    const { seats, bodies } = this.open;
    const gate = seats === null ? {} : { mayGrant: (now: number) => seats.mayGrant(now) };
    const waits = new WaitWindow(clock);
    const desk = new PoolDesk({ name, settings, tenants: this.#tenants, clock, waits, ...gate });
    const granting = seats?.deskOf(name, desk, settings) ?? desk;
    this.#desks.set(name, desk);
    this.#dispatchers.set(name, new Dispatcher({ name, settings, desk: granting, clock }));
    this.#views.push(desk.view);
    bodies.configure(name, settings);
    if (isLate) seats?.poolAdded(name);
  }

  #setEndpoints(...[provider, pool, endpoints]: Parameters<OnEndpoints>): void {
    const { seats } = this.open;
    if (seats === null) this.#desks.get(pool)?.setEndpoints(provider, endpoints);
    else if (this.#desks.has(pool)) seats.setEndpoints(pool, provider, endpoints);
  }

  #hasWaiting(pool: string): boolean {
    return (
      this.#desks
        .get(pool)
        ?.view.stats()
        .levels.some(({ waiting }) => waiting > 0) === true
    );
  }

  #look(): void {
    this.#cancelLook();
    // Members of a fleet call their pools by number, so there they stay.
    if (this.open.seats !== null || this.#parts.until.aborted) return;
    const now = this.#parts.clock.now();
    for (const [name, since] of this.#gone) {
      const isIdle = this.#desks.get(name)?.view.stats().in_use === 0 && !this.#hasWaiting(name);
      if (isIdle && now - since >= lingerMs) this.#remove(name);
    }
    if (this.#gone.size > 0) this.#cancelLook = this.#parts.clock.after(lookMs, () => this.#look());
  }

  #remove(name: string): void {
    this.#gone.delete(name);
    this.#views.splice(
      this.#views.findIndex(view => view.name === name),
      1,
    );
    this.#desks.delete(name);
    this.#dispatchers.delete(name);
    this.open.bodies.forget(name);
  }
}

const isDown = ({ seats }: EndpointSeats): boolean => seats === 0;

/** Null: the seats of this gateway are its own. */
function openSeats({ cluster }: Config, { clock, events, upstreams }: PoolParts): FleetSeats | null {
  if (!cluster.enabled) return null;
  const cut = () => upstreams.abortAll(errors.unavailable('This gateway has lost the other gateways.', 1));
  const warn = (sentence: string) => events.warn(`Fleet ${cluster.fleet}: ${sentence}`);
  const info = (sentence: string) => events.info(`Fleet ${cluster.fleet}: ${sentence}`);
  return new FleetSeats({ clock, cut: cluster.isolated === 'cut' ? cut : null, log: { info, warn } });
}

const createBodyLimits = ({ gateway: { maxBodyBytes, minBodyBytesPerSec, workers }, pools }: Config) =>
  new BodyLimits({ maxBodyBytes, minBytesPerSec: minBodyBytesPerSec, pools, processes: workers });
