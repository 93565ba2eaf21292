/**
 * What can be told of a pool without touching it: what each level could take, what its flows were served,
 * and why a place waits. It asks in the order in which scheduler.ts does, and takes nobody's turn.
 */
import type { Ahead, WaitReason } from '../domain/live.ts';
import { allLevels, type Level } from '../domain/vocabulary.ts';
import type { Capacity } from './capacity.ts';
import type { Place } from './flow.ts';
import type { LevelTier } from './level-tier.ts';
import type { PoolQueue } from './pool-queue.ts';
import { Line, turnsOf } from './turns.ts';

/** How a waiting place stands. */
export interface Standing {
  /** Null: nothing keeps it, it is given its seat in a moment. */
  readonly reason: WaitReason | null;
  readonly ahead: Ahead;
  /** Of those ahead in its own level. */
  readonly costAhead: number;
  /** For its tenant's own limits; null: until one of its requests ends. */
  readonly tenantWaitMs: number | null;
}

interface LevelSeats {
  readonly reserved: number;
  /** Infinity: all. */
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
  /** Cost that it was served in the last minute and has waiting. */
  readonly business: number;
}

export class Inspection<Holder> {
  readonly #capacity: Capacity;
  readonly #tier: LevelTier;
  readonly #queue: PoolQueue<Holder>;
  readonly #ready: () => number;

  constructor(capacity: Capacity, tier: LevelTier, queue: PoolQueue<Holder>, ready: () => number) {
    this.#capacity = capacity;
    this.#tier = tier;
    this.#queue = queue;
    this.#ready = ready;
  }

  seatsOf(level: Level): LevelSeats {
    const { seats } = this.#capacity;
    return { reserved: seats.reservedFor(level), cap: seats.capOf(level), free: seats.roomFor(level) };
  }

  /** A step of what service.ts counts is over. */
  endStep(): void {
    for (const level of allLevels) {
      const queue = this.#queue.level(level);
      const active = [...queue.knownFlows()].filter(flow => flow.head !== null || flow.running > 0);
      queue.service.endStep(active.map(flow => flow.service));
    }
  }

  /** Of every flow that wanted service in the last minute. */
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

  /** Of as many waiting places as are asked for in this tick: each level is put in its order once. */
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
    const own = turnsOf(flow, this.#queue.level(level));
    const ownFlow = own.findIndex(turn => turn.place === place);
    const turn = own[ownFlow];
    if (turn === undefined) throw new Error('a waiting place is in its flow');
    const before = lineIn(level).before(turn);
    const ownBefore = own.slice(0, ownFlow);
    // A flow that stands aside is in no line; of the others the line tells the same turns again.
    const inLine = flow.isParked ? [] : ownBefore.filter(({ counter }) => counter < turn.counter);
    const ownLevel = before.count - inLine.length;
    const ownCost = flow.isParked ? ownBefore.reduce((sum, one) => sum + one.place.cost, 0) : 0;
    const better = allLevels.slice(0, level).reduce<number>((sum, one) => sum + lineIn(one).length, 0);
    const ahead = { better_levels: better, own_level: ownLevel, own_flow: ownFlow };
    const tenant = flow.tenant;
    const tenantWaitMs = tenant === null ? 0 : tenant.hasSeat ? (tenant.rates?.waitBehind(ownFlow, now) ?? 0) : null;
    return { reason: this.#reason(place, ahead, now), ahead, costAhead: before.cost + ownCost, tenantWaitMs };
  }

  #reason({ flow, level }: Place<Holder>, ahead: Ahead, now: number): WaitReason | null {
    const { seats, closedUntil } = this.#capacity;
    if (now < closedUntil) return 'upstream_closed';
    if (flow?.isParked) return 'tenant_limit';
    if (!seats.isBelowCap(level)) return 'level_cap';
    if (!this.#capacity.isOpen(now)) return 'pool_rate';
    if ((seats.open & (1 << level)) !== 0) return this.#fitsNext() ? null : 'tokens_in_flight';
    if (seats.inUse < seats.limit) return 'seats_reserved';
    if (ahead.own_flow > 0) return 'behind_own_flow';
    if (ahead.own_level > 0) return 'behind_own_level';
    return this.#tier.pick(this.#ready()) === level ? 'seats_busy' : 'behind_other_level';
  }

  #fitsNext(): boolean {
    const mask = this.#ready() & this.#capacity.seats.open;
    const head = mask === 0 ? null : this.#queue.level(this.#tier.pick(mask)).peek();
    return head === null || this.#capacity.fits(head.tokens);
  }
}
