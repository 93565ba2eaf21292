/** A gateway of a fleet without clients and upstream, in a process of its own: its requests end as soon as they have a seat. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PoolSettings } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { watchChanges } from '../../src/db/changes/changes.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { systemClock as clock } from '../../src/domain/clock.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { FleetStore } from '../../src/fleet/fleet-store.ts';
import { ownPlace } from '../../src/fleet/link/address.ts';
import { FleetSeats } from '../../src/gateway/fleet/fleet-seats.ts';
import { Dispatcher } from '../../src/gateway/pool/dispatcher.ts';
import { PoolDesk } from '../../src/gateway/pool/pool-desk.ts';
import { WaitWindow } from '../../src/observed/wait-window.ts';
import { keepObjectsYoung } from '../../src/young-objects.ts';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';
import { percentile } from './rounds.ts';

export interface TicketProcess extends MeasuredProcess {
  /** Begins so many tickets a second, or, without tickets, as many turns of the same timer. */
  pace(pace: Pace): Promise<Paced>;
  /** This many clients whose requests hold a seat for so long, without a pause and without end. */
  saturate(load: { readonly clients: number; readonly holdMs: number }): Promise<void>;
  role(): Promise<string>;
  /** The next time that a conductor which it did not have before grants it a seat, in milliseconds since 1970. */
  granted(): Promise<number>;
}

export interface Pace {
  readonly perSecond: number;
  readonly seconds: number;
  readonly isIdle: boolean;
}

export interface Paced {
  readonly tickets: number;
  /** From asking for a seat to having it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Resolves once it has a conductor, or conducts. */
export async function startTicketProcess(database: string, fleet: string, seats: number): Promise<TicketProcess> {
  const started = await startMeasured(new URL(import.meta.url), [database, fleet, String(seats)]);
  return {
    ...started,
    pace: pace => started.ask('pace', pace),
    saturate: load => started.ask('saturate', load),
    role: () => started.ask('role'),
    granted: () => started.listen('granted'),
  };
}

const times = { ttlMs: 5_000, deadAfterMs: 15_000, abandonedAfterMs: 60_000, outageMaxMs: null };
const log = { info: () => {}, warn: () => {}, error: console.error };

const fields = {
  requestId: 'req_0123456789abcdef',
  provider: 'gpu',
  model: 'some-model',
  level: 3,
  cost: 350,
  tokens: 300,
  bodyBytes: 1_000,
  maxWaitMs: null,
} as const;

/** As a gateway's pool without any settings of its own. */
function settingsOf(seats: number): PoolSettings {
  const text = `[provider.gpu]\ntype = loopback\nmax_concurrent = ${seats}`;
  const { config } = loadConfig({ file: null, text, env: {}, isTerminal: false });
  const [pool] = config.pools;
  if (pool === undefined) throw new Error('no pool');
  return pool.settings;
}

async function join(database: string, name: string, seats: number) {
  const settings = settingsOf(seats);
  const id = randomUUID();
  const fleetSeats = new FleetSeats({ clock, cut: null, log });
  const mayGrant = (now: number) => fleetSeats.mayGrant(now);
  const pool = new PoolDesk({
    name: 'gpu',
    settings,
    tenants: new Map(),
    clock,
    waits: new WaitWindow(clock),
    mayGrant,
  });
  const dispatcher = new Dispatcher({ name: 'gpu', settings, desk: fleetSeats.deskOf('gpu', pool, settings), clock });
  const { db, pool: connections } = openPostgres(database, { maxConnections: 3 });
  const { schema } = await migratePostgres(connections);
  const fleet = await Fleet.join({
    fleet: name,
    member: { id, name: id, version: '1.0.0', since: new Date().toISOString() },
    times,
    host: '127.0.0.1',
    port: 0,
    advertise: null,
    certificate: null,
    place: await ownPlace(),
    store: new FleetStore({ db, fleet: name, ttlMs: times.ttlMs, clock, random: randomBytes, startedRun: null }),
    clock,
    random: randomBytes,
    duties: fleetSeats,
    log,
  });
  fleetSeats.joined(fleet, id);
  watchChanges({
    pool: connections,
    schema,
    listenUrl: database,
    isEmbedded: true,
    clock,
    log,
    renew: async () => schema,
    onChange: tables => {
      if (tables.has('gateway_fleets')) fleet.rowChanged();
    },
  });
  return { fleet, dispatcher };
}

async function serve(database: string, name: string, seats: number): Promise<void> {
  keepObjectsYoung();
  const { fleet, dispatcher } = await join(database, name, seats);
  let followed: string | null = null;
  const request = async (flow: number, holdMs: number) => {
    const ticket = dispatcher.ticket({ ...fields, flowId: `tenant-${flow}` });
    await dispatcher.run(ticket, async () => {
      const conductor = fleet.role() === 'member' ? (fleet.reign.state.contact.to?.id ?? null) : null;
      if (conductor !== null && conductor !== followed)
        process.send?.({ granted: performance.timeOrigin + performance.now() });
      followed = conductor ?? followed;
      if (holdMs > 0) await pause(holdMs);
      ticket.settle({ cost: 340, tokens: 290 });
    });
  };
  const client = async (flow: number, holdMs: number) => {
    for (;;) await request(flow, holdMs);
  };
  const saturate = ({ clients, holdMs }: { clients: number; holdMs: number }) => {
    for (let flow = 0; flow < clients; flow++) void client(flow, holdMs);
    return true;
  };
  while (!['conductor', 'member'].includes(fleet.role())) await pause(10);
  reportToParent(fleet.url, {
    role: () => fleet.role(),
    pace: about => paced(about as Pace, flow => request(flow, 0)),
    saturate: about => saturate(about as Parameters<typeof saturate>[0]),
  });
}

const flows = 16;
/** The least that a timer can wait. */
const turnMs = 1;

async function paced({ perSecond, seconds, isIdle }: Pace, request: (flow: number) => Promise<void>): Promise<Paced> {
  const startedAt = performance.now();
  const waitsMs: number[] = [];
  const all: Promise<void>[] = [];
  const count = perSecond * seconds;
  for (let begun = 0; begun < count; ) {
    await pause(Math.max(turnMs, startedAt + (begun * 1_000) / perSecond - performance.now()));
    const due = Math.min(((performance.now() - startedAt) * perSecond) / 1_000, count);
    for (; begun < due; begun++) {
      const at = performance.now();
      if (!isIdle) all.push(request(begun % flows).then(() => void waitsMs.push(performance.now() - at)));
    }
  }
  await Promise.all(all);
  return { tickets: count, p50Ms: percentile(waitsMs, 0.5), p99Ms: percentile(waitsMs, 0.99) };
}

const [, main, database, name, seats] = process.argv;
if (main === fileURLToPath(import.meta.url) && database && name) await serve(database, name, Number(seats));
