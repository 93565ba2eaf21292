import type { Shares } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import type { Outcome, OutcomeKind } from '../domain/outcome.ts';
import { createDoorEvents, type DoorEvents } from './door-events.ts';
import type { Logger } from './logger.ts';
import { createMappingEvents, type MappingEvents } from './mapping-events.ts';
import type { Metrics } from './metrics.ts';
import { createPoolEvents, type PoolEvents } from './pool-events.ts';
import { createProviderEvents, type ProviderEvents } from './provider-events.ts';
import { jsonLabels, jsonRequestLine, prettyLabels, prettyRequestLine } from './request-line.ts';

/** One function per business event: its log line and its metrics. */
export interface Events extends DoorEvents, MappingEvents, PoolEvents, ProviderEvents {
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
  /** The share of the requests that have a line. */
  readonly sample?: Shares;
  readonly random?: () => number;
}

export const createEvents = ({ logger, metrics, clock, sample = {}, random = Math.random }: EventParts): Events => {
  const list = sampled(sample, random, share => requestLister(logger, clock, share));
  return {
    requestEnded(outcome) {
      metrics.requestEnded(outcome);
      list(outcome);
    },
    ...createMappingEvents({ logger, metrics }),
    ...createPoolEvents(logger),
    ...createProviderEvents(logger),
    ...createDoorEvents({ logger, metrics, list }),
    info: message => logger.log('info', message),
    warn: message => logger.log('warn', message),
    error: (message, error) => logger.error(message, error),
  };
};

type List = (outcome: Outcome) => void;

/** Lists of the requests with a share in `sample` only so many. `lister` makes a list whose lines tell their share. */
const sampled = (sample: Shares, random: () => number, lister: (share: number | null) => List): List => {
  const listAll = lister(null);
  const listShare = new Map<OutcomeKind, List>();
  for (const [outcome, share] of Object.entries(sample) as [OutcomeKind, number][]) {
    const list = lister(share);
    listShare.set(outcome, ended => {
      if (random() < share) list(ended);
    });
  }
  return outcome => (listShare.get(outcome.outcome) ?? listAll)(outcome);
};

/** Writes the line of a request that has ended. `share`: of those that have a line; null: all have. */
const requestLister = (logger: Logger, clock: Clock, share: number | null): List => {
  const { requests } = logger;
  const bracket = logger.bracket('info');
  const isJson = requests.format === 'json';
  const labels = (isJson ? jsonLabels : prettyLabels)({
    ...logger.labels,
    ...(share === null ? {} : { sampled: share }),
  });
  return outcome => {
    if (!requests.isWritten) return;
    const line = isJson
      ? jsonRequestLine(outcome, clock.date().getTime(), labels)
      : prettyRequestLine(outcome, bracket, labels);
    requests.append(line);
  };
};
