import type { Level } from '../../src/domain/vocabulary.ts';

/** What is known of a request before it comes. Times are milliseconds of the virtual clock. */
export interface JobDemand {
  readonly flowId: string;
  readonly level: Level;
  readonly arrivalMs: number;
  /** From the grant to the first token. */
  readonly prefillMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  /** What is charged at the grant … */
  readonly estimate: number;
  /** … and once it is known. */
  readonly cost: number;
  /** What is known of the cost when the first token comes; from there on it grows evenly up to `cost`. */
  readonly initialCost: number;
  /** Room it takes in the memory of the upstream while it runs. */
  readonly tokens: number;
}

/** One request and what became of it. */
export class Job {
  readonly id: number;
  readonly demand: JobDemand;
  startedMs = Number.NaN;
  endedMs = Number.NaN;

  constructor(id: number, demand: JobDemand) {
    this.id = id;
    this.demand = demand;
  }

  get waitedMs(): number {
    return this.startedMs - this.demand.arrivalMs;
  }

  get firstTokenMs(): number {
    return this.startedMs + this.demand.prefillMs;
  }

  /** What the upstream has charged for by this moment. */
  costAt(timeMs: number): number {
    const { decodeMs, initialCost, cost } = this.demand;
    if (timeMs >= this.firstTokenMs + decodeMs) return cost;
    const decoded = Math.max(0, timeMs - this.firstTokenMs) / decodeMs;
    return initialCost + (cost - initialCost) * decoded;
  }
}

/** Says who is next: the gateway's scheduler (core-queue.ts), or one to compare it with (baselines.ts). */
export interface Queue {
  /** False: refused. */
  enqueue(job: Job, nowMs: number): boolean;
  /** Gives the next job a seat; undefined when none is free or nobody waits. */
  next(nowMs: number): Job | undefined;
  /** The job has cost so much up to now. */
  progress(job: Job, cost: number, nowMs: number): void;
  /** The job has ended and its seat is free. */
  finish(job: Job, cost: number, nowMs: number): void;
}
