import type { LogConfig } from '../config/config.ts';
import { ConfigFaults } from '../config/file/faults.ts';
import type { Clock } from '../domain/clock.ts';
import { createEvents, type Events } from './events.ts';
import { LogFileFault, type LogSink } from './log/log-outlet.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';

export interface Telemetry {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly events: Events;
}

interface TelemetryParts {
  readonly clock: Clock;
  /** The target of log lines; what the configuration says by default. */
  readonly sink: LogSink | undefined;
  /** Logged first. */
  readonly warnings: readonly string[] | undefined;
  /** On every line, as `gateway`; null: on none. */
  readonly gateway: string | null;
  /** As many of them are named in the metrics. */
  readonly tenants: number;
  /** This process is one of several, and another one writes its lines. */
  readonly worker?: { readonly number: number; readonly isColoured: boolean } | undefined;
}

/** Opens the log and creates the metrics. Throws ConfigFaults if the log file cannot be opened. */
export function openTelemetry(log: LogConfig, parts: TelemetryParts): Telemetry {
  const { clock, warnings = [], tenants, worker } = parts;
  const logger = openLog(log, parts);
  const metrics = createMetrics({ tenants, clock, isOneOfSeveral: worker !== undefined });
  const events = createEvents({ logger, metrics, clock, sample: log.accessSample });
  for (const warning of warnings) events.warn(warning);
  return { logger, metrics, events };
}

function openLog(log: LogConfig, { sink, gateway, worker }: TelemetryParts): Logger {
  try {
    return createLogger(
      log,
      sink,
      worker ? { gateway, worker: worker.number, isColoured: worker.isColoured } : { gateway },
    );
  } catch (error) {
    if (!(error instanceof LogFileFault)) throw error;
    const key = error.path === log.accessFile ? 'access_file' : 'file';
    throw new ConfigFaults([{ section: 'log', key, message: error.message }]);
  }
}
