import type { Classification, Level, TenantType } from '../domain/vocabulary.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { reasonOf, shownExactPattern, shownKey, shownName, withoutKeys } from './text.ts';

export interface MappingEvents extends KeyEvents, ReloadEvents, RowEvents {}

/** A request was mapped. */
interface KeyEvents {
  /** Debug line only: `Mapped API key tok_prod... to priority P0 (tenant: …)`. */
  keyMapped(key: string, level: Level, tenantName: string | null): void;
  /** Shadow mode: what a request got, and what it would get if the mappings held. */
  keyShadowed(key: string | null, given: Classification, would: Classification): void;
}

/** The rows were read again. */
interface ReloadEvents {
  mappingsReloaded(reload: {
    usable: number;
    internalTenants: number;
    externalTenants: number;
    durationMs: number;
  }): void;
  mappingsReloadFailed(error: unknown): void;
}

/** Events of single rows. */
interface RowEvents {
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
}

interface MappingEventsParts {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export const createMappingEvents = (parts: MappingEventsParts): MappingEvents => ({
  ...keyEvents(parts),
  ...reloadEvents(parts),
  ...rowEvents(parts.logger),
});

const keyEvents = ({ logger, metrics }: MappingEventsParts): KeyEvents => ({
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
});

const reloadEvents = ({ logger, metrics }: MappingEventsParts): ReloadEvents => {
  let isReloadFailing = false;
  return {
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
  };
};

const rowEvents = (logger: Logger): RowEvents => ({
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
});
