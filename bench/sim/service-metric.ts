/**
 * The fairness of a run by the measure of the VTC paper's artifact. A request's cost is spread evenly from
 * its first token to its end. Over 19 moments the service Y of each client in the 60 s around it is
 * compared with that of the client that got most, or with its demand in these 60 s:
 *
 *   difference = Σ_j min(max_i Y_i − Y_j, |demand_j − Y_j|)          tokens per second
 *
 * The first 30 s do not count, neither here nor in the accumulated service.
 */
export interface Served {
  readonly client: number;
  readonly cost: number;
  readonly arrivalSec: number;
  readonly firstTokenSec: number;
  readonly endSec: number;
}

const warmupSec = 30;
const windowSec = 60;
const ticksSec = Array.from({ length: 19 }, (_, index) => ((index + 1) * (600 - warmupSec)) / 20);

export interface Fairness {
  /** The maximum of the differences at the moments. */
  readonly max: number;
  readonly avg: number;
  readonly variance: number;
  /** The difference between the most and the least accumulated service of a client: at the end, and at most. */
  readonly accumulatedEnd: number;
  readonly accumulatedMax: number;
  /** The service of each client from the warm-up to the last moment. */
  readonly serviceOf: readonly number[];
}

export function fairness(served: readonly Served[], clients: number): Fairness {
  const perClient = Array.from({ length: clients }, (_, client) => served.filter(one => one.client === client));
  const differences = ticksSec.map(tick => difference(perClient, warmupSec + tick));
  const accumulated = ticksSec.map(tick => perClient.map(own => service(own, warmupSec, warmupSec + tick)));
  const gaps = accumulated.map(services => Math.max(...services) - Math.min(...services));
  const avg = mean(differences);
  return {
    max: Math.max(...differences),
    avg,
    variance: mean(differences.map(each => (each - avg) ** 2)),
    accumulatedEnd: gaps.at(-1) ?? Number.NaN,
    accumulatedMax: Math.max(...gaps),
    serviceOf: accumulated.at(-1) ?? [],
  };
}

function difference(perClient: readonly (readonly Served[])[], middleSec: number): number {
  const from = middleSec - windowSec / 2;
  const to = middleSec + windowSec / 2;
  const services = perClient.map(own => service(own, from, to) / windowSec);
  const demands = perClient.map(own => demand(own, from, to) / windowSec);
  const most = Math.max(...services);
  return services.reduce((sum, got, client) => {
    return sum + Math.min(most - got, Math.abs((demands[client] ?? 0) - got));
  }, 0);
}

const demand = (own: readonly Served[], from: number, to: number): number =>
  own.reduce((sum, { arrivalSec, cost }) => (arrivalSec >= from && arrivalSec <= to ? sum + cost : sum), 0);

const service = (own: readonly Served[], from: number, to: number): number =>
  own.reduce((sum, { cost, firstTokenSec, endSec }) => {
    const overlap = Math.max(0, Math.min(to, endSec) - Math.max(from, firstTokenSec));
    return sum + (cost * overlap) / (endSec - firstTokenSec);
  }, 0);

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
