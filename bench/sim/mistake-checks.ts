/** Known mistakes of schedulers, applied to the gateway's scheduler: the faulty result, and the required one. */
import { allLevels, levelCount } from '../../src/domain/vocabulary.ts';
import { linear } from '../../test/support/pool-settings.ts';
import { CreditQueue, PartitionQueue } from './baselines.ts';
import { type Check, claim, exactly, percent } from './check.ts';
import { type ClosedLoopCase, runClosedLoop } from './closed-loop.ts';
import { CoreQueue } from './core-queue.ts';
import { Job } from './job.ts';
import { sum } from './queueing.ts';

const weightings = {
  'weights 10 … 1': linear,
  'weights 512 … 1': allLevels.map(level => 2 ** (levelCount - 1 - level)),
};

/** Ten levels that always have something waiting, requests of 500 tokens. */
const backlogged = (weights: readonly number[]): ClosedLoopCase => ({
  pool: { seats: 1, weights },
  groups: allLevels.map(level => ({ flowId: `p${level}`, level, threads: 2, runMs: 500, thinkMs: 0 })),
  untilMs: 500 * 60_000,
});

export const weightingChecks = (): Check[] =>
  Object.entries(weightings).flatMap(([what, weights]) => {
    const loop = backlogged(weights);
    const credit = runClosedLoop(loop, new CreditQueue(loop.pool.seats, weights)).concurrency;
    const ours = runClosedLoop(loop).concurrency;
    const expected = weights.map(weight => weight / sum(weights));
    const shown = (shares: readonly number[]) => `${percent(shares[0] ?? 0)} … ${percent(shares[9] ?? 0)}`;
    const isWithin = ours.every((share, level) => Math.abs(share / (expected[level] ?? 0) - 1) <= 0.01);
    return [
      exactly({ what: `${what}: P0's share by credits per turn, %`, published: [100], ours: [100 * (credit[0] ?? 0)] }),
      claim(`${what}: ours, P0 … P9`, shown(expected), shown(ours), 'all ten ±1 %', isWithin),
    ];
  });

/** Ten requests of a level with 30 % of ten seats, and seven of one with 70 %. */
export function partitionChecks(): Check[] {
  const loop: ClosedLoopCase = {
    pool: { seats: 10 },
    groups: [
      { flowId: 'batch', level: 9, threads: 10, runMs: 1000, thinkMs: 0 },
      { flowId: 'live', level: 0, threads: 7, runMs: 1000, thinkMs: 0 },
    ],
    untilMs: 100_000,
  };
  const partitions = new PartitionQueue(
    loop.pool.seats,
    new Map([
      [0, 0.7],
      [9, 0.3],
    ]),
  );
  return [
    exactly({
      what: '10 seats, partitions of 70 and 30 %: running at most',
      published: [17],
      ours: [runClosedLoop(loop, partitions).peak],
    }),
    exactly({ what: '10 seats, ours: running at most', published: [10], ours: [runClosedLoop(loop).peak] }),
  ];
}

/** The bound of start-time fair queueing: as much of the other level as its weight allows, plus one request. */
export function wakingChecks(): Check[] {
  const weights = weightings['weights 10 … 1'];
  const queue = new CoreQueue({ seats: 1, weights });
  let id = 0;
  const serve = (): Job | undefined => {
    const next = queue.next(0);
    if (next !== undefined) queue.finish(next, next.demand.cost, 0);
    return next;
  };
  const enqueue = (level: 0 | 9) => queue.enqueue(requestOf(id++, level), 0);
  enqueue(0);
  for (let served = 0; served < 1000; served++) {
    enqueue(0);
    serve();
  }
  enqueue(9);
  let before = 0;
  for (enqueue(0); serve()?.demand.level === 0; enqueue(0)) before++;
  const bound = 1 + (weights[0] ?? 0) / (weights[9] ?? 1);
  const what = 'P9 wakes after 1,000 requests of P0: served before it';
  return [claim(what, `${bound}`, `${before}`, 'at most', before <= bound)];
}

function requestOf(id: number, level: 0 | 9): Job {
  const demand = { flowId: `p${level}`, level, arrivalMs: 0, prefillMs: 0, decodeMs: 1 } as const;
  return new Job(id, { ...demand, estimate: 500, cost: 500, initialCost: 0, tokens: 500 });
}
