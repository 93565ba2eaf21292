/** The only place that wires: every part below receives its dependencies here. */
import { randomUUID } from 'node:crypto';
import { adminServices } from './admin-services.ts';
import type { Config } from './config/config.ts';
import type { GivenTexts, LoadedConfig } from './config/config-loader.ts';
import { startEmbedded } from './db/embedded/embedded.ts';
import { type Clock, systemClock } from './domain/clock.ts';
import type { Change, Guess, Peers } from './domain/peers.ts';
import { endpointDrains, hearOfDrain } from './drained-endpoints.ts';
import { type OpenEdition, openEdition } from './edition/edition.ts';
import type { OpenEmbedded } from './edition/team-database.ts';
import type { MetricsService } from './http/metrics.ts';
import { listenForMetrics } from './http/metrics-listener.ts';
import type { Health } from './http/ops.ts';
import { createHttpServer } from './http/server.ts';
import { ProviderHealths } from './observed/provider-health.ts';
import { reload } from './reload.ts';
import { alsoRemembering, createDoor, createGateway, createStreams, openWay } from './request-path.ts';
import { alone, type Self, selfOf, toldName } from './self.ts';
import { showPools } from './shown-pools.ts';
import { Stop, type StopWish } from './stop.ts';
import { closeWith } from './telemetry/closing.ts';
import type { Events } from './telemetry/events.ts';
import type { LogSink } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import type { Tracing } from './telemetry/tracing/tracing.ts';
import type { Lookup } from './upstreams/upstreams.ts';
import { tryUpstream } from './upstreams/upstreams.ts';
import { seatsInUse, watched } from './watched-gateway.ts';

export interface Overrides {
  readonly clock?: Clock;
  /** The target of log lines; stdout by default. */
  readonly logSink?: LogSink;
  /** Shows a newly created admin key, bypassing the logger; stdout by default. */
  readonly print?: (text: string) => void;
  /** The folder of the built console, if not the usual one. */
  readonly consoleFolder?: string;
  /** Logged once the log exists. */
  readonly warnings?: readonly string[];
  /** The configuration as written, to find what needs a restart when it is read again. */
  readonly given?: GivenTexts;
  /** Looks up the names of `dns+` URLs; the system by default. */
  readonly lookup?: Lookup;
  /** This process is one of several; absent: it is the only one. */
  readonly worker?: AsWorker;
}

/** What a worker has of its parent. */
interface AsWorker {
  readonly peers: Peers;
  readonly openEmbedded: OpenEmbedded;
  /** Whether its lines go to a terminal in the end. */
  readonly isColoured: boolean;
}

export interface App {
  readonly url: string;
  /** Resolves when requests can be served; rejects on a fault that no retry can cure. */
  readonly ready: Promise<void>;
  /** Leaves, drains and closes everything; safe to call more than once. */
  stop(wish?: StopWish): Promise<void>;
  /** Reopens the log file and reads the configuration again; faults of either are logged and change nothing. */
  reload(read: () => LoadedConfig): void;
  /** Reopens the log file, if there is one. */
  reopenLog(): void;
  /** Ends the present stage of a stop: first the delay, then the grace period. */
  hurry(): void;
  /** For the other processes of this gateway. */
  readonly forPeers: ForPeers;
}

interface ForPeers extends Pick<Metrics, 'readAll' | 'readCounts' | 'takeTenants'> {
  /** Puts into effect what needs no restart. Throws ConfigFaults, and then has changed nothing. */
  reconfigure(config: Config): void;
  /** Resolves when what another process has written is in effect. */
  hear(change: Change): Promise<void>;
  heardOf(guess: Guess): void;
  /** What was to be read of the metrics is not. */
  unreadable(error: unknown): void;
}

