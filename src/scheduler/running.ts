/** The places that hold seats: what each has taken of its pool, level and tenant, and what it gives back. */
import type { Spent } from '../domain/usage.ts';
import type { Capacity } from './capacity/capacity.ts';
import { type Place, soundAmount } from './flows/flow.ts';
import type { LevelQueue } from './queue/level-queue.ts';
import type { LevelTier } from './queue/level-tier.ts';
import type { PoolQueue } from './queue/pool-queue.ts';

interface RunningOptions<Holder> {
  readonly capacity: Capacity;
  readonly queue: PoolQueue<Holder>;
  readonly tier: LevelTier<Holder>;
  /** Called after a place of the level has begun or ended. */
  readonly changed: (queue: LevelQueue<Holder>) => void;
}

export class Running<Holder> {
  readonly #capacity: Capacity;
  readonly #queue: PoolQueue<Holder>;
  readonly #tier: LevelTier<Holder>;
  readonly #changed: (queue: LevelQueue<Holder>) => void;

  constructor({ capacity, queue, tier, changed }: RunningOptions<Holder>) {
    this.#capacity = capacity;
    this.#queue = queue;
    this.#tier = tier;
    this.#changed = changed;
  }

  /** Charges a place that was taken from the queue its estimate; `isChosen`: among all that wait in the pool. */
  start(place: Place<Holder>, isChosen: boolean, now: number): void {
    this.#begin(place, place);
    this.#tier.charge(place.level, place.cost / place.levelWeight, isChosen);
    this.#capacity.take(place, now);
    this.#changed(this.#queue.level(place.level));
    const tenant = place.flow?.tenant;
    if (tenant) this.#queue.tenants.started(tenant, place.tokens, now);
  }

  /** Takes only the seat and the tokens in flight: what it was charged so far was charged elsewhere. */
  adopt(place: Place<Holder>, charged: Spent, now: number): void {
    const queue = this.#queue.level(place.level);
    this.#begin(place, { cost: soundAmount(charged.cost), tokens: soundAmount(charged.tokens) });
    queue.adopt(place);
    this.#capacity.adopt(place);
    this.#changed(queue);
    const tenant = place.flow?.tenant;
    if (tenant) this.#queue.tenants.adopted(tenant, now);
  }

  /** Sets the charge of a place to what it has spent. */
  settle(place: Place<Holder>, spent: Spent, now: number): void {
    const cost = soundAmount(spent.cost);
    const tokens = soundAmount(spent.tokens);
    const difference = cost - place.charged;
    this.#tier.correct(place.level, difference / place.levelWeight);
    this.#queue.level(place.level).correct(place, difference);
    this.#capacity.correct(tokens - place.chargedTokens, now);
    const tenant = place.flow?.tenant;
    if (tenant?.rates) {
      tenant.rates.correct(tokens - place.chargedTokens, now);
      this.#queue.tenants.review(tenant, now);
    }
    place.charged = cost;
    place.chargedTokens = tokens;
  }

  /** Frees the seat of a place. */
  end(place: Place<Holder>, now: number): void {
    const queue = this.#queue.level(place.level);
    this.#queue.closures.probeEnded(place, 'no answer', now);
    queue.finish(place);
    this.#capacity.free(place);
    place.state = 'ended';
    const tenant = place.flow?.tenant;
    if (tenant) this.#queue.tenants.ended(tenant, now);
    this.#changed(queue);
  }

  #begin(place: Place<Holder>, charged: Spent): void {
    place.state = 'running';
    place.charged = charged.cost;
    place.chargedTokens = charged.tokens;
    place.levelWeight = this.#tier.weightOf(place.level);
  }
}
