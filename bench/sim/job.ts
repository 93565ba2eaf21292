import type { Level } from '../../src/domain/vocabulary.ts';

/** The properties of a request that are known in advance. Times are milliseconds of the virtual clock. */
export interface JobDemand {
  readonly flowId: string;
  readonly level: Level;
  readonly arrivalMs: number;
  /** From the grant to the first token. */
  readonly prefillMs: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  /** The charge at the grant … */
  readonly estimate: number;
  /** … and when the request has ended. */
  readonly cost: number;
  /** The cost known at the first token; from there it grows evenly up to `cost`. */
  readonly initialCost: number;
  /** The memory of the upstream that it uses while it runs. */
  readonly tokens: number;
}

/** One request and its result. */
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

  /** The cost that the upstream has charged up to this moment. */
  costAt(timeMs: number): number {
    const { decodeMs, initialCost, cost } = this.demand;
    if (timeMs >= this.firstTokenMs + decodeMs) return cost;
    const decoded = Math.max(0, timeMs - this.firstTokenMs) / decodeMs;
    return initialCost + (cost - initialCost) * decoded;
  }
}

/**
 * Decides which request is next: the gateway's scheduler (core-queue.ts), or another one to compare with
 * (baselines.ts).
 */
export interface Queue {
  /** False: refused. */
  enqueue(job: Job, nowMs: number): boolean;
  /** Gives the next job a seat; undefined if none is free or nothing waits. */
  next(nowMs: number): Job | undefined;
  /** Reports the cost of the job up to now. */
  progress(job: Job, cost: number, nowMs: number): void;
  /** The job has ended and its seat is free. */
  finish(job: Job, cost: number, nowMs: number): void;
}