/** Starts everything; listens before the database can be reached. */
export async function startApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const clock = overrides.clock ?? systemClock;
  const self = selfOf(config.gateway, { id: randomUUID(), since: clock.date().toISOString() });
  const telemetry = telemetryOf(config, overrides, { clock, self });
  const { logger, metrics, events } = telemetry;
  // Closed in the opposite order: by a start that fails, or by a stop.
  await using opening = new AsyncDisposableStack();
  opening.defer(() => logger.close());
  const parts = await openParts({ config, overrides, clock, self, ...telemetry }, opening);
  const { edition, stopping } = parts;
  // Of several processes their parent says so, once for all of them.
  const tell = (text: string): void => void (overrides.worker ?? events.info(text));
  const url = await listen(parts, { config, clock, events, tell }, opening);
  const ready = edition.start(stopping.draining).then(() => tell('Ready'));
  // Whoever does not await it is told by the log.
  ready.catch(error => stopping.draining.aborted || events.error('Cannot start', error));

  const opened = opening.move();
  let stopped: Promise<void> | null = null;
  return {
    url,
    ready,
    stop: (wish = 'in_time') => (stopped ??= stop(opened, { config, ready, events, ...parts }, wish)),
    reload(read) {
      void logger.reopen();
      if (stopping.draining.aborted) return;
      void reload({ read, started: overrides.given ?? new Map(), apply: parts.reconfigure, events });
    },
    reopenLog: () => void logger.reopen(),
    hurry: () => stopping.hurry(),
    forPeers: {
      readAll: () => metrics.readAll(),
      readCounts: () => metrics.readCounts(),
      takeTenants: () => metrics.takeTenants(),
      reconfigure: parts.reconfigure,
      hear: async change => (change.of === 'endpoint' ? hearOfDrain(change, parts.upstreams) : edition.hear(change)),
      heardOf: guess => parts.door.heardOf(guess),
      unreadable: error => events.error('The metrics of this process cannot be read', error),
    },
  };
}

const telemetryOf = (
  config: Config,
  { logSink: sink, warnings, worker }: Overrides,
  { clock, self }: Pick<StartParts, 'clock' | 'self'>,
): Telemetry =>
  openTelemetry(config.log, {
    clock,
    sink,
    warnings,
    gateway: toldName(config, self),
    tenants: config.telemetry.metricsTenants,
    worker: worker && { number: worker.peers.worker, isColoured: worker.isColoured },
  });

interface ListenParts extends Pick<StartParts, 'config' | 'clock' | 'events'> {
  readonly tell: (text: string) => void;
}

/** Returns the URL for clients. */
async function listen(
  { http, scraped }: Pick<OpenedParts, 'http' | 'scraped'>,
  { config, clock, events, tell }: ListenParts,
  opening: AsyncDisposableStack,
): Promise<string> {
  const { metricsListen } = config.telemetry;
  // First, as a start that fails closes this one.
  if (metricsListen !== null) {
    const listener = await listenForMetrics(metricsListen, { metrics: scraped, events, clock });
    closeWith(opening, 'the listener of the metrics', () => listener.close(), events);
    tell(`Metrics on ${listener.url}/metrics`);
  }
  const url = await http.listen(config.gateway);
  tell(`Listening on ${url} (${config.gateway.edition} edition)`);
  return url;
}

interface StartParts extends Telemetry {
  readonly config: Config;
  readonly overrides: Overrides;
  readonly clock: Clock;
  readonly self: Self;
}

/** Wires all parts of a gateway that does not listen yet. `opening` closes what this opens. */
async function openParts(given: StartParts, opening: AsyncDisposableStack) {
  const { config, overrides, clock, self, events } = given;
  const stopping = new Stop(clock);
  opening.defer(() => {
    if (stopping.hasBegun) events.info('Stopped');
    else stopping.abandon();
  });
  const tracing = await openTraces(given, opening);
  const way = openWay(given, { draining: stopping.draining, lookup: overrides.lookup });
  const { upstreams, pools, serve, providers, refusedKeys } = way;
  const { dispatchers, configure, seats } = pools;
  const print = overrides.print ?? (text => process.stdout.write(text));
  const membership = seats && { self, seats };
  const { peers = null, openEmbedded = startEmbedded } = overrides.worker ?? {};
  const ofDatabase = { membership, peers, openEmbedded, configure, serve, refusedKeys };
  const edition = await openEdition({ config, clock, events, print, ...ofDatabase });
  closeWith(opening, 'the edition', () => edition.close(), events);
  closeWith(opening, 'the connections to upstreams', () => upstreams.close(), events);
  const door = createDoor(config, edition, { clock, events, peers, providers });
  const { http, scraped, setMediaRates } = openHttp(given, { ...way, stopping, tracing, edition, door, peers });
  const reconfigure = (next: Config): void => {
    const isOff = (name: string) => edition.providers?.live.isSwitchedOff(name) === true;
    upstreams.refuseUnknown(next.routes.filter(({ groups }) => !groups.flat().some(({ provider }) => isOff(provider))));
    edition.reconfigure(next);
    setMediaRates(next.mediaRates);
  };
  return { http, scraped, door, dispatchers, upstreams, edition, stopping, reconfigure };
}

