/**
 * The method of the tests of Kubernetes' API Priority and Fairness: clients that run a request, think, and run the next
 * one, on an event clock; the result is the number of running requests of each client, averaged over the run. The
 * max-min fair allocation is expected.
 */
import type { Level } from '../../src/domain/vocabulary.ts';
import { CoreQueue, type PoolShape } from './core-queue.ts';
import { Job, type Queue } from './job.ts';
import { Simulation } from './simulation.ts';

export interface ClientGroup {
  readonly flowId: string;
  /** P5 by default. */
  readonly level?: Level;
  /** The number of requests that it keeps outstanding. */
  readonly threads: number;
  readonly runMs: number;
  readonly thinkMs: number;
}

export interface ClosedLoopCase {
  readonly pool: PoolShape;
  readonly groups: readonly ClientGroup[];
  readonly untilMs: number;
}

export interface ClosedLoopResult {
  /** The running requests of each group, averaged over time. */
  readonly concurrency: readonly number[];
  /** The most requests running at a time, of all groups together. */
  readonly peak: number;
  readonly traceHash: string;
}

export function runClosedLoop(loop: ClosedLoopCase, queue: Queue = new CoreQueue(loop.pool)): ClosedLoopResult {
  const groupOf = new Map(loop.groups.map((group, index) => [group.flowId, index]));
  const busyMs = loop.groups.map(() => 0);
  let running = 0;
  let peak = 0;
  let jobs = 0;
  const simulation = new Simulation({
    queue,
    onStart: job => {
      peak = Math.max(peak, ++running);
      const index = groupOf.get(job.demand.flowId) ?? 0;
      const endMs = Math.min(loop.untilMs, job.startedMs + job.demand.decodeMs);
      busyMs[index] = (busyMs[index] ?? 0) + endMs - job.startedMs;
    },
    onEnd: job => {
      running--;
      const group = loop.groups[groupOf.get(job.demand.flowId) ?? 0];
      if (group !== undefined) simulation.at(simulation.nowMs + group.thinkMs, () => submit(group));
    },
  });
  const submit = (group: ClientGroup) => void simulation.submit(jobOf(jobs++, group, simulation.nowMs));
  for (const group of loop.groups)
    for (let thread = 0; thread < group.threads; thread++) simulation.at(0, () => submit(group));
  simulation.run(loop.untilMs);
  const concurrency = busyMs.map(busy => busy / loop.untilMs);
  return { concurrency, peak, traceHash: simulation.traceHash };
}

function jobOf(id: number, { flowId, level = 5, runMs }: ClientGroup, arrivalMs: number): Job {
  const cost = runMs;
  return new Job(id, {
    flowId,
    level,
    arrivalMs,
    prefillMs: 0,
    decodeMs: runMs,
    estimate: cost,
    cost,
    initialCost: 0,
    tokens: cost,
  });
}

/**
 * The max-min fair allocation: no client gets more than it asked for, and a client that gets less gets no less than any
 * other.
 */
export function maxMinAllocation(demands: readonly number[], capacity: number): number[] {
  const ascending = demands.map((demand, index) => ({ demand, index })).sort((a, b) => a.demand - b.demand);
  const allocation = demands.map(() => 0);
  let left = capacity;
  ascending.forEach(({ demand, index }, served) => {
    const share = Math.min(demand, left / (ascending.length - served));
    allocation[index] = share;
    left -= share;
  });
  return allocation;
}

/** Demands as numbers of requests without a pause, over rounds in which every client's request ends. */
export const allocationCase = (demands: readonly number[], seats: number, rounds = 100): ClosedLoopCase => ({
  pool: { seats },
  groups: demands.map((demand, index) => ({ flowId: `client-${index}`, threads: demand, runMs: 1000, thinkMs: 0 })),
  untilMs: 1000 * rounds,
});
