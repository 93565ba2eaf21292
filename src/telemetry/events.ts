import type { Clock } from '../domain/clock.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Classification, Level, TenantType } from '../domain/vocabulary.ts';
import { createDoorEvents, type DoorEvents } from './door-events.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { jsonRequestLine, prettyRequestLine } from './request-line.ts';
import { shownExactPattern, shownKey, withoutKeys } from './text.ts';

/** One function per business event: its log line and its metrics. */
export interface Events extends DoorEvents {
  requestEnded(outcome: Outcome): void;
  /** Debug line only: `Mapped API key tok_prod... to priority P0 (tenant: …)`. */
  keyMapped(key: string, level: Level, tenantName: string | null): void;
  /** Shadow mode: what a request got, and what it would get if the mappings held. */
  keyShadowed(key: string | null, given: Classification, would: Classification): void;
  mappingsReloaded(reload: {
    usable: number;
    internalTenants: number;
    externalTenants: number;
    durationMs: number;
  }): void;
  mappingsReloadFailed(error: unknown): void;
  mappingAdded(mapping: {
    tenantId: string | null;
    tenantType: TenantType | null;
    pattern: string;
    exact: boolean;
    priority: number;
  }): void;
  /** A row that cannot be used; said once per row and reason. */
  mappingFaulty(mapping: { id: number; reason: string }): void;
  /** This many more at once: only the first are logged one by one. */
  moreMappingsFaulty(count: number): void;
  /** A value of api_key_priority_config that cannot be used. */
  settingFaulty(setting: { key: string; reason: string }): void;
  /** A boost or schedule that cannot be used; `what` names it. */
  timingFaulty(timing: { what: string; reason: string }): void;
  mappingBoosted(boost: { id: number; priority: number; until: string; reason: string; by: string }): void;
  /** A boost ended, or a window of a schedule opened or closed. */
  prioritiesTurned(now: { boosted: number; scheduled: number }): void;
  /** Whether external tenants may take better levels than their own by X-Priority; null: no longer. */
  externalMayRaise(found: { readonly message: string } | null): void;
  /** `values`: what is different now, with where it comes from. */
  poolChanged(change: { pool: string; values: string }): void;
  /** Rows of scheduler_pool_config that are not in effect as they stand; said once per reason. */
  poolRowsFaulty(fault: { pool: string; reason: string }): void;
  poolRowsUnread(error: unknown): void;
  info(message: string): void;
  warn(message: string): void;
  /** `error` goes to the log only, without keys or bodies. */
  error(message: string, error?: unknown): void;
}

/** Rows written by hand may hold any text. */
const shownName = (name: string): string => JSON.stringify(withoutKeys(name.slice(0, 64)));

/** One line; an AggregateError, as of a refused connection, has no message of its own. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return withoutKeys(String(error));
  const code = 'code' in error ? String(error.code) : error.name;
  return withoutKeys(error.message === '' ? code : error.message);
};

interface EventParts {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

export const createEvents = ({ logger, metrics, clock }: EventParts): Events => {
  const list = requestLister(logger, clock);
  let isReloadFailing = false;
  return {
    requestEnded(outcome) {
      metrics.requestEnded(outcome);
      list(outcome);
    },
    keyMapped(key, level, tenantName) {
      if (!logger.isEnabled('debug')) return;
      logger.log('debug', `Mapped API key ${shownKey(key)} to priority P${level} (tenant: ${tenantName ?? '-'})`);
    },
    keyShadowed(key, given, would) {
      metrics.shadowed(given.level, would.level);
      const level = given.level === would.level ? 'debug' : 'info';
      if (key === null || would.mappingId === null || !logger.isEnabled(level)) return;
      const wouldBe = `P${would.level} by mapping ${would.mappingId} (flow: ${shownName(would.flowId)})`;
      logger.log(level, `Shadow: API key ${shownKey(key)} has P${given.level} and would have ${wouldBe}`);
    },
    mappingsReloaded({ usable, internalTenants, externalTenants }) {
      metrics.reloaded();
      isReloadFailing = false;
      const tenants = `tenants=${internalTenants} internal, ${externalTenants} external`;
      logger.log('info', `APIKeyMapper: Reloaded ${usable} mappings from database (${tenants})`);
    },
    mappingsReloadFailed(error) {
      metrics.reloadFailed();
      // An outage is tried again every second: it is said once.
      const level = isReloadFailing ? 'debug' : 'warn';
      isReloadFailing = true;
      logger.log(level, `APIKeyMapper: Reload failed, what was read before goes on serving: ${reasonOf(error)}`);
    },
    mappingAdded({ tenantId, tenantType, pattern, exact, priority }) {
      const shown = exact ? shownExactPattern(pattern) : pattern;
      const tenant = `tenant '${tenantId ?? '-'}' (${tenantType ?? '-'})`;
      logger.log('info', `APIKeyMapper: Added mapping for ${tenant}: pattern=${shown} priority=P${priority}`);
    },
    mappingFaulty: ({ id, reason }) => logger.log('warn', `APIKeyMapper: Skipped mapping ${id}: ${reason}`),
    moreMappingsFaulty: count =>
      logger.log('warn', `APIKeyMapper: Skipped ${count} more mappings; the list of mappings says why`),
    settingFaulty: ({ key, reason }) => logger.log('warn', `APIKeyMapper: Skipped the stored ${key}: ${reason}`),
    timingFaulty: ({ what, reason }) => logger.log('warn', `APIKeyMapper: Skipped ${what}: ${withoutKeys(reason)}`),
    mappingBoosted: ({ id, priority, until, reason, by }) =>
      logger.log(
        'info',
        `APIKeyMapper: ${shownName(by)} boosted mapping ${id} to P${priority} until ${until}: ${withoutKeys(reason)}`,
      ),
    prioritiesTurned: ({ boosted, scheduled }) =>
      logger.log('info', `APIKeyMapper: Priorities follow the time: ${boosted} boosted, ${scheduled} scheduled`),
    externalMayRaise: found =>
      found === null
        ? logger.log('info', 'APIKeyMapper: No external tenant may take a better level by sending X-Priority any more')
        : logger.log('warn', `APIKeyMapper: ${found.message}`),
    poolChanged({ pool, values }) {
      logger.log('info', `Pool ${shownName(pool)} is changed: ${values}`);
    },
    poolRowsFaulty: ({ pool, reason }) =>
      logger.log('warn', `Pool ${shownName(pool)}: what is stored is not in effect as it stands: ${reason}`),
    poolRowsUnread: error =>
      logger.log('warn', `What is stored of pools cannot be read, what was read before holds: ${reasonOf(error)}`),
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
  return outcome => {
    if (!logger.isEnabled('info')) return;
    logger.append(isJson ? jsonRequestLine(outcome, clock.date().getTime()) : prettyRequestLine(outcome, bracket));
  };
};
