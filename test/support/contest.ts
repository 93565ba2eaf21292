/** Permanently backlogged flows that compete for seats; their charges are counted from outside. */
import type { Level } from '../../src/domain/vocabulary.ts';
import { Place, Scheduler, type SchedulerOptions } from '../../src/scheduler/scheduler.ts';
import { anyTarget } from './pool-settings.ts';

export interface Contestant {
  readonly flowId: string;
  readonly level: Level;
}

interface Job extends Contestant {
  readonly estimate: number;
  readonly actual: number;
}

export class Contest {
  scheduler: Scheduler<Job>;
  /** The cost charged so far, by flow ID. */
  readonly charged = new Map<string, number>();
  largestEstimate = 0;
  largestError = 0;
  /** In the order in which they came. */
  #waiting: Place<Job>[] = [];
  #running: { readonly place: Place<Job>; charge: number }[] = [];

  constructor(options: SchedulerOptions) {
    this.scheduler = new Scheduler(options);
  }

  bring(contestant: Contestant, estimate: number, actual = estimate): void {
    const { flowId, level } = contestant;
    this.largestEstimate = Math.max(this.largestEstimate, estimate);
    this.largestError = Math.max(this.largestError, Math.abs(actual - estimate));
    const place = placeOf({ flowId, level, estimate, actual });
    if (this.scheduler.enqueue(place, 0) !== 'queued') throw new Error('it was not queued');
    this.#waiting.push(place);
  }

  /** All jobs go on in a new scheduler. */
  moveTo(options: SchedulerOptions): void {
    this.scheduler = new Scheduler(options);
    this.#running = this.#running.map(({ place: { holder }, charge }) => ({ place: placeOf(holder), charge }));
    for (const { place, charge } of this.#running)
      this.scheduler.takeover.adopt(place, { cost: charge, tokens: 0 }, 0, 0);
    this.#waiting = this.#waiting.map(({ holder }) => placeOf(holder));
    for (const place of this.#waiting) this.scheduler.takeover.restore(place, 0, 0);
  }

  /** Gives the next job its seat. */
  grant(): Job | undefined {
    const place = this.scheduler.next(0);
    if (place === undefined) return undefined;
    this.#waiting.splice(this.#waiting.indexOf(place), 1);
    this.#running.push({ place, charge: place.holder.estimate });
    this.#charge(place.holder, place.holder.estimate);
    return place.holder;
  }

  /** A job with a seat reports that it has used `share` of its cost; the whole ends it. */
  use(nth: number, share: number): void {
    const index = nth % Math.max(this.#running.length, 1);
    const runner = this.#running[index];
    if (runner === undefined) return;
    const { actual } = runner.place.holder;
    const spent = { cost: share >= 1 ? actual : actual * share, tokens: 0 };
    if (share >= 1) {
      this.scheduler.finish(runner.place, spent, 0);
      this.#running.splice(index, 1);
    } else if (!this.scheduler.progress(runner.place, spent, 0)) return;
    this.#charge(runner.place.holder, spent.cost - runner.charge);
    runner.charge = spent.cost;
  }

  #charge({ flowId }: Job, amount: number): void {
    this.charged.set(flowId, (this.charged.get(flowId) ?? 0) + amount);
  }
}

function placeOf(job: Job): Place<Job> {
  const { flowId, level, estimate } = job;
  const demand = { ...anyTarget, flowId, level, cost: estimate, tokens: 0, bodyBytes: 0 };
  return new Place(job, demand, Number.POSITIVE_INFINITY);
}
