/** Wires each pool: its desk, its dispatcher, the room for bodies; in a fleet, the process that grants its seats. */
import type { Config, PoolConfig } from './config/config.ts';
import type { Clock } from './domain/clock.ts';
import type { EndpointSeats, OnEndpoints } from './domain/endpoint.ts';
import { errors } from './domain/errors.ts';
import type { Configure } from './edition/edition.ts';
import { FleetSeats } from './gateway/fleet/fleet-seats.ts';
import { Dispatcher } from './gateway/pool/dispatcher.ts';
import { PoolDesk } from './gateway/pool/pool-desk.ts';
import { PoolsView } from './gateway/pool/view/pools-view.ts';
import { BodyLimits } from './gateway/receiving/body-limits.ts';
import { atEveryStep } from './observed/pool-history.ts';
import { WaitWindow } from './observed/wait-window.ts';
import type { Events } from './telemetry/events.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

export interface PoolParts {
  readonly clock: Clock;
  readonly events: Events;
  /** Ends the observers of the pools. */
  readonly until: AbortSignal;
  readonly upstreams: Pick<Upstreams, 'abortAll'>;
}

export function deskOf(desks: ReadonlyMap<string, PoolDesk>, pool: string): PoolDesk {
  const desk = desks.get(pool);
  if (desk === undefined) throw new Error(`no pool ${pool}`);
  return desk;
}

/** Creates what stands before each pool; `configure` puts a pool's settings into effect in all of it. */
export function openPools(config: Config, parts: PoolParts) {
  const { clock, until } = parts;
  const seats = openSeats(config, parts);
  const desks = createDesks(config, clock, seats);
  const dispatchers = createDispatchers(config, desks, clock, seats);
  const bodies = createBodyLimits(config);
  const configure: Configure = (pool, settings, tenants) => {
    desks.get(pool)?.configure(settings, tenants);
    dispatchers.get(pool)?.configure(settings);
    seats?.configure(pool, settings);
    bodies.configure(pool, settings);
  };
  const view = new PoolsView([...desks.values()].map(desk => desk.view));
  atEveryStep(clock, until, () => {
    for (const pool of view.pools) pool.endStep();
  });
  const setEndpoints: OnEndpoints = (provider, pool, endpoints) => {
    if (seats === null) desks.get(pool)?.setEndpoints(provider, endpoints);
    else seats.setEndpoints(pool, provider, endpoints);
    if (endpoints.length > 0 && endpoints.every(isDown)) dispatchers.get(pool)?.targetDown(provider);
  };
  return { desks, dispatchers, view, bodies, configure, setEndpoints, seats };
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

function createDesks({ pools, tenants }: Config, clock: Clock, seats: FleetSeats | null): Map<string, PoolDesk> {
  const byId = new Map(tenants.map(tenant => [tenant.tenantId, tenant]));
  const gate = seats === null ? {} : { mayGrant: (now: number) => seats.mayGrant(now) };
  const desk = ({ name, settings }: PoolConfig) =>
    new PoolDesk({ name, settings, tenants: byId, clock, waits: new WaitWindow(clock), ...gate });
  return new Map(pools.map(pool => [pool.name, desk(pool)]));
}

function createDispatchers(
  { pools }: Config,
  desks: ReadonlyMap<string, PoolDesk>,
  clock: Clock,
  seats: FleetSeats | null,
): Map<string, Dispatcher> {
  const dispatcher = ({ name, settings }: PoolConfig) => {
    const pool = deskOf(desks, name);
    return new Dispatcher({ name, settings, desk: seats?.deskOf(name, pool, settings) ?? pool, clock });
  };
  return new Map(pools.map(pool => [pool.name, dispatcher(pool)]));
}

const createBodyLimits = ({ gateway: { maxBodyBytes, minBodyBytesPerSec, workers }, pools }: Config) =>
  new BodyLimits({ maxBodyBytes, minBytesPerSec: minBodyBytesPerSec, pools, processes: workers });
