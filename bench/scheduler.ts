/** What a scheduling decision costs, against a bare array used as a queue; and what a seat costs a request. */
import { systemClock } from '../src/domain/clock.ts';
import { allLevels, type Level } from '../src/domain/vocabulary.ts';
import { Dispatcher } from '../src/gateway/dispatcher.ts';
import { Place, Scheduler } from '../src/scheduler/scheduler.ts';
import { WaitWindow } from '../src/telemetry/wait-window.ts';
import { perLevel, poolSettings } from '../test/support/pool-settings.ts';
import { interleaved, shown } from './support/rounds.ts';

export const name = 'scheduler';

const rounds = 15;
const pairsPerRound = 50_000;
const runsPerRound = 20_000;
const queuedPerRound = 1_000;
const settings = poolSettings({ queueTimeoutMs: perLevel(60_000), maxQueuedBytes: Number.MAX_SAFE_INTEGER });

export async function run(): Promise<void> {
  const candidates = {
    floor: arrayPairs(2_000),
    of100: schedulerPairs(100),
    of1000: schedulerPairs(1_000),
    of10000: schedulerPairs(10_000),
    of100000: schedulerPairs(100_000),
  };
  await interleaved(5, candidates); // just-in-time compilation
  const pairs = await interleaved(rounds, candidates);
  const grants = { direct: directCalls, free: freeSeatRuns(), queued: queuedRuns };
  await interleaved(5, grants);
  const costs = await interleaved(rounds, grants);

  console.log(`${rounds} rounds, median (min … max); two requests of each tenant wait, tenants spread over ten levels`);
  console.log(`floor: array push and shift, 2,000 queued   ${shown(pairs.floor, 'ns', 0)}`);
  console.log(`enqueue and dequeue,     100 tenants        ${shown(pairs.of100, 'ns', 0)}   at most   500 ns`);
  console.log(`enqueue and dequeue,   1,000 tenants        ${shown(pairs.of1000, 'ns', 0)}`);
  console.log(`enqueue and dequeue,  10,000 tenants        ${shown(pairs.of10000, 'ns', 0)}   at most 1,000 ns`);
  console.log(`enqueue and dequeue, 100,000 tenants        ${shown(pairs.of100000, 'ns', 0)}   at most 4,000 ns`);
  console.log(`floor: await an async function              ${shown(costs.direct, 'ns', 0)}`);
  console.log(`the same on a free seat of a dispatcher     ${shown(costs.free, 'ns', 0)}`);
  console.log(
    `${queuedPerRound.toLocaleString('en')} queued requests granted and ended     ${shown(costs.queued, 'ms')}   below 50 ms`,
  );
}

interface Demand {
  readonly flowId: string;
  readonly level: Level;
  readonly cost: number;
  readonly tokens: number;
  readonly bodyBytes: number;
}

const demands = (tenants: number): Demand[] =>
  Array.from({ length: tenants }, (_, index) => ({
    flowId: `tenant-${index}`,
    level: allLevels[index % allLevels.length] ?? 0,
    cost: 100 + ((index * 7919) % 2000),
    tokens: 500,
    bodyBytes: 1000,
  }));

const nanosecondsSince = (startedAt: bigint) => Number(process.hrtime.bigint() - startedAt);

/** Each request that is served is followed by another one of the same tenant, so that all stay backlogged. */
function schedulerPairs(tenants: number): () => number {
  const scheduler = new Scheduler<Demand>({ settings, tenants: new Map() });
  const enqueue = (demand: Demand, now: number) => scheduler.enqueue(new Place(demand, demand, 1e9), now);
  for (const demand of demands(tenants)) for (let i = 0; i < 2; i++) enqueue(demand, 0);
  let now = 0;
  return () => {
    const startedAt = process.hrtime.bigint();
    for (let pair = 0; pair < pairsPerRound; pair++) {
      const place = scheduler.next(++now);
      if (place === undefined) throw new Error('the queue ran dry');
      scheduler.finish(place, { cost: place.cost - 50, tokens: 450 }, now);
      enqueue(place.holder, now);
    }
    return nanosecondsSince(startedAt) / pairsPerRound;
  };
}

function arrayPairs(queued: number): () => number {
  const queue = demands(queued);
  return () => {
    const startedAt = process.hrtime.bigint();
    for (let pair = 0; pair < pairsPerRound; pair++) {
      const first = queue.shift();
      if (first !== undefined) queue.push({ ...first });
    }
    return nanosecondsSince(startedAt) / pairsPerRound;
  };
}

const createDispatcher = (seats: number) =>
  new Dispatcher({
    name: 'bench',
    settings: { ...settings, seats },
    tenants: new Map(),
    clock: systemClock,
    waits: new WaitWindow(systemClock),
  });
const request = {
  requestId: 'req-1',
  flowId: 'tenant-1',
  level: 7,
  cost: 700,
  tokens: 450,
  bodyBytes: 1000,
  maxWaitMs: null,
} as const;
const work = async () => {};

async function directCalls(): Promise<number> {
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < runsPerRound; i++) await work();
  return nanosecondsSince(startedAt) / runsPerRound;
}

function freeSeatRuns(): () => Promise<number> {
  const dispatcher = createDispatcher(8);
  return async () => {
    const startedAt = process.hrtime.bigint();
    for (let i = 0; i < runsPerRound; i++) await dispatcher.run(dispatcher.ticket(request), work);
    return nanosecondsSince(startedAt) / runsPerRound;
  };
}

/** Milliseconds from the release of the one seat until all that were queued have ended. */
async function queuedRuns(): Promise<number> {
  const dispatcher = createDispatcher(1);
  const gate = Promise.withResolvers<void>();
  const blocker = dispatcher.run(dispatcher.ticket(request), () => gate.promise);
  const queued = Array.from({ length: queuedPerRound }, () => dispatcher.run(dispatcher.ticket(request), work));
  const startedAt = process.hrtime.bigint();
  gate.resolve();
  await Promise.all([blocker, ...queued]);
  return nanosecondsSince(startedAt) / 1e6;
}
