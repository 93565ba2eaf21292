/**
 * The case for reserved seats: streams cannot be called back, so while long streams of worse levels hold all
 * seats even the best level waits for one to end. C = 20 seats are offered 3.6 times what they can serve:
 *
 *   P0        0.05/s of 20 s        one seat's worth
 *   P3, P7    0.6/s of 60 s each    72 seats' worth, weights 7 : 3
 *
 * for an hour, Poisson arrivals and exponential holds. A request's cost is the time it holds its seat.
 */
import type { Level, Policy } from '../../src/domain/vocabulary.ts';
import { linear, perLevel } from '../../test/support/pool-settings.ts';
import { CoreQueue } from './core-queue.ts';
import { Job } from './job.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';

export const reserveSettings = {
  'hybrid, 0 reserved': { policy: 'hybrid', reserved: 0 },
  'hybrid, 2 reserved': { policy: 'hybrid', reserved: 2 },
  'hybrid, 4 reserved': { policy: 'hybrid', reserved: 4 },
  'strict, 0 reserved': { policy: 'strict', reserved: 0 },
} as const satisfies Record<string, { policy: Policy; reserved: number }>;
export type ReserveSetting = keyof typeof reserveSettings;

const seats = 20;
const durationMs = 3_600_000;
const sources: readonly { readonly level: Level; readonly perSec: number; readonly meanSec: number }[] = [
  { level: 0, perSec: 0.05, meanSec: 20 },
  { level: 3, perSec: 0.6, meanSec: 60 },
  { level: 7, perSec: 0.6, meanSec: 60 },
];

export interface ReserveResult {
  /** The seconds that P0 waited. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The seat-seconds that P3 and P7 got; a request that starts within the hour counts as a whole. */
  readonly seatSec: number;
  /** P3's part of them divided by P7's. */
  readonly ratio: number;
  readonly traceHash: string;
}

export function runReserve(setting: ReserveSetting, seed: number): ReserveResult {
  const { policy, reserved } = reserveSettings[setting];
  const waitsMs: number[] = [];
  const heldMs = perLevel(0);
  const simulation = new Simulation({
    queue: new CoreQueue({
      seats,
      policy,
      weights: linear,
      reserved: perLevel(0, { 0: reserved }),
    }),
    onStart: ({ demand: { level, decodeMs }, waitedMs }) => {
      if (level === 0) waitsMs.push(waitedMs);
      heldMs[level] = (heldMs[level] ?? 0) + decodeMs;
    },
  });
  for (const job of arrivals(seed)) simulation.at(job.demand.arrivalMs, () => simulation.submit(job));
  simulation.run(durationMs);
  const [better = 0, worse = 0] = [heldMs[3], heldMs[7]];
  const ascending = waitsMs.toSorted((a, b) => a - b);
  const at = (share: number) => (ascending[Math.ceil(share * ascending.length) - 1] ?? Number.NaN) / 1000;
  return {
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    seatSec: (better + worse) / 1000,
    ratio: better / worse,
    traceHash: simulation.traceHash,
  };
}

/** Equal for every setting, so that settings of one seed compare. */
function arrivals(seed: number): Job[] {
  const random = new Random(seed);
  const jobs: Job[] = [];
  for (const { level, perSec, meanSec } of sources)
    for (let ms = random.exponential(1000 / perSec); ms < durationMs; ms += random.exponential(1000 / perSec)) {
      const decodeMs = random.exponential(meanSec * 1000);
      const cost = decodeMs / 1000;
      const demand = { flowId: 'all', level, arrivalMs: ms, prefillMs: 0, decodeMs, initialCost: 0, tokens: 0 };
      jobs.push(new Job(jobs.length, { ...demand, estimate: cost, cost }));
    }
  return jobs;
}
