/**
 * The synthetic workloads of "Fairness in Serving Large Language Models" (OSDI '24), as their artifact
 * generates them, on a model of its machine: memory for 10,240 tokens of running requests, one output
 * token per 11.47/256 s (the one constant that was fitted), prefill for nothing.
 */
import { type Arrival, poissonArrivals, sorted, uniformArrivals } from './arrivals.ts';
import { FcfsQueue, LeastCounterQueue } from './baselines.ts';
import { CoreQueue } from './core-queue.ts';
import { Job, type Queue } from './job.ts';
import { Random } from './random.ts';
import { type Fairness, fairness, mean, type Served } from './service-metric.ts';
import { Simulation } from './simulation.ts';

const maxTokensInFlight = 10_240;
const stepMs = (11.47 / 256) * 1000;
/** More seats than fit in memory: seats are never the limit in this model. */
const room = { seats: maxTokensInFlight, maxTokensInFlight } as const;

interface Lengths {
  readonly inputTokens: number;
  readonly outputTokens: number;
}
const even: Lengths = { inputTokens: 256, outputTokens: 256 };
const short: Lengths = { inputTokens: 64, outputTokens: 64 };

interface Workload {
  readonly clients: number;
  readonly arrivals: (random: Random) => Arrival[];
  readonly lengthsOf?: (client: number) => Lengths;
  readonly weights?: readonly number[];
}
const flowIdOf = (client: number): string => `client-${client}`;

const uniform = (rates: readonly number[], durationSec: number, onOff = false): Workload => ({
  clients: rates.length,
  arrivals: random => uniformArrivals({ rates, durationSec, onOff }, random),
});

export const workloads = {
  overload: uniform([1.5, 3], 360),
  'overload-multi': uniform([0.4, 0.4, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6], 360),
  weighted: { ...uniform([0.8, 0.8, 1.2, 1.6], 360), weights: [1, 2, 3, 4] },
  proportional: uniform([0.25, 0.5, 1.5], 600),
  on_off_overload: uniform([2, 3], 600, true),
  on_off_less: uniform([0.5, 2], 600, true),
  poisson_short_long: {
    clients: 2,
    arrivals: random => poissonArrivals([8, 1.5], 600, random),
    lengthsOf: client => (client === 0 ? short : even),
  },
  // Three times five minutes: the first client on and off below its share, both alike, the first below its share.
  dist_shift: {
    clients: 2,
    arrivals: random =>
      sorted([
        ...uniformArrivals({ rates: [0.5, 2], durationSec: 300, onOff: true }, random),
        ...uniformArrivals({ rates: [1, 1], durationSec: 300, fromSec: 300 }, random),
        ...uniformArrivals({ rates: [0.5, 1.5], durationSec: 300, fromSec: 600 }, random),
      ]),
  },
} as const satisfies Record<string, Workload>;
export type WorkloadName = keyof typeof workloads;

/**
 * fcfs, lcf: baselines. The others are the gateway's scheduler with different knowledge of a request's output: vtc
 * learns it as it is produced; half has a guess that is off by up to 50 %; oracle knows the truth.
 */
export const schedulers = ['fcfs', 'lcf', 'vtc', 'half', 'oracle'] as const;
export type SchedulerName = (typeof schedulers)[number];

export interface VtcResult extends Fairness {
  /** Mean seconds from arrival to first token, per client. */
  readonly firstTokenSec: readonly number[];
  readonly traceHash: string;
}

/** `batches`: admits every ten steps, as the paper's machine does. */
export type Admission = 'at_once' | 'batches';
const stepsPerBatch = 10;

export interface VtcOptions {
  readonly seed: number;
  readonly admission?: Admission;
}

export function runVtc(name: WorkloadName, scheduler: SchedulerName, options: VtcOptions): VtcResult {
  const workload: Workload = workloads[name];
  const random = new Random(options.seed);
  const jobs = workload.arrivals(random).map((arrival, id) => jobOf(id, arrival, workload, scheduler, random));
  const simulation = new Simulation({
    queue: queueFor(scheduler, workload),
    ...(scheduler === 'fcfs' ? {} : { progressEveryMs: stepMs }),
    ...(options.admission === 'batches' ? { admitEveryMs: stepsPerBatch * stepMs } : {}),
  });
  for (const job of jobs) simulation.at(job.demand.arrivalMs, () => simulation.submit(job));
  simulation.run();
  const served = jobs.map(servedOf);
  const latency = (client: number) =>
    mean(served.filter(one => one.client === client).map(one => one.firstTokenSec - one.arrivalSec));
  return {
    ...fairness(served, workload.clients),
    firstTokenSec: Array.from({ length: workload.clients }, (_, client) => latency(client)),
    traceHash: simulation.traceHash,
  };
}

function queueFor(scheduler: SchedulerName, { weights = [] }: Workload): Queue {
  if (scheduler === 'fcfs') return new FcfsQueue(room);
  if (scheduler === 'lcf') return new LeastCounterQueue(room);
  const tenantWeights = Object.fromEntries(weights.map((weight, client) => [flowIdOf(client), weight]));
  return new CoreQueue({ ...room, tenantWeights });
}

function jobOf(id: number, arrival: Arrival, workload: Workload, scheduler: SchedulerName, random: Random): Job {
  const { inputTokens, outputTokens } = workload.lengthsOf?.(arrival.client) ?? even;
  const guess = { fcfs: 0, lcf: 0, vtc: 0, half: random.between(0.5, 1.5), oracle: 1 }[scheduler];
  return new Job(id, {
    flowId: flowIdOf(arrival.client),
    level: 0,
    arrivalMs: arrival.atSec * 1000,
    prefillMs: 0,
    decodeMs: outputTokens * stepMs,
    estimate: inputTokens + 2 * outputTokens * guess,
    initialCost: inputTokens,
    cost: inputTokens + 2 * outputTokens,
    tokens: inputTokens + outputTokens,
  });
}

const servedOf = ({ demand, firstTokenMs, endedMs }: Job): Served => ({
  client: Number(demand.flowId.slice('client-'.length)),
  cost: demand.cost,
  arrivalSec: demand.arrivalMs / 1000,
  firstTokenSec: firstTokenMs / 1000,
  endSec: endedMs / 1000,
});
