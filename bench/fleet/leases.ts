/**
 * The alternative that needs no conductor, in virtual time: seats are leased to gateways by demand, every half second
 * (sim/leased-queue.ts), against one scheduler for all, with the same requests.
 */
import type { Level } from '../../src/domain/vocabulary.ts';
import { CoreQueue } from '../sim/core-queue.ts';
import { Job, type Queue } from '../sim/job.ts';
import { LeasedQueue } from '../sim/leased-queue.ts';
import { Random } from '../sim/random.ts';
import { Simulation } from '../sim/simulation.ts';
import type { Row } from '../support/report.ts';
import { mean, percentile } from '../support/rounds.ts';

const heartbeatMs = 500;
/** Exponential. */
const serviceMs = 2_000;
const durationMs = 3 * 3_600_000;
const load = 0.9;
const partOfP0 = 0.05;

interface Sizes {
  readonly seats: number;
  readonly gateways: number;
}

export function runLeases(): Row[] {
  const sizes = [4, 16, 64].flatMap(seats => [2, 4, 16].map(gateways => ({ seats, gateways })));
  return sizes.flatMap(size => [waits(size), shares(size)]);
}

/** Nine tenths of what the seats can serve, at any gateway by chance; a twentieth of it at P0. */
function waits(size: Sizes): Row {
  const leased = arrivals(size, true);
  const whole = arrivals(size, false);
  const seconds = (samples: readonly number[], figure: (ms: readonly number[]) => number) => figure(samples) / 1000;
  const p99 = (samples: readonly number[]) => percentile(samples, 0.99);
  return {
    what: `leases, ${named(size)}: requests come at ${load * 100} % of the seats`,
    measured:
      `${leased.idle.toFixed(1)} % of the seats idle while somebody waits (one scheduler ${whole.idle.toFixed(1)}), mean wait ` +
      `${seconds(leased.waitsMs, mean).toFixed(2)} s (${seconds(whole.waitsMs, mean).toFixed(2)}), P0's p99 ` +
      `${seconds(leased.p0Ms, p99).toFixed(1)} s (${seconds(whole.p0Ms, p99).toFixed(1)})`,
    target: '–',
    isMet: null,
  };
}

function arrivals({ seats, gateways }: Sizes, isLeased: boolean) {
  const random = new Random(1);
  const at = new Map<Job, number>();
  const waitsMs: number[] = [];
  const p0Ms: number[] = [];
  const { queue, beats } = queueOf({ seats, gateways }, isLeased, job => at.get(job) ?? 0);
  let [waiting, running, idleMs, since] = [0, 0, 0, 0];
  const count = (nowMs: number, more: { waiting: number; running: number }) => {
    idleMs += Math.min(seats - running, waiting) * (nowMs - since);
    since = nowMs;
    waiting += more.waiting;
    running += more.running;
  };
  const simulation = new Simulation({
    queue,
    onStart: job => {
      count(simulation.nowMs, { waiting: -1, running: 1 });
      waitsMs.push(job.waitedMs);
      if (job.demand.level === 0) p0Ms.push(job.waitedMs);
    },
    onEnd: () => count(simulation.nowMs, { waiting: 0, running: -1 }),
  });
  beats(simulation);
  const come = (id: number): void => {
    const level = random.uniform() < partOfP0 ? 0 : 5;
    const job = jobOf(id, 'a', level, simulation.nowMs, random.exponential(serviceMs));
    at.set(job, random.integer(gateways));
    count(simulation.nowMs, { waiting: 1, running: 0 });
    simulation.submit(job);
    simulation.at(simulation.nowMs + random.exponential(serviceMs / (load * seats)), () => come(id + 1));
  };
  simulation.at(0, () => come(0));
  simulation.run(durationMs);
  return { idle: (100 * idleMs) / (seats * durationMs), waitsMs, p0Ms };
}

/** One tenant at one gateway, the other at all of them, of equal weights; more waits of either than is served. */
function shares(size: Sizes): Row {
  const [leased, whole] = [true, false].map(isLeased => shareOfSmall(size, isLeased));
  return {
    what: `leases, ${named(size)}: a tenant at one gateway, one at all`,
    measured: `the one gets ${leased?.toFixed(1)} % (one scheduler ${whole?.toFixed(1)} %)`,
    target: '–',
    isMet: null,
  };
}

function shareOfSmall({ seats, gateways }: Sizes, isLeased: boolean): number {
  const random = new Random(1);
  const at = new Map<Job, number>();
  const busyMs = { one: 0, all: 0 };
  const { queue, beats } = queueOf({ seats, gateways }, isLeased, job => at.get(job) ?? 0);
  let id = 0;
  const submit = (flow: 'one' | 'all', gateway: number) => {
    const job = jobOf(id++, flow, 5, simulation.nowMs, random.exponential(serviceMs));
    at.set(job, gateway);
    simulation.submit(job);
  };
  const simulation = new Simulation({
    queue,
    onEnd: job => {
      const flow = job.demand.flowId === 'one' ? 'one' : 'all';
      busyMs[flow] += job.demand.decodeMs;
      submit(flow, at.get(job) ?? 0);
      at.delete(job);
    },
  });
  beats(simulation);
  simulation.at(0, () => {
    for (let client = 0; client < 3 * seats; client++) submit('one', 0);
    for (let client = 0; client < 3 * seats * gateways; client++) submit('all', client % gateways);
  });
  simulation.run(durationMs / 2);
  return (100 * busyMs.one) / (busyMs.one + busyMs.all);
}

/** The queue, and the heartbeats of its leases. */
function queueOf(size: Sizes, isLeased: boolean, gatewayOf: (job: Job) => number) {
  if (!isLeased) return { queue: new CoreQueue({ seats: size.seats, policy: 'hybrid' }) as Queue, beats: () => {} };
  const queue = new LeasedQueue({ ...size, gatewayOf });
  const beats = (simulation: Simulation) => {
    const beat = (): void => {
      queue.heartbeat();
      simulation.offer();
      simulation.at(simulation.nowMs + heartbeatMs, beat);
    };
    simulation.at(0, beat);
  };
  return { queue: queue as Queue, beats };
}

function jobOf(id: number, flowId: string, level: Level, arrivalMs: number, decodeMs: number): Job {
  const cost = decodeMs;
  return new Job(id, {
    flowId,
    level,
    arrivalMs,
    prefillMs: 0,
    decodeMs,
    estimate: cost,
    cost,
    initialCost: 0,
    tokens: cost,
  });
}

const named = ({ seats, gateways }: Sizes): string => `${seats} seats of ${gateways} gateways`;
