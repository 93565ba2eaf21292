/** The visible state of a running pool: its lanes, its history, and its requests. */
import type { PoolSettings } from '../../../config/config.ts';
import { type Clock, momentOf } from '../../../domain/clock.ts';
import {
  type LivePool,
  mostClosedModelsShown,
  mostTenantsShown,
  type Point,
  type PresentRequest,
  type ProviderClosures,
} from '../../../domain/shown/live.ts';
import { poolShares } from '../../../domain/shown/pool-share.ts';
import type { PoolStats, WaitPercentiles } from '../../../domain/shown/stats.ts';
import { Ring } from '../../../domain/structures/ring.ts';
import { allLevels, type Level } from '../../../domain/vocabulary.ts';
import { PoolHistory, type Step } from '../../../observed/pool-history.ts';
import type { EndedStep } from '../../../observed/wait-window.ts';
import type { Closed, FlowShare, Scheduler, Standing } from '../../../scheduler/scheduler.ts';
import type { Stay } from '../guest.ts';
import type { PoolCounts } from '../level-counts.ts';
import { shownEndpoints } from './shown-endpoints.ts';
import { shownShare, type TenantName } from './shown-share.ts';
import { type WaitFacts, waitSentence } from './wait-reason.ts';

/** The waits of granted requests. */
export interface Waits {
  record(level: Level, waitMs: number): void;
  percentiles(level: Level): WaitPercentiles;
  lastStep(): EndedStep;
  grantedNow(level: Level): number;
}

interface ViewParts {
  readonly name: string;
  readonly clock: Clock;
  readonly waits: Waits;
  readonly scheduler: Scheduler<Stay>;
  readonly counts: PoolCounts;
  readonly settings: () => PoolSettings;
}

/** From this many grants on their speed predicts the wait of a request. */
const fewestGrants = 3;

type Standings = (stay: Stay) => Standing;

export class PoolView {
  readonly #parts: ViewParts;
  readonly #history: PoolHistory;
  /** The requests that wait or have a seat. */
  readonly #present = new Ring<Stay>();

  constructor(parts: ViewParts) {
    this.#parts = parts;
    this.#history = new PoolHistory({ clock: parts.clock, waits: parts.waits, load: () => this.#load() });
  }

  get name(): string {
    return this.#parts.name;
  }

  entered(stay: Stay): void {
    this.#present.append(stay.amongPresent);
  }

  left(stay: Stay): void {
    stay.amongPresent.leave();
  }

  /** The requests that wait or have a seat, in the order in which they came. */
  present(): Iterable<Stay> {
    return this.#present;
  }

