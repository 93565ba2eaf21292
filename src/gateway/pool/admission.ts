/**
 * Decides which requests may wait for a seat, and the refusal of the others: the limit they met, and when to come back.
 */
import type { PoolSettings, TenantConfig } from '../../config/config.ts';
import type { Level } from '../../domain/vocabulary.ts';
import type { Closed, Place, Scheduler } from '../../scheduler/scheduler.ts';
import type { Outlook } from './desk.ts';
import { type DrainRate, retryAfterSec } from './drain-rate.ts';
import type { Refusal } from './refusal.ts';

export type TenantsById = ReadonlyMap<string, TenantConfig>;

export interface AdmissionOptions<Holder> {
  readonly scheduler: Scheduler<Holder>;
  readonly drainOf: (level: Level) => DrainRate;
  /** 0 ≤ x < 1; spreads Retry-After. */
  readonly random: () => number;
}

/** Predictions err: a request that would be late by less than this factor may wait. */
const toleranceFactor = 2;

const atOnce: Outlook = { startsAtOnce: true, predictedMs: 0, isClosed: false, isHeldByTenant: false };
const impossible: Outlook = { ...atOnce, startsAtOnce: false, predictedMs: null };

export class Admission<Holder> {
  readonly #options: AdmissionOptions<Holder>;
  #settings: PoolSettings;
  #tenants: TenantsById;

  constructor(options: AdmissionOptions<Holder>, settings: PoolSettings, tenants: TenantsById) {
    this.#options = options;
    this.#settings = settings;
    this.#tenants = tenants;
  }

  configure(settings: PoolSettings, tenants: TenantsById): void {
    this.#settings = settings;
    this.#tenants = tenants;
  }

  /** Queues the place, or returns the refusal. */
  admit(place: Place<Holder>, now: number): Refusal | null {
    const { scheduler } = this.#options;
    return this.#refusalInAdvance(place, now) ?? this.#refusalOf(scheduler.enqueue(place, now), place, now);
  }

  /** Whether the tenant may start less than there are seats for. */
  limits({ flowId }: Pick<Place<Holder>, 'flowId'>): boolean {
    const { maxConcurrent = null, requestsPerSec = null, tokensPerSec = null } = this.#tenants.get(flowId) ?? {};
    return maxConcurrent !== null || requestsPerSec !== null || tokensPerSec !== null;
  }

