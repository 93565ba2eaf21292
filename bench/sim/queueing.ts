/**
 * Strict order and losses in queueing theory, and in the scheduler.
 *
 * Cobham (1954), levels with Poisson arrivals and exponential service on c equal servers without
 * interruption: a request of level k waits on average
 *
 *   W_k = W₀ / ((1 − σ_{k−1}) (1 − σ_k))      σ_k = ρ_0 + … + ρ_k      W₀ = C(c, ρ) · mean / c
 *
 * with C(c, ρ) Erlang's probability of having to wait (C formula).
 */
import { allLevels } from '../../src/domain/vocabulary.ts';
import { perLevel } from '../../test/support/pool-settings.ts';
import { CoreQueue } from './core-queue.ts';
import { Job } from './job.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';

/** The share of arrivals that find all seats taken when `load` (arrivals × mean hold) is offered and none may wait. */
export function erlangB(seats: number, load: number): number {
  let blocked = 1;
  for (let seat = 1; seat <= seats; seat++) blocked = (load * blocked) / (seat + load * blocked);
  return blocked;
}

/** The share of arrivals that have to wait when all of them wait until they are served. */
export function erlangC(seats: number, load: number): number {
  const blocked = erlangB(seats, load);
  return blocked / (1 - (load / seats) * (1 - blocked));
}

export interface StrictCase {
  readonly seats: number;
  readonly meanSec: number;
  /** For each level from P0: the share of all seats that it would keep busy alone. */
  readonly loads: readonly number[];
}

/** Mean wait in seconds per level, by the formula. */
export function cobham({ seats, meanSec, loads }: StrictCase): number[] {
  const total = sum(loads);
  const residual = (erlangC(seats, total * seats) * meanSec) / seats;
  return loads.map((_, level) => {
    const better = sum(loads.slice(0, level));
    return residual / ((1 - better) * (1 - better - (loads[level] ?? 0)));
  });
}

export interface StrictResult {
  /** Mean wait in seconds per level. */
  readonly waitSec: readonly number[];
  readonly traceHash: string;
}

/** The same, measured on the scheduler under `strict`. */
export function simulateStrict(strict: StrictCase, arrivals: number, seed: number): StrictResult {
  const random = new Random(seed);
  const waited = strict.loads.map(() => 0);
  const started = strict.loads.map(() => 0);
  const simulation = new Simulation({
    queue: new CoreQueue({ seats: strict.seats, policy: 'strict' }),
    onStart: job => {
      const { level } = job.demand;
      waited[level] = (waited[level] ?? 0) + job.waitedMs;
      started[level] = (started[level] ?? 0) + 1;
    },
  });
  const total = sum(strict.loads);
  const gapMs = (strict.meanSec * 1000) / (total * strict.seats);
  let left = arrivals;
  const arrive = () => {
    if (left-- === 0) return;
    const level = levelFor(strict.loads, random.uniform() * total);
    simulation.submit(exponentialJob(left, level, strict.meanSec, simulation.nowMs, random));
    simulation.at(simulation.nowMs + random.exponential(gapMs), arrive);
  };
  simulation.at(random.exponential(gapMs), arrive);
  simulation.run();
  const waitSec = waited.map((waitedMs, level) => waitedMs / 1000 / (started[level] ?? 0));
  return { waitSec, traceHash: simulation.traceHash };
}

/** The share of arrivals that the scheduler refuses when its queue is full. */
export function simulateLoss(seats: number, load: number, arrivals: number, seed: number): number {
  const random = new Random(seed);
  const simulation = new Simulation({ queue: new CoreQueue({ seats, maxQueueDepth: perLevel(0) }) });
  let left = arrivals;
  let refused = 0;
  const arrive = () => {
    if (left-- === 0) return;
    if (!simulation.submit(exponentialJob(left, 0, 1, simulation.nowMs, random))) refused++;
    simulation.at(simulation.nowMs + random.exponential(1000 / load), arrive);
  };
  simulation.at(0, arrive);
  simulation.run();
  return refused / arrivals;
}

function exponentialJob(id: number, level: number, meanSec: number, arrivalMs: number, random: Random): Job {
  const decodeMs = random.exponential(meanSec * 1000);
  const demand = { flowId: 'all', level: allLevels[level] ?? 9, arrivalMs, prefillMs: 0, decodeMs } as const;
  return new Job(id, { ...demand, estimate: decodeMs, cost: decodeMs, initialCost: 0, tokens: 0 });
}

function levelFor(loads: readonly number[], drawn: number): number {
  let upTo = 0;
  const level = loads.findIndex(load => {
    upTo += load;
    return drawn < upTo;
  });
  return Math.max(0, level);
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
