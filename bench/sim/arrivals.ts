/** The moments at which requests come, in seconds, the unit of the VTC paper's workloads. */
import type { Random } from './random.ts';

export interface Arrival {
  readonly client: number;
  readonly atSec: number;
}

/** The client sends nothing in every second minute, beginning with the second one. */
const slotSec = 60;
const isOff = (atSec: number): boolean => Math.floor(atSec / slotSec) % 2 === 1;

export interface UniformOptions {
  /** Requests per second for each client. */
  readonly rates: readonly number[];
  readonly durationSec: number;
  readonly fromSec?: number;
  /** The first client sends in even minutes only. */
  readonly onOff?: boolean;
}

/** Even gaps of 1/rate after a phase of U(0,1)/rate. */
export function uniformArrivals({ rates, durationSec, fromSec = 0, onOff }: UniformOptions, random: Random): Arrival[] {
  const arrivals = rates.flatMap((rate, client) => {
    const phase = fromSec + random.uniform() / rate;
    const count = Math.floor(rate * durationSec);
    return Array.from({ length: count }, (_, index) => ({ client, atSec: phase + (index + 1) / rate }));
  });
  return sorted(onOff ? arrivals.filter(({ client, atSec }) => client > 0 || !isOff(atSec)) : arrivals);
}

/** One Poisson process whose requests are given to the clients at random, in proportion to their rates. */
export function poissonArrivals(rates: readonly number[], durationSec: number, random: Random): Arrival[] {
  const total = rates.reduce((sum, rate) => sum + rate, 0);
  let atSec = 0;
  return Array.from({ length: Math.floor(total * durationSec) }, () => {
    atSec += random.exponential(1 / total);
    return { client: pick(rates, random.uniform() * total), atSec };
  });
}

function pick(rates: readonly number[], drawn: number): number {
  let sum = 0;
  return Math.max(
    0,
    rates.findIndex(rate => {
      sum += rate;
      return drawn < sum;
    }),
  );
}

export const sorted = (arrivals: readonly Arrival[]): Arrival[] => arrivals.toSorted((a, b) => a.atSec - b.atSec);