  /** Ends a step of the history. */
  endStep(): void {
    if (this.#history.sample()) this.#parts.scheduler.inspection.endStep();
  }

  /** Returns the steps of the last ten minutes, oldest first; only those after the step `after` if given. */
  points(after?: number): readonly Point[] {
    return this.#history.points(after);
  }

  /** The same, each with its number. */
  steps(after?: number): readonly Step[] {
    return this.#history.steps(after);
  }

  /** Another gateway granted the seats until now: what was seen here meanwhile tells nothing of them. */
  beginAnew(): void {
    this.#history.beginAnew();
  }

  get newestStep(): number {
    return this.#history.newest;
  }

  stats(): PoolStats {
    const { name, scheduler, counts, waits } = this.#parts;
    return {
      name,
      seats: scheduler.seats,
      in_use: scheduler.inUse,
      levels: allLevels.map(level => counts.of(level).stats(scheduler.level(level), waits.percentiles(level))),
    };
  }

  /** Of each level, P0 … P9. */
  seatsWanted(): readonly number[] {
    const { clock, scheduler } = this.#parts;
    return scheduler.inspection.seatsWanted(clock.now());
  }

  /** The shares of all tenants that wanted service in the last minute. */
  shares(): readonly FlowShare[] {
    return this.#parts.scheduler.inspection.shares();
  }

  live(tenantName: TenantName): LivePool {
    const { name, scheduler, settings, waits } = this.#parts;
    const { inspection } = scheduler;
    const rates = this.#history.rates();
    const shares = inspection.shares().sort((a, b) => b.business - a.business);
    const poolShare = poolShares(settings(), inspection.activeWeights());
    const levels = allLevels.map(level => {
      const { waiting, running } = scheduler.level(level);
      const { reserved, cap, free } = inspection.seatsOf(level);
      const { granted_per_sec = 0, refused_per_min = 0 } = rates[level] ?? {};
      const capShown = Number.isFinite(cap) ? cap : null;
      const wait_ms = waits.percentiles(level);
      return { level, waiting, running, reserved, cap: capShown, free, wait_ms, granted_per_sec, refused_per_min };
    });
    const sum = (values: number[]) => Number(values.reduce((total, value) => total + value, 0).toFixed(2));
    return {
      name,
      policy: settings().policy,
      share_by: settings().shareBy,
      seats: scheduler.seats,
      in_use: scheduler.inUse,
      free: Math.max(scheduler.seats - scheduler.inUse, 0),
      closed_until: this.closedUntil(),
      granted_per_sec: sum(rates.map(rate => rate.granted_per_sec)),
      refused_per_min: sum(rates.map(rate => rate.refused_per_min)),
      levels,
      ...shownEndpoints(inspection.endpoints()),
      tenants: shares
        .slice(0, mostTenantsShown)
        .map(share => shownShare(share, poolShare(share.level, share.weight), tenantName)),
      tenants_left_out: Math.max(shares.length - mostTenantsShown, 0),
    };
  }

  /** The time until which the whole pool is closed; null while it is open. */
  closedUntil(): string | null {
    return this.#momentOf(this.#closed().find(({ provider }) => provider === null));
  }

  /** Returns the closures of one of the pool's providers. */
  closedOf(name: string): ProviderClosures {
    const closed = this.#closed().sort((a, b) => b.until - a.until);
    const models = closed.filter(({ provider, model }) => provider === name && model !== null);
    return {
      closed_until: this.#momentOf(closed.find(({ provider, model }) => (provider ?? name) === name && model === null)),
      closed_models: models.slice(0, mostClosedModelsShown).map(({ model, endpoint, until }) => ({
        model: model ?? '',
        closed_until: momentOf(this.#parts.clock, until),
        ...(endpoint !== null && { endpoint }),
      })),
      closed_models_left_out: Math.max(models.length - mostClosedModelsShown, 0),
    };
  }

  /** Returns the request with this ID; of several, the first waiting one. Scans all requests. */
  find(requestId: string): PresentRequest | null {
    let found: Stay | null = null;
    for (const stay of this.#present) {
      if (stay.guest.asked.requestId !== requestId) continue;
      if (stay.state === 'waiting') return this.#shown(stay, this.#standings());
      found ??= stay;
    }
    return found === null ? null : this.#shown(found, this.#standings());
  }

  /** Returns the number of waiting requests, in one level or all, and those that have waited longest. */
  waiting(level: Level | null, limit: number): { requests: PresentRequest[]; total: number } {
    const now = this.#parts.clock.now();
    const waiting = [...this.#present]
      .filter(({ state, place }) => state === 'waiting' && (level === null || place.level === level))
      .sort((a, b) => b.waitedMs(now) - a.waitedMs(now));
    const standings = this.#standings();
    return {
      requests: waiting.slice(0, limit).map(stay => this.#shown(stay, standings)),
      total: waiting.length,
    };
  }

  #standings(): Standings {
    const { clock, scheduler } = this.#parts;
    const standings = scheduler.inspection.standings(clock.now());
    return ({ place }) => standings(place);
  }

  #shown(stay: Stay, standings: Standings): PresentRequest {
    const now = this.#parts.clock.now();
    const { place } = stay;
    const isWaiting = stay.state === 'waiting';
    const shownTicket = {
      request_id: stay.guest.asked.requestId,
      state: isWaiting ? ('waiting' as const) : ('running' as const),
      pool: this.name,
      level: place.level,
      flow_id: place.flowId,
      waited_ms: Math.round(stay.waitedMs(now)),
      ...(stay.guest.gateway !== undefined && { gateway: stay.guest.gateway }),
    };
    if (!isWaiting) {
      return {
        ...shownTicket,
        position: null,
        ahead: null,
        reason: null,
        expected_wait_ms: null,
        gives_up_in_ms: null,
      };
    }
    const standing = standings(stay);
    const { better_levels, own_level, worse_levels, own_flow } = standing.ahead;
    return {
      ...shownTicket,
      position: 1 + better_levels + own_level + worse_levels + own_flow,
      ahead: standing.ahead,
      reason: this.#reason(stay, standing, now),
      expected_wait_ms: this.#expectedWaitMs(stay, standing, now),
      gives_up_in_ms: Math.max(Math.round(place.deadline - now), 0),
    };
  }

  #reason({ place }: Stay, { reason: code, closed, ...standing }: Standing, now: number): PresentRequest['reason'] {
    if (code === null) return null;
    const { level } = place;
    const { scheduler, settings } = this.#parts;
    const facts: WaitFacts = {
      ...standing,
      code,
      level,
      provider: place.target.provider,
      isAnyUp: scheduler.inspection.isAnyUp(place),
      levelCap: scheduler.inspection.seatsOf(level).cap,
      seats: scheduler.seats,
      inUse: scheduler.inUse,
      closedProvider: closed?.provider ?? null,
      closedModel: closed?.model ?? null,
      closedEndpoint: closed?.endpoint ?? null,
      closedUntil: this.#momentOf(closed),
      poolWaitMs: scheduler.inspection.poolWaitMs(now),
      tokensInFlight: scheduler.tokensInFlight,
      maxTokensInFlight: settings().maxTokensInFlight,
    };
    return { code, message: waitSentence(facts) };
  }

  /**
   * The time until the requests ahead in its level and itself have drained at the recent rate; null if it is unknown.
   */
  #expectedWaitMs({ place }: Stay, { closed, costAhead, tenantWaitMs }: Standing, now: number): number | null {
    const { scheduler, counts } = this.#parts;
    const drainMs = counts.of(place.level).drain.predictMs(costAhead + place.cost, now, fewestGrants);
    if (tenantWaitMs === null) return null;
    const closedMs = closed === null ? 0 : closed.until - now;
    const knownMs = Math.max(scheduler.inspection.poolWaitMs(now), tenantWaitMs, closedMs);
    if (drainMs === null && knownMs === 0) return null;
    return Math.round(Math.max(drainMs ?? 0, knownMs));
  }

  #closed(): Closed[] {
    const { clock, scheduler } = this.#parts;
    return scheduler.inspection.closed(clock.now());
  }

  #momentOf(closed: Closed | null | undefined): string | null {
    return closed ? momentOf(this.#parts.clock, closed.until) : null;
  }

  #load() {
    const { scheduler, counts } = this.#parts;
    const refused = allLevels.map(level => counts.of(level).rejected + counts.of(level).timedOut);
    return { waiting: scheduler.waiting, in_use: scheduler.inUse, refused };
  }
}
