/** Who may wait for a seat, and what is told who may not: which limit it met, and when to come back. */
import type { PoolSettings, TenantConfig } from '../config/config.ts';
import type { Level } from '../domain/vocabulary.ts';
import type { Place, Scheduler } from '../scheduler/scheduler.ts';
import { type DrainRate, retryAfterSec } from './drain-rate.ts';
import { refusals } from './refusal.ts';

export type TenantsById = ReadonlyMap<string, TenantConfig>;

export interface AdmissionOptions<Holder> {
  readonly name: string;
  readonly scheduler: Scheduler<Holder>;
  readonly drainOf: (level: Level) => DrainRate;
  /** 0 ≤ x < 1; spreads Retry-After. */
  readonly random: () => number;
}

/** Predictions err: who would be late by less may wait and see. */
const toleranceFactor = 2;

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

  /** Queues the place, or says why not. */
  admit(place: Place<Holder>, now: number): Error | null {
    const { scheduler } = this.#options;
    return this.#refusalInAdvance(place, now) ?? this.#refusalOf(scheduler.enqueue(place, now), place, now);
  }

  /** For who had to make room for another. */
  evicted({ level }: Place<Holder>, now: number): Error {
    return refusals.evicted(level, this.#retryAfterSec(level, now));
  }

  /** For whose time is over: whether it was for its tenant's limits or for lack of seats. */
  timedOut(place: Place<Holder>, now: number): Error {
    const { level, timeoutMs } = place;
    return place.isHeldByTenant
      ? refusals.tenantTimedOut(timeoutMs, this.#tenantRetryAfterSec(place, now))
      : refusals.timedOut(level, timeoutMs, this.#retryAfterSec(level, now));
  }

  #refusalOf(admission: ReturnType<Scheduler<Holder>['enqueue']>, place: Place<Holder>, now: number): Error | null {
    const { level } = place;
    const { maxTokensInFlight, maxQueueDepth, maxQueueDepthPool: depth, maxQueuedBytes: bytes } = this.#settings;
    switch (admission) {
      case 'queued':
        return null;
      case 'impossible':
        return refusals.impossible(place.tokens, maxTokensInFlight ?? 0);
      case 'tenant_full': {
        const most = this.#tenants.get(place.flowId)?.maxQueueDepth ?? 0;
        return refusals.tenantFull(most, this.#tenantRetryAfterSec(place, now));
      }
      case 'level_full':
        return refusals.levelFull(level, maxQueueDepth[level] ?? 0, this.#retryAfterSec(level, now));
      case 'pool_full':
        return refusals.poolFull(this.#options.name, { depth, bytes }, this.#retryAfterSec(level, now));
    }
  }

  /** Whose wait can end only in a timeout, as far as can be told, need not begin it. */
  #refusalInAdvance(place: Place<Holder>, now: number): Error | null {
    const { scheduler } = this.#options;
    if (scheduler.startsAtOnce(place, now)) return null;
    const { level, timeoutMs } = place;
    const latestMs = timeoutMs * toleranceFactor;
    if (scheduler.tenantWaitMs(place, now) > latestMs)
      return refusals.tenantTooLate(timeoutMs, this.#tenantRetryAfterSec(place, now));
    const poolWaitMs = Math.max(scheduler.poolWaitMs(now), this.#queueWaitMs(place, now));
    // Until when the upstream has closed the pool is known, not predicted.
    const isTooLate = poolWaitMs > latestMs || scheduler.closedForMs(now) > timeoutMs;
    return isTooLate ? refusals.tooLate(level, timeoutMs, this.#retryAfterSec(level, now)) : null;
  }

  #queueWaitMs(place: Place<Holder>, now: number): number {
    const { scheduler, drainOf } = this.#options;
    return drainOf(place.level).predictMs(scheduler.costBefore(place), now) ?? 0;
  }

  /** Until half of what waits in the level has a seat, and not before the pool is open. */
  #retryAfterSec(level: Level, now: number): number {
    const { scheduler, drainOf, random } = this.#options;
    const drainSec = drainOf(level).secondsFor(scheduler.level(level).waitingCost / 2, now);
    const poolSec = scheduler.poolWaitMs(now) / 1000;
    return retryAfterSec(poolSec > (drainSec ?? 0) ? poolSec : drainSec, random());
  }

  /** Until the tenant's own rates let one more start; where they do not keep it, as for the level. */
  #tenantRetryAfterSec(place: Place<Holder>, now: number): number {
    const { scheduler, random } = this.#options;
    const tenantSec = scheduler.tenantWaitMs(place, now) / 1000;
    return tenantSec > 0 ? retryAfterSec(tenantSec, random()) : this.#retryAfterSec(place.level, now);
  }
}
