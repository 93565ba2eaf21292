import type { Clock } from '../domain/clock.ts';
import type { Outcome } from '../domain/outcome.ts';
import { createDoorEvents, type DoorEvents } from './door-events.ts';
import type { Logger } from './logger.ts';
import { createMappingEvents, type MappingEvents } from './mapping-events.ts';
import type { Metrics } from './metrics.ts';
import { createPoolEvents, type PoolEvents } from './pool-events.ts';
import { jsonLabels, jsonRequestLine, prettyLabels, prettyRequestLine } from './request-line.ts';

/** One function per business event: its log line and its metrics. */
export interface Events extends DoorEvents, MappingEvents, PoolEvents {
  requestEnded(outcome: Outcome): void;
  info(message: string): void;
  warn(message: string): void;
  /** `error` goes to the log only, without keys or bodies. */
  error(message: string, error?: unknown): void;
}

interface EventParts {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

export const createEvents = ({ logger, metrics, clock }: EventParts): Events => {
  const list = requestLister(logger, clock);
  return {
    requestEnded(outcome) {
      metrics.requestEnded(outcome);
      list(outcome);
    },
    ...createMappingEvents({ logger, metrics }),
    ...createPoolEvents(logger),
    ...createDoorEvents({ logger, metrics, list }),
    info: message => logger.log('info', message),
    warn: message => logger.log('warn', message),
    error: (message, error) => logger.error(message, error),
  };
};

/** Writes the line of a request that has ended. */
const requestLister = (logger: Logger, clock: Clock): ((outcome: Outcome) => void) => {
  const bracket = logger.bracket('info');
  const isJson = logger.format === 'json';
  const labels = (isJson ? jsonLabels : prettyLabels)(logger.labels);
  return outcome => {
    if (!logger.isEnabled('info')) return;
    const line = isJson
      ? jsonRequestLine(outcome, clock.date().getTime(), labels)
      : prettyRequestLine(outcome, bracket, labels);
    logger.append(line);
  };
};