/** Of several processes, the metrics of all. */
const scrapedOf = ({ telemetry }: Config, metrics: Metrics, peers: Peers | null): MetricsService => ({
  contentType: metrics.contentType,
  render: () => (peers === null ? metrics.render() : peers.metrics()),
  key: telemetry.metricsKey,
});

/** Where traces are off, nothing of them is loaded. */
async function openTraces(
  { config, clock, events, self }: StartParts,
  opening: AsyncDisposableStack,
): Promise<Tracing | null> {
  if (config.tracing === undefined) return null;
  const { openTracing } = await import('./telemetry/tracing/tracing.ts');
  const tracing = openTracing(config, config.tracing, { clock, events, name: self.name });
  closeWith(opening, 'traces', () => tracing?.close(), events);
  return tracing;
}

interface HttpParts extends ReturnType<typeof openWay> {
  readonly stopping: Stop;
  readonly tracing: Tracing | null;
  readonly edition: OpenEdition;
  readonly door: ReturnType<typeof createDoor>;
  readonly peers: Peers | null;
}

/** Wires the gateway, what operators see of it, and the server before both. */
function openHttp(given: StartParts, parts: HttpParts) {
  const { config, overrides, clock, self, logger, metrics, events } = given;
  const { upstreams, pools, providers, stopping, tracing, edition, door, peers } = parts;
  const { desks, dispatchers, view, bodies, seats } = pools;
  const health = (): Health => (stopping.hasBegun ? { status: 'stopping', reasons: [] } : edition.condition());
  const healths = new ProviderHealths(clock);
  let rates = config.mediaRates;
  const mediaRates = () => rates;
  const streams = createStreams(config, peers);
  const { restoresModel } = config.gateway;
  const serving = { door, upstreams, pools: dispatchers, bodies, mediaRates, streams, restoresModel, clock };
  const gateway = createGateway(edition, serving);
  const seatsOf = (pool: string) => edition.pools.find(pool).seats;
  const seen = { desks, view, seats, healths, seatsOf, upstreams };
  const shown = showPools({ providers, stored: edition.providers, clock, self, ...seen });
  const drains = endpointDrains({ upstreams, clock, peers, events, inUse: shown.inUse });
  const fleet = () => edition.fleet() ?? alone(self, seatsInUse(view));
  metrics.watch(
    watched({ view, edition, door, logger, self, fleet, tracing, rttMs: () => seats?.rttMs ?? null, upstreams }),
  );
  const scraped = scrapedOf(config, metrics, peers);
  const asked = { routes: upstreams, trying: tryUpstream(clock) };
  const http = createHttpServer({
    gateway,
    events: alsoRemembering([healths, ...edition.memories], events),
    clock,
    connections: door.connections,
    admin: adminServices({ edition, config, clock, events, door, view, shown, drains, health, fleet, peers, ...asked }),
    consoleFolder: overrides.consoleFolder,
    gatewayName: toldName(config, self),
    tracing,
    corsOrigins: config.gateway.corsOrigins,
    ops: { health, metrics: config.telemetry.metricsListen === null ? scraped : null },
  });
  const setMediaRates = (next: Config['mediaRates']): void => {
    rates = next;
  };
  return { http, scraped, setMediaRates };
}

type OpenedParts = Awaited<ReturnType<typeof openParts>>;

type StopParts = OpenedParts & {
  readonly config: Config;
  readonly ready: Promise<void>;
  readonly events: Events;
};

/** Ends what is under way, stage by stage, and then closes what was opened. Never rejects: faults are in the log. */
async function stop(opened: AsyncDisposableStack, parts: StopParts, wish: StopWish): Promise<void> {
  const { config, edition, stopping, ready, events, door, dispatchers } = parts;
  const { shutdownDelayMs, shutdownGraceMs } = config.gateway;
  const stages = {
    ...parts,
    connections: door.connections,
    dispatchers: [...dispatchers.values()],
    graceMs: wish === 'when_done' ? null : shutdownGraceMs,
    // A gateway that was never ready receives no traffic yet, and a worker whose parent is gone none any more.
    delayMs: edition.condition().status === 'starting' || wish === 'orphaned' ? 0 : shutdownDelayMs,
  };
  closeWith(opened, 'what is being started', () => ready.catch(() => {}), events);
  // First of all: what is under way ends before anything that it uses is closed.
  closeWith(opened, 'the connections of clients', () => stopping.run(stages), events);
  await opened.disposeAsync();
}
