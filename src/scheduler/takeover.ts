/**
 * A scheduler that goes on where another ends, in this process or elsewhere: it seats what has a seat there, and queues
 * what waits there. And the other way: it counts with its tenants' limits what has gone to another.
 */
import type { Spent } from '../domain/usage.ts';
import type { Capacity } from './capacity/capacity.ts';
import { type Demand, type Place, soundAmount } from './flows/flow.ts';
import type { LevelQueue } from './queue/level-queue.ts';
import type { LevelTier } from './queue/level-tier.ts';
import type { Lent } from './queue/parking.ts';
import type { PoolQueue } from './queue/pool-queue.ts';

export class Takeover<Holder> {
  readonly #capacity: Capacity;
  readonly #tier: LevelTier<Holder>;
  readonly #queue: PoolQueue<Holder>;
  /** Must be called when a place of the level has its seat. */
  readonly #seated: (queue: LevelQueue<Holder>) => void;

  constructor(
    capacity: Capacity,
    tier: LevelTier<Holder>,
    queue: PoolQueue<Holder>,
    seated: (queue: LevelQueue<Holder>) => void,
  ) {
    this.#capacity = capacity;
    this.#tier = tier;
    this.#queue = queue;
    this.#seated = seated;
  }

  /**
   * Seats a place that came to the other scheduler `ageMs` ago and has its seat from there, at that endpoint. Its seat and
   * its tokens in flight are taken; its rates and what it was charged so far are the other's.
   */
  adopt(place: Place<Holder>, charged: Spent, ageMs: number, now: number, endpoint: string | null = null): void {
    mustBeNew(place);
    this.#queue.endpoints.met(place);
    const queue = this.#queue.level(place.level);
    place.state = 'running';
    place.deadline = now - ageMs + place.timeoutMs;
    place.charged = soundAmount(charged.cost);
    place.chargedTokens = soundAmount(charged.tokens);
    place.levelWeight = this.#tier.weightOf(place.level);
    queue.adopt(place);
    if (this.#queue.endpoints.adopt(place, endpoint)) this.#capacity.adopt(place);
    this.#seated(queue);
    const tenant = place.flow?.tenant;
    if (tenant) this.#queue.tenants.adopted(tenant, now);
  }

  /**
   * Queues a place that came to the other scheduler `ageMs` ago and waits there: past all limits of the queue, until the
   * same deadline, behind all that wait already. So restore the oldest first.
   */
  restore(place: Place<Holder>, ageMs: number, now: number): void {
    mustBeNew(place);
    this.#queue.tenants.reviewed(place.flowId, now);
    this.#queue.enter(place, now, ageMs);
  }

  /** No rate has a burst left, of the pool or of a tenant: the other scheduler may just have let it through. */
  emptyBursts(now: number): void {
    this.#capacity.emptyBurst(now);
    this.#queue.tenants.emptyBursts(now);
  }

  /** Starts nothing while this many seats are in use, until it is called again; null: while all are. */
  holdBack(seats: number | null): void {
    this.#capacity.holdBack(seats);
  }

  /** A request goes to another pool, and counts with its tenant's limits here until what this returns is called. */
  lend({ flowId, tokens }: Pick<Demand, 'flowId' | 'tokens'>, now: number): Lent {
    this.#queue.advance(now);
    return this.#queue.tenants.lend(flowId, soundAmount(tokens), now);
  }
}

function mustBeNew<Holder>({ state }: Place<Holder>): void {
  if (state !== 'new') throw new Error('a place is queued once');
}
