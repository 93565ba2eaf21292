/** The queues that the scheduler is compared with: the plain queue that most gateways have, and known mistakes. */
import { allLevels, type Level } from '../../src/domain/vocabulary.ts';
import type { Job, Queue } from './job.ts';

/** The capacity of the upstream; as with the gateway's scheduler, a request that does not fit blocks all others. */
export interface Room {
  readonly seats: number;
  /** The tokens of all running jobs together. */
  readonly maxTokensInFlight?: number;
}

class Occupancy {
  inUse = 0;
  readonly #room: Required<Room>;
  #tokens = 0;

  constructor({ seats, maxTokensInFlight = Number.POSITIVE_INFINITY }: Room) {
    this.#room = { seats, maxTokensInFlight };
  }

  fits({ demand }: Job): boolean {
    return this.inUse < this.#room.seats && this.#tokens + demand.tokens <= this.#room.maxTokensInFlight;
  }

  enter({ demand }: Job): void {
    this.inUse++;
    this.#tokens += demand.tokens;
  }

  leave({ demand }: Job): void {
    this.inUse--;
    this.#tokens -= demand.tokens;
  }
}

/** First come, first served. */
export class FcfsQueue implements Queue {
  readonly #occupancy: Occupancy;
  readonly #waiting: Job[] = [];
  #first = 0;

  constructor(room: Room) {
    this.#occupancy = new Occupancy(room);
  }

  enqueue(job: Job): boolean {
    this.#waiting.push(job);
    return true;
  }

  next(): Job | undefined {
    const job = this.#waiting[this.#first];
    if (job === undefined || !this.#occupancy.fits(job)) return undefined;
    this.#first++;
    this.#occupancy.enter(job);
    return job;
  }

  progress(): void {}

  finish(job: Job): void {
    this.#occupancy.leave(job);
  }
}

interface LeastCounterFlow {
  counter: number;
  readonly waiting: Job[];
}

/**
 * Least counter first (the VTC paper's LCF): the flow with the least charge is next. A flow that was away comes back
 * with its old counter, and blocks all others until it has used up its absence.
 */
export class LeastCounterQueue implements Queue {
  readonly #occupancy: Occupancy;
  readonly #flows = new Map<string, LeastCounterFlow>();
  readonly #charged = new Map<Job, number>();

  constructor(room: Room) {
    this.#occupancy = new Occupancy(room);
  }

  enqueue(job: Job): boolean {
    this.#flow(job).waiting.push(job);
    return true;
  }

  next(): Job | undefined {
    const backlogged = [...this.#flows.values()].filter(flow => flow.waiting.length > 0);
    const [flow] = backlogged.sort((a, b) => a.counter - b.counter);
    const job = flow?.waiting[0];
    if (flow === undefined || job === undefined || !this.#occupancy.fits(job)) return undefined;
    flow.waiting.shift();
    this.#occupancy.enter(job);
    this.progress(job, job.demand.estimate);
    return job;
  }

  progress(job: Job, cost: number): void {
    const charged = this.#charged.get(job) ?? 0;
    if (cost <= charged) return;
    this.#flow(job).counter += cost - charged;
    this.#charged.set(job, cost);
  }

  finish(job: Job, cost: number): void {
    this.#flow(job).counter += cost - (this.#charged.get(job) ?? 0);
    this.#charged.delete(job);
    this.#occupancy.leave(job);
  }

  #flow(job: Job): LeastCounterFlow {
    const known = this.#flows.get(job.demand.flowId);
    if (known !== undefined) return known;
    const flow: LeastCounterFlow = { counter: 0, waiting: [] };
    this.#flows.set(job.demand.flowId, flow);
    return flow;
  }
}

/**
 * "Weighted fair queueing" as some gateways have it: before every grant each level's credit grows by its
 * weight, the level with the most credit is served and pays tokens / 1000, and credit never falls below
 * nothing. Since a grant costs less than one round's credit, the level with the greatest weight always wins.
 */
export class CreditQueue implements Queue {
  readonly #seats: number;
  readonly #weights: readonly number[];
  readonly #credits = allLevels.map(() => 0);
  readonly #waiting: readonly Job[][] = allLevels.map(() => []);
  #inUse = 0;

  constructor(seats: number, weights: readonly number[]) {
    this.#seats = seats;
    this.#weights = weights;
  }

  enqueue(job: Job): boolean {
    this.#waiting[job.demand.level]?.push(job);
    return true;
  }

  next(): Job | undefined {
    if (this.#inUse >= this.#seats) return undefined;
    for (const level of allLevels) this.#credits[level] = this.#credit(level) + (this.#weights[level] ?? 0);
    const richest = allLevels
      .filter(level => (this.#waiting[level]?.length ?? 0) > 0)
      .reduce<Level | undefined>(
        (best, level) => (best === undefined || this.#credit(level) > this.#credit(best) ? level : best),
        undefined,
      );
    if (richest === undefined) return undefined;
    const job = this.#waiting[richest]?.shift();
    if (job === undefined) return undefined;
    this.#credits[richest] = Math.max(0, this.#credit(richest) - job.demand.tokens / 1000);
    this.#inUse++;
    return job;
  }

  progress(): void {}

  finish(): void {
    this.#inUse--;
  }

  #credit(level: Level): number {
    return this.#credits[level] ?? 0;
  }
}

/**
 * Seats divided into shares that may be borrowed while the pool is not full (partitions of
 * concurrency-limits): a level below its share starts even when others have borrowed all seats.
 */
export class PartitionQueue implements Queue {
  readonly #seats: number;
  readonly #shares: ReadonlyMap<Level, number>;
  readonly #waiting: Job[] = [];
  readonly #running = new Map<Level, number>();
  #inUse = 0;

  constructor(seats: number, shares: ReadonlyMap<Level, number>) {
    this.#seats = seats;
    this.#shares = shares;
  }

  enqueue(job: Job): boolean {
    this.#waiting.push(job);
    return true;
  }

  next(): Job | undefined {
    const index = this.#waiting.findIndex(({ demand: { level } }) => this.#mayStart(level));
    const [job] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (job === undefined) return undefined;
    this.#inUse++;
    this.#running.set(job.demand.level, this.#runningIn(job.demand.level) + 1);
    return job;
  }

  progress(): void {}

  finish(job: Job): void {
    this.#inUse--;
    this.#running.set(job.demand.level, this.#runningIn(job.demand.level) - 1);
  }

  #mayStart(level: Level): boolean {
    const share = Math.max(1, Math.ceil(this.#seats * (this.#shares.get(level) ?? 0)));
    return this.#inUse < this.#seats || this.#runningIn(level) < share;
  }

  #runningIn(level: Level): number {
    return this.#running.get(level) ?? 0;
  }
}
