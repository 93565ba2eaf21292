/**
 * Reports on a pool without changing it: what each level could take, what its flows were served, and why a place waits.
 * It asks in the same order as scheduler.ts and takes no turn.
 */
import type { EndpointUse } from '../domain/endpoint.ts';
import type { Ahead, WaitReason } from '../domain/shown/live.ts';
import { allLevels, type Level } from '../domain/vocabulary.ts';
import type { Capacity } from './capacity/capacity.ts';
import type { Closure } from './closures/closure.ts';
import type { Flow, Place } from './flows/flow.ts';
import type { LevelTier } from './queue/level-tier.ts';
import type { PoolQueue } from './queue/pool-queue.ts';
import { Line, type Turn, turnsOf } from './queue/turns.ts';
import { seatsWanted } from './wanted.ts';

/** A closure by the upstream: of a model of a provider, there or at one endpoint, of all its models, or of the pool. */
export interface Closed extends Pick<Closure, 'model' | 'endpoint' | 'until'> {
  readonly provider: string | null;
}

/** The standing of a waiting place. */
export interface Standing {
  /** Null: nothing blocks it, it gets its seat in a moment. */
  readonly reason: WaitReason | null;
  /** The closure that keeps it from a seat, if there is one. */
  readonly closed: Closed | null;
  readonly ahead: Ahead;
  /** The cost of the requests ahead in its own level. */
  readonly costAhead: number;
  /** The wait for its tenant's own limits; null: until one of its requests ends. */
  readonly tenantWaitMs: number | null;
}

interface LevelSeats {
  readonly reserved: number;
  /** Infinity: all seats. */
  readonly cap: number;
  readonly free: number;
}

export interface FlowShare {
  readonly flowId: string;
  readonly level: Level;
  readonly weight: number;
  readonly waiting: number;
  readonly running: number;
  readonly servedShare: number;
  readonly entitledShare: number;
  /** The cost that it was served in the last minute plus what it has waiting. */
  readonly business: number;
}

export class Inspection<Holder> {
  readonly #capacity: Capacity;
  readonly #tier: LevelTier<Holder>;
  readonly #queue: PoolQueue<Holder>;

  constructor(capacity: Capacity, tier: LevelTier<Holder>, queue: PoolQueue<Holder>) {
    this.#capacity = capacity;
    this.#tier = tier;
    this.#queue = queue;
  }

  /** The number of models and providers that the upstream has closed, and of models at single endpoints. */
  get closures(): number {
    return this.#queue.closures.size;
  }

  /** Returns the closure that blocks the place for longest; null if there is none. */
  closedTo(place: Place<Holder>, now: number): Closed | null {
    const { closedUntil } = this.#capacity;
    const closure = this.#queue.closures.keeping(place);
    if (now < closedUntil && (closure === null || closure.until <= closedUntil)) return ofPool(closedUntil);
    return closure;
  }

  /** Returns all endpoints of the pool's providers. */
  endpoints(): EndpointUse[] {
    return this.#queue.endpoints.all();
  }

  /** Whether any endpoint of the place's provider takes requests. */
  isAnyUp(place: Place<Holder>): boolean {
    return this.#queue.endpoints.isAnyUp(place);
  }