  /** What a newcomer would find. */
  outlook(place: Place<Holder>, now: number): Outlook {
    const { scheduler } = this.#options;
    const { inspection } = scheduler;
    if (place.tokens > (this.#settings.maxTokensInFlight ?? Number.POSITIVE_INFINITY)) return impossible;
    if (scheduler.startsAtOnce(place, now)) return atOnce;
    const closedMs = (inspection.closedTo(place, now)?.until ?? now) - now;
    const knownMs = Math.max(inspection.poolWaitMs(now), closedMs);
    const queueMs = this.#queueWaitMs(place, now);
    const predictedMs = queueMs === null && knownMs === 0 ? null : Math.max(knownMs, queueMs ?? 0);
    const isHeldByTenant = inspection.isHeldByTenant(place, now);
    return { startsAtOnce: false, predictedMs, isClosed: closedMs > 0, isHeldByTenant };
  }

  /** The refusal of a place that was evicted by another. */
  evicted({ level }: Place<Holder>, now: number): Refusal {
    return { code: 'evicted', retryAfterSec: this.#retryAfterSec(level, now) };
  }

  /**
   * The refusal of a place whose time is over: because of its tenant's limits, a closed upstream or a lack of seats.
   */
  timedOut(place: Place<Holder>, now: number): Refusal {
    const { level, timeoutMs } = place;
    if (place.isHeldByTenant)
      return { code: 'tenant_timed_out', timeoutMs, retryAfterSec: this.#tenantRetryAfterSec(place, now) };
    const closed = this.#options.scheduler.inspection.closedTo(place, now);
    if (closed !== null) return this.#closed('closed_timed_out', place, closed, now);
    return { code: 'timed_out', timeoutMs, retryAfterSec: this.#retryAfterSec(level, now) };
  }

  #refusalOf(admission: ReturnType<Scheduler<Holder>['enqueue']>, place: Place<Holder>, now: number): Refusal | null {
    const { level } = place;
    const { maxTokensInFlight, maxQueueDepth, maxQueueDepthPool, maxQueuedBytes: bytes } = this.#settings;
    switch (admission) {
      case 'queued':
        return null;
      case 'impossible':
        return { code: admission, tokens: place.tokens, most: maxTokensInFlight ?? 0 };
      case 'tenant_full': {
        const depth = this.#tenants.get(place.flowId)?.maxQueueDepth ?? 0;
        return { code: admission, depth, retryAfterSec: this.#tenantRetryAfterSec(place, now) };
      }
      case 'level_full':
        return { code: admission, depth: maxQueueDepth[level] ?? 0, retryAfterSec: this.#retryAfterSec(level, now) };
      case 'pool_full':
        return { code: admission, depth: maxQueueDepthPool, bytes, retryAfterSec: this.#retryAfterSec(level, now) };
    }
  }

  /** A request whose wait is predicted to end in a timeout is refused at once. */
  #refusalInAdvance(place: Place<Holder>, now: number): Refusal | null {
    const { scheduler } = this.#options;
    if (scheduler.startsAtOnce(place, now)) return null;
    const { inspection } = scheduler;
    const { level, timeoutMs } = place;
    const latestMs = timeoutMs * toleranceFactor;
    if (inspection.tenantWaitMs(place, now) > latestMs)
      return { code: 'tenant_too_late', timeoutMs, retryAfterSec: this.#tenantRetryAfterSec(place, now) };
    // The end of a closure is known, not predicted.
    const closed = inspection.closedTo(place, now);
    if (closed !== null && closed.until - now > timeoutMs) return this.#closed('closed_too_long', place, closed, now);
    const isTooLate = Math.max(inspection.poolWaitMs(now), this.#queueWaitMs(place, now) ?? 0) > latestMs;
    return isTooLate ? { code: 'too_late', timeoutMs, retryAfterSec: this.#retryAfterSec(level, now) } : null;
  }

  /** Null: it cannot be predicted. */
  #queueWaitMs(place: Place<Holder>, now: number): number | null {
    const { scheduler, drainOf } = this.#options;
    return drainOf(place.level).predictMs(scheduler.inspection.costBefore(place), now);
  }

  /** The time until half of the waiting requests of the level have a seat, and not before the pool is open. */
  #retryAfterSec(level: Level, now: number): number {
    const { scheduler, drainOf, random } = this.#options;
    const drainSec = drainOf(level).secondsFor(scheduler.level(level).dueCost / 2, now);
    const poolSec = scheduler.inspection.poolWaitMs(now) / 1000;
    return retryAfterSec(poolSec > (drainSec ?? 0) ? poolSec : drainSec, random());
  }

  /** The time until the tenant's own rates allow one more; without such a limit, as for the level. */
  #tenantRetryAfterSec(place: Place<Holder>, now: number): number {
    const { scheduler, random } = this.#options;
    const tenantSec = scheduler.inspection.tenantWaitMs(place, now) / 1000;
    return tenantSec > 0 ? retryAfterSec(tenantSec, random()) : this.#retryAfterSec(place.level, now);
  }

  #closed(
    code: 'closed_too_long' | 'closed_timed_out',
    { timeoutMs }: Place<Holder>,
    { model, until }: Closed,
    now: number,
  ): Refusal {
    const closedForMs = until - now;
    const afterSec = retryAfterSec(closedForMs / 1000, this.#options.random());
    return { code, isOfModel: model !== null, closedForMs, timeoutMs, retryAfterSec: afterSec };
  }
}
