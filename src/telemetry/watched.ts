/** Metrics of what other rooms know anyway: they are asked at a scrape. */
import type { PoolStats } from '../domain/shown/stats.ts';
import type { Rendered, Sample } from './registry.ts';
import type { PoolShares } from './tenants/tenant-metrics.ts';

/** The values that are read at a scrape. */
export interface Watched {
  pools(): readonly PoolStats[];
  /** Of each pool, the seats that each level would use if there were any number, P0 … P9. */
  seatsWanted(): readonly { readonly pool: string; readonly levels: readonly number[] }[];
  /** Of each pool, what its tenants were served and entitled to in the last minute. */
  shares(): readonly PoolShares[];
  /** The mappings that serve now; null without a mapper or before the first snapshot. */
  snapshot(): { readonly mappings: number; readonly ageMs: number } | null;
  /** False while the database cannot be reached. */
  isDatabaseUp(): boolean;
  /** Since the start. */
  droppedLogLines(): number;
  connections(): WatchedConnections;
  /** Null outside a fleet. */
  fleet(): WatchedFleet | null;
  /** Absent: none are watched. Of this gateway, as many as are configured, or as a name has addresses (at most 100). */
  endpoints?(): readonly WatchedEndpoint[];
  /** Null, or absent, where nothing is traced. */
  spans?(): WatchedSpans | null;
}

/** Since the start; a span is a part of a request's time. */
interface WatchedSpans {
  readonly sent: number;
  readonly dropped: number;
}

interface WatchedEndpoint {
  readonly provider: string;
  readonly id: string;
  readonly isUp: boolean;
  readonly seats: number;
  /** Since the start. */
  readonly failures: number;
}

interface WatchedFleet {
  /** As far as this gateway knows. */
  readonly members: number;
  readonly isConductor: boolean;
  readonly epoch: number;
  /** There and back between a member and its conductor; null at the conductor, and before the first answer. */
  readonly rttMs: number | null;
}

/**
 * Connections of clients. "Turned away" counts those that yielded and those that were refused, by the limit that was
 * reached.
 */
interface WatchedConnections {
  readonly open: number;
  readonly addresses: number;
  readonly most: number;
  readonly yielded: Readonly<Record<'all' | 'address', number>>;
  readonly refused: Readonly<Record<'all' | 'address', number>>;
}

/** Metrics of what `watched` returns; null before it exists. */
export const watchedMetrics = (watched: () => Watched | null): Rendered[] =>
  [...ofPools, ...ofEndpoints, ...ofSnapshot, ...ofConnections, ...ofFleet, ...ofTraces, ...ofProcess].map(
    ({ look, ...metric }) => ({
      ...metric,
      samples() {
        const what = watched();
        return what === null ? [] : look(what);
      },
    }),
  );

interface Look extends Omit<Rendered, 'samples'> {
  look(what: Watched): Sample[];
}

const metric =
  (type: Rendered['type'], together: Rendered['together'] = 'sum') =>
  (name: string, help: string, look: Look['look']): Look => ({ name, help, type, together, look });
const gauge = metric('gauge');
const counter = metric('counter');
/** What all processes of a gateway have alike: of them, the one that is the latest, the oldest or in trouble. */
const greatest = metric('gauge', 'max');
const least = metric('gauge', 'min');

const ofSpans = (what: Watched, which: keyof WatchedSpans): Sample[] => {
  const spans = what.spans?.() ?? null;
  return spans === null ? [] : only(spans[which]);
};

/** One sample without labels. */
const only = (value: number): Sample[] => [{ labels: {}, value }];

const perPool = (read: (pool: PoolStats) => number) => (what: Watched) =>
  what.pools().map(pool => ({ labels: { provider: pool.name }, value: read(pool) }));

const ofPools: readonly Look[] = [
  gauge('tokligence_queue_depth', 'Requests waiting now, by level and pool.', what =>
    what
      .pools()
      .flatMap(pool =>
        pool.levels.map(({ level, waiting }) => ({ labels: { level, provider: pool.name }, value: waiting })),
      ),
  ),
  gauge(
    'tokligence_seats',
    'Seats of a pool.',
    perPool(pool => pool.seats),
  ),
  gauge(
    'tokligence_seats_in_use',
    'Seats of a pool that are taken.',
    perPool(pool => pool.in_use),
  ),
  gauge(
    'tokligence_seats_wanted',
    'Seats that would be used if there were any number: running requests, and those that wait for nothing else.',
    what =>
      what
        .seatsWanted()
        .flatMap(({ pool, levels }) => levels.map((value, level) => ({ labels: { pool, level }, value }))),
  ),
];