  /** Returns all closures that are not over. */
  closed(now: number): Closed[] {
    const { closedUntil } = this.#capacity;
    const pool = now < closedUntil ? [ofPool(closedUntil)] : [];
    return [...pool, ...[...this.#queue.closures.all()].filter(({ until }) => until > now)];
  }

  /** Returns the number of places that wait in this level and the better ones. */
  waitingAhead(level: Level): number {
    return this.#queue.waitingAhead(level);
  }

  /**
   * Estimates the cost that its level serves before a newcomer: of each other flow as much as of its own, by weight.
   * Other flows of a weight above 1 count as lighter, so the estimate tends to be too low.
   */
  costBefore({ flowId, level, cost }: Place<Holder>): number {
    const queue = this.#queue.level(level);
    const { waitingCost = 0, sides = null } = queue.find(flowId) ?? {};
    const own = waitingCost - (sides?.heldCost ?? 0);
    const weight = Math.max(queue.weightOf(flowId), 1);
    const others = Math.max(queue.readyFlows + queue.fullFlows - (own > 0 ? 1 : 0), 0);
    return Math.min(queue.dueCost, own + ((own + cost) * others) / weight);
  }

  /** Returns how long the pool's rates and its closed gate keep a newcomer waiting. */
  poolWaitMs(now: number): number {
    return Math.max(this.#capacity.openAt(now) - now, 0);
  }

  /** Returns how long its own tenant's rates keep a newcomer waiting, behind the tenant's waiting requests. */
  tenantWaitMs(place: Place<Holder>, now: number): number {
    return this.#queue.tenants.waitMs(place.flowId, now);
  }

  /** Whether its tenant's own seats or rates let nothing more start now. */
  isHeldByTenant({ flowId }: Pick<Place<Holder>, 'flowId'>, now: number): boolean {
    return this.#queue.tenants.find(flowId)?.mayStart(now) === false;
  }

  seatsOf(level: Level): LevelSeats {
    const { seats } = this.#capacity;
    return { reserved: seats.reservedFor(level), cap: seats.capOf(level), free: seats.roomFor(level) };
  }

  /** Returns for each level the seats that it would use if the pool had any number of them. */
  seatsWanted(now: number): number[] {
    return seatsWanted(this.#capacity, this.#queue, now);
  }

  /** Ends a step of the counts in service.ts. */
  endStep(): void {
    for (const level of allLevels) {
      const queue = this.#queue.level(level);
      const active = [...queue.knownFlows()].filter(isActive);
      queue.service.endStep(active.map(flow => flow.service));
    }
  }

  /** Returns the shares of all flows that wanted service in the last minute. */
  shares(): FlowShare[] {
    return allLevels.flatMap(level => {
      const queue = this.#queue.level(level);
      return queue.service
        .shares(flowId => queue.weightOf(flowId))
        .map(({ flowId, served, servedShare, entitledShare }) => {
          const { waiting = 0, running = 0, waitingCost = 0 } = queue.find(flowId) ?? {};
          const weight = queue.weightOf(flowId);
          return {
            flowId,
            level,
            weight,
            waiting,
            running,
            servedShare,
            entitledShare,
            business: served + waitingCost,
          };
        });
    });
  }

  /** Returns for each level the sum of the weights of the flows that wanted service in the last minute. */
  activeWeights(): number[] {
    return allLevels.map(level => {
      const queue = this.#queue.level(level);
      const told = new Set(queue.service.toldApart());
      let weights = 0;
      for (const flowId of told) weights += queue.weightOf(flowId);
      // Flows beyond the separately counted ones count only while they are present.
      if (queue.flows > told.size)
        for (const flow of queue.knownFlows()) if (isActive(flow) && !told.has(flow.id)) weights += flow.weight;
      return weights;
    });
  }

  /** Returns a function for the standings of any number of places in this tick: each level is put in order once. */
  standings(now: number): (place: Place<Holder>) => Standing {
    const lines = new Map<Level, Line<Holder>>();
    const lineIn = (level: Level) => {
      const line = lines.get(level) ?? new Line(this.#queue.level(level));
      lines.set(level, line);
      return line;
    };
    return place => this.#standing(place, lineIn, now);
  }

  #standing(place: Place<Holder>, lineIn: (level: Level) => Line<Holder>, now: number): Standing {
    const { flow, level } = place;
    if (flow === null || place.state !== 'waiting') throw new Error('only what waits has a place in the line');
    const queue = this.#queue.level(level);
    const own = turnsOf(flow, queue, place);
    const ownFlow = own.findIndex(turn => turn.place === place);
    const turn = own[ownFlow];
    if (turn === undefined) throw new Error('a waiting place is in its flow');
    const before = lineIn(level).before(turn);
    const ownBefore = own.slice(0, ownFlow);
    // The line contains the flow too, unless the flow stands aside; its turns must not count twice.
    const toldTwice = queue.isAside(flow) ? [] : turnsOf(flow, queue).filter(({ counter }) => counter < turn.counter);
    const ownLevel = before.count - toldTwice.length;
    const costAhead = before.cost - costOf(toldTwice) + costOf(ownBefore);
    const otherLevels = (levels: readonly Level[]) =>
      levels.reduce<number>((sum, one) => sum + this.#turnsBefore(turn, lineIn(one), one), 0);
    const ahead = {
      better_levels: otherLevels(allLevels.slice(0, level)),
      own_level: ownLevel,
      worse_levels: otherLevels(allLevels.slice(level + 1)),
      own_flow: ownFlow,
    };
    const tenant = flow.tenant;
    const tenantWaitMs = tenant === null ? 0 : tenant.hasSeat ? (tenant.rates?.waitBehind(ownFlow, now) ?? 0) : null;
    const closed = this.closedTo(place, now);
    const reason = closed === null ? this.#reason(place, ahead, now) : 'upstream_closed';
    return { reason, closed, ahead, costAhead, tenantWaitMs };
  }

  /**
   * Returns the number of turns of another level's line that go first; a better level goes first unless the tenants of
   * both share the pool.
   */
  #turnsBefore(turn: Turn<Holder>, line: Line<Holder>, level: Level): number {
    const own = turn.place.level;
    if (!this.#sharesByTenant(own) || !this.#sharesByTenant(level)) return level < own ? line.length : 0;
    return this.#capacity.seats.isBelowCap(level) ? line.before(turn).count : 0;
  }

  #sharesByTenant(level: number): boolean {
    return this.#tier.tenantsWeight(level) !== null;
  }

  /** Whether the place waits for a seat at an endpoint, not for one of the pool. */
  #waitsForEndpoint(place: Place<Holder>): boolean {
    const { endpoints } = this.#queue;
    if (!endpoints.isAnyUp(place)) return true;
    return this.#capacity.seats.inUse < this.#capacity.seats.limit && !this.#queue.hasRoomFor(place);
  }

  /** Returns the reason of a place that the upstream lets start. */
  #reason(place: Place<Holder>, ahead: Ahead, now: number): WaitReason | null {
    const { flow, level } = place;
    const { seats } = this.#capacity;
    if (flow?.isParked) return 'tenant_limit';
    if (!seats.isBelowCap(level)) return 'level_cap';
    if (!this.#capacity.isOpen(now)) return 'pool_rate';
    if (this.#waitsForEndpoint(place)) return 'endpoints_busy';
    if ((seats.open & (1 << level)) !== 0) return this.#fitsNext() ? null : 'tokens_in_flight';
    if (seats.inUse < seats.limit) return 'seats_reserved';
    if (ahead.own_flow > 0) return 'behind_own_flow';
    // All that waits may wait for endpoints.
    const next = this.#tier.ready === 0 ? level : this.#tier.pick(this.#tier.ready);
    if (this.#sharesByTenant(level)) {
      const others = ahead.better_levels + ahead.own_level + ahead.worse_levels;
      if (next < level && !this.#sharesByTenant(next)) return 'behind_other_level';
      return others > 0 ? 'behind_other_tenants' : 'seats_busy';
    }
    if (ahead.own_level > 0) return 'behind_own_level';
    return next === level ? 'seats_busy' : 'behind_other_level';
  }

  #fitsNext(): boolean {
    const mask = this.#tier.ready & this.#capacity.seats.open;
    const head = mask === 0 ? null : this.#queue.level(this.#tier.pick(mask)).peek();
    return head === null || this.#capacity.fits(head.tokens);
  }
}

const ofPool = (until: number): Closed => ({ provider: null, model: null, endpoint: null, until });
const isActive = <Holder>({ head, running }: Flow<Holder>): boolean => head !== null || running > 0;
const costOf = <Holder>(turns: readonly Turn<Holder>[]): number =>
  turns.reduce((sum, { place }) => sum + place.cost, 0);
