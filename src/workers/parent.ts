/**
 * Several processes as one gateway: this one has the signals, the log, the embedded PostgreSQL and the port, on which the
 * workers are given connections in turn. It serves no request itself.
 */
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import type { StopSignals, Upkeep } from '../cli/signals.ts';
import type { Config } from '../config/config.ts';
import type { LoadedConfig } from '../config/config-loader.ts';
import { type Embedded, startEmbedded } from '../db/embedded/embedded.ts';
import { systemClock } from '../domain/clock.ts';
import { migrateBeforehand } from '../edition/team-database.ts';
import { reload } from '../reload.ts';
import { selfOf, toldName } from '../self.ts';
import { closeWith } from '../telemetry/closing.ts';
import { registryOf } from '../telemetry/registry.ts';
import { openTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { TenantLedger } from '../telemetry/tenants/tenant-ledger.ts';
import { tenantCounters } from '../telemetry/tenants/tenant-metrics.ts';
import { Crew } from './crew.ts';
import { shareOf } from './share.ts';

interface ParentParts {
  readonly loaded: LoadedConfig;
  /** Reads the configuration again. Throws ConfigFaults. */
  readonly read: () => LoadedConfig;
  readonly signals: StopSignals;
  readonly upkeep: Upkeep;
}

/** Beyond what is configured for a stop; then a worker that has not ended is killed. */
const stopSlackMs = 15_000;

/** Resolves when the gateway has stopped as asked. Rejects with ConfigFaults, WorkerFault or another reason not to start. */
export async function runWorkers(parts: ParentParts): Promise<void> {
  const { loaded, signals } = parts;
  const { config } = loaded;
  if (!cluster.isPrimary) throw new Error(ofAnother(config.gateway.workers));
  const self = selfOf(config.gateway, { id: randomUUID(), since: systemClock.date().toISOString() });
  const telemetry = openTelemetry(config.log, {
    clock: systemClock,
    sink: undefined,
    warnings: loaded.warnings,
    gateway: toldName(config, self),
    // The parent serves nobody; what its workers count of tenants is added up by the crew's metrics.
    tenants: 0,
  });
  const { logger, events } = telemetry;
  await using opened = new AsyncDisposableStack();
  opened.defer(() => logger.close());
  // Between the end of the last worker and its next start nothing else may keep this process.
  const staying = setInterval(() => {}, 2 ** 30);
  opened.defer(() => clearInterval(staying));
  let hasStopped = false;
  opened.defer(() => {
    if (hasStopped) events.info('Stopped');
  });
  const embedded = await openDatabase(config, telemetry, opened);
  const crew = openCrew({ ...parts, name: self.name, embedded, telemetry });
  // A fault of the start is thrown once all have ended, and before the database is closed.
  try {
    crew.start();
    await Promise.race([signals.stop, serve(crew, config, telemetry)]);
    const wish = await signals.stop;
    signals.onFurther(() => crew.hurry());
    await crew.stop(wish, wish === 'when_done' ? null : longestStopMs(config));
    hasStopped = true;
  } catch (error) {
    await crew.stop('in_time', stopSlackMs);
    throw error;
  }
}

const ofAnother = (workers: number): string =>
  `[gateway] workers = ${workers} needs a process that node:cluster has not started itself: where PM2 starts the gateway, ` +
  'use its fork mode';

/** As the configuration says, and the time that a worker takes itself. */
const longestStopMs = ({ gateway: { shutdownDelayMs, shutdownGraceMs } }: Config): number =>
  shutdownDelayMs + shutdownGraceMs + stopSlackMs;

async function serve(crew: Crew, { gateway }: Config, { events }: Telemetry): Promise<void> {
  const url = await crew.listening;
  events.info(`Listening on ${url} (${gateway.edition} edition)`);
  await crew.ready;
  events.info('Ready');
}

/** Null: the database is not embedded. */
async function openDatabase(
  config: Config,
  { events }: Telemetry,
  opened: AsyncDisposableStack,
): Promise<Embedded | null> {
  const parts = { dataDir: config.gateway.dataDir, log: events, clock: systemClock };
  const embedded = config.database.url === null ? await startEmbedded(parts) : null;
  closeWith(opened, 'the embedded database', () => embedded?.stop(), events);
  const url = embedded?.url ?? config.database.url ?? '';
  await migrateBeforehand({ url, isEmbedded: embedded !== null, clock: systemClock, events });
  return embedded;
}

interface CrewSources extends ParentParts {
  readonly name: string;
  readonly embedded: Embedded | null;
  readonly telemetry: Telemetry;
}

function openCrew({ loaded, read, upkeep, name, embedded, telemetry }: CrewSources): Crew {
  const { config, given } = loaded;
  const { logger, events } = telemetry;
  const { metricsTenants } = config.telemetry;
  const ledger = metricsTenants === 0 ? null : new TenantLedger(metricsTenants, systemClock);
  const registry = registryOf([
    ...(ledger === null ? [] : tenantCounters(() => ledger.all())),
    gauge('tokligence_workers', 'Worker processes that serve requests.', () => crew.serving),
    counter('tokligence_worker_restarts_total', 'Workers that ended and were started again.', () => crew.restarts),
    counter('tokligence_log_lines_dropped_total', 'Lines of the log that could not be written.', () => logger.dropped),
  ]);
  const crew = new Crew({
    count: config.gateway.workers,
    welcome: ({ number, port, reread }) => ({
      t: 'welcome',
      config: shareOf(config, { number, name, port: port ?? config.gateway.port }),
      reread,
      embedded: embedded && { url: embedded.url, startedRun: embedded.startedRun },
      isColoured: logger.isColoured,
    }),
    maxStreamsPerKey: config.auth.maxStreamsPerKey,
    ownReadings: () => registry.getMetricsAsJSON(),
    tenantsCounted: counted => ledger?.absorb(counted),
    print: text => process.stdout.write(text),
    clock: systemClock,
    logger,
    events,
  });
  upkeep.reload = () => {
    void logger.reopen();
    void reload({ read, started: given, apply: next => crew.configure(next), events });
  };
  upkeep.reopenLog = () => void logger.reopen();
  return crew;
}

const only = (type: 'gauge' | 'counter') => (name: string, help: string, read: () => number) => ({
  name,
  help,
  type,
  samples: () => [{ labels: {}, value: read() }],
});
const gauge = only('gauge');
const counter = only('counter');