const perEndpoint = (read: (endpoint: WatchedEndpoint) => number) => (what: Watched) =>
  (what.endpoints?.() ?? []).map(endpoint => ({
    labels: { provider: endpoint.provider, endpoint: endpoint.id },
    value: read(endpoint),
  }));

const ofEndpoints: readonly Look[] = [
  least(
    'tokligence_endpoint_up',
    '1 while an endpoint gets requests, 0 while it is down, probed or drained.',
    perEndpoint(({ isUp }) => (isUp ? 1 : 0)),
  ),
  greatest(
    'tokligence_endpoint_seats',
    'Seats that an endpoint may have now.',
    perEndpoint(({ seats }) => seats),
  ),
  counter(
    'tokligence_endpoint_failures_total',
    'Calls to an endpoint that failed before an answer began.',
    perEndpoint(({ failures }) => failures),
  ),
];

const perSnapshot = (read: (snapshot: NonNullable<ReturnType<Watched['snapshot']>>) => number) => (what: Watched) => {
  const snapshot = what.snapshot();
  return snapshot === null ? [] : only(read(snapshot));
};

const ofSnapshot: readonly Look[] = [
  least(
    'tokligence_mapping_snapshot_mappings',
    'Mappings that serve now.',
    perSnapshot(({ mappings }) => mappings),
  ),
  greatest(
    'tokligence_mapping_snapshot_age_seconds',
    'Time since the mappings that serve now were read.',
    perSnapshot(({ ageMs }) => ageMs / 1000),
  ),
];

const turnedAway = ({ yielded, refused }: WatchedConnections): Sample[] =>
  Object.entries({
    yielded: yielded.all,
    yielded_of_address: yielded.address,
    refused: refused.all,
    refused_of_address: refused.address,
  }).map(([outcome, value]) => ({ labels: { outcome }, value }));

const ofConnections: readonly Look[] = [
  gauge('tokligence_connections', 'Connections of clients that are open.', what => only(what.connections().open)),
  greatest('tokligence_connection_addresses', 'Addresses that they come from, networks of IPv6.', what =>
    only(what.connections().addresses),
  ),
  gauge('tokligence_connections_limit', 'As many may be open.', what => only(what.connections().most)),
  counter(
    'tokligence_connections_turned_away_total',
    'Connections for which there was no place: yielded or refused, in all or (…_of_address) of one address.',
    what => turnedAway(what.connections()),
  ),
];

const inFleet = (read: (fleet: WatchedFleet) => number) => (what: Watched) => {
  const fleet = what.fleet();
  return fleet === null ? [] : only(read(fleet));
};

const ofFleet: readonly Look[] = [
  greatest(
    'tokligence_fleet_members',
    'Gateways of the fleet that this one knows of, itself included.',
    inFleet(({ members }) => members),
  ),
  gauge(
    'tokligence_fleet_conductor',
    '1 on the gateway that conducts, 0 on the others.',
    inFleet(({ isConductor }) => (isConductor ? 1 : 0)),
  ),
  greatest(
    'tokligence_fleet_epoch',
    'Of the last conductor that this gateway knows; each election has a higher one.',
    inFleet(({ epoch }) => epoch),
  ),
  greatest(
    'tokligence_fleet_link_rtt_seconds',
    'Time there and back between a member and its conductor, of the last beat; members only.',
    what => {
      const rttMs = what.fleet()?.rttMs ?? null;
      return rttMs === null ? [] : only(rttMs / 1_000);
    },
  ),
];

const ofTraces: readonly Look[] = [
  counter('tokligence_spans_sent_total', 'Spans that a collector has received.', what => ofSpans(what, 'sent')),
  counter('tokligence_spans_dropped_total', 'Spans that did not get to a collector, or that it rejected.', what =>
    ofSpans(what, 'dropped'),
  ),
];

const ofProcess: readonly Look[] = [
  least('tokligence_database_up', '1 while the database answers, 0 in an outage.', what =>
    only(what.isDatabaseUp() ? 1 : 0),
  ),
  counter('tokligence_log_lines_dropped_total', 'Lines of the log that could not be written.', what =>
    only(what.droppedLogLines()),
  ),
];
