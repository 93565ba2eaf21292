/** How much does a scheduling decision cost, against a bare array used as a queue, and how much a seat for a request? */
import { systemClock } from '../src/domain/clock.ts';
import { allLevels, type ShareBy } from '../src/domain/vocabulary.ts';
import { Dispatcher } from '../src/gateway/pool/dispatcher.ts';
import { PoolDesk } from '../src/gateway/pool/pool-desk.ts';
import { WaitWindow } from '../src/observed/wait-window.ts';
import { type Demand, Place, Scheduler } from '../src/scheduler/scheduler.ts';
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
    sharing100: schedulerPairs(100, { shareBy: 'tenant' }),
    sharing10000: schedulerPairs(10_000, { shareBy: 'tenant' }),
    pastAside: schedulerPairs(100, { aside: 100 }),
  };
  await interleaved(5, candidates); // just-in-time compilation
  const pairs = await interleaved(rounds, candidates);
  const closures = { of10000: closeAndOpen(10_000), of100000: closeAndOpen(100_000) };
  await interleaved(2, closures);
  const closed = await interleaved(rounds, closures);
  const grants = { direct: directCalls, free: freeSeatRuns(), queued: queuedRuns };
  await interleaved(5, grants);
  const costs = await interleaved(rounds, grants);

  console.log(`${rounds} rounds, median (min … max); two requests of each tenant wait, tenants spread over ten levels`);
  console.log(`floor: array push and shift, 2,000 queued   ${shown(pairs.floor, 'ns', 0)}`);
  console.log(`enqueue and dequeue,     100 tenants        ${shown(pairs.of100, 'ns', 0)}   at most   500 ns`);
  console.log(`enqueue and dequeue,   1,000 tenants        ${shown(pairs.of1000, 'ns', 0)}`);
  console.log(`enqueue and dequeue,  10,000 tenants        ${shown(pairs.of10000, 'ns', 0)}   at most 1,000 ns`);
  console.log(`enqueue and dequeue, 100,000 tenants        ${shown(pairs.of100000, 'ns', 0)}   at most 4,000 ns`);
  console.log(`share_by = tenant,       100 tenants        ${shown(pairs.sharing100, 'ns', 0)}   at most   500 ns`);
  console.log(`share_by = tenant,    10,000 tenants        ${shown(pairs.sharing10000, 'ns', 0)}   at most 1,000 ns`);
  console.log(`the same with 100, past 10,000 of a closed model  ${shown(pairs.pastAside, 'ns', 0)}`);
  console.log(`a model closes and opens,  10,000 wait for it ${shown(closed.of10000, 'ms')}`);
  console.log(`a model closes and opens, 100,000 wait for it ${shown(closed.of100000, 'ms')}`);
  console.log(`floor: await an async function              ${shown(costs.direct, 'ns', 0)}`);
  console.log(`the same on a free seat of a dispatcher     ${shown(costs.free, 'ns', 0)}`);
  console.log(
    `${queuedPerRound.toLocaleString('en')} queued requests granted and ended     ${shown(costs.queued, 'ms')}   below 50 ms`,
  );
}

const demands = (tenants: number): Demand[] =>
  Array.from({ length: tenants }, (_, index) => ({
    flowId: `tenant-${index}`,
    level: allLevels[index % allLevels.length] ?? 0,
    provider: 'local',
    model: 'llama-70b',
    cost: 100 + ((index * 7919) % 2000),
    tokens: 500,
    bodyBytes: 1000,
  }));

const nanosecondsSince = (startedAt: bigint) => Number(process.hrtime.bigint() - startedAt);

interface Sharing {
  readonly aside?: number;
  readonly shareBy?: ShareBy;
}

/**
 * Each served request is followed by another one of the same tenant, so that all tenants stay backlogged. `aside` more
 * requests of each tenant stand aside.
 */
function schedulerPairs(tenants: number, { aside = 0, shareBy = 'level' }: Sharing = {}): () => number {
  const scheduler = new Scheduler<Demand>({ settings: { ...settings, shareBy }, tenants: new Map() });
  if (aside > 0) {
    for (const demand of demands(1)) queue(scheduler, { ...demand, ...closedTarget }, 0);
    scheduler.finish(turnAway(scheduler, 1e11), { cost: 0, tokens: 0 }, 0);
  }
  for (const demand of demands(tenants)) {
    for (let i = 0; i < aside; i++) queue(scheduler, { ...demand, ...closedTarget }, 0);
    for (let i = 0; i < 2; i++) queue(scheduler, demand, 0);
  }
  let now = 0;
  return () => {
    const startedAt = process.hrtime.bigint();
    for (let pair = 0; pair < pairsPerRound; pair++) {
      const place = scheduler.next(++now);
      if (place === undefined) throw new Error('the queue ran dry');
      scheduler.finish(place, { cost: place.cost - 50, tokens: 450 }, now);
      queue(scheduler, place.holder, now);
    }
    return nanosecondsSince(startedAt) / pairsPerRound;
  };
}

const closedTarget = { provider: 'local', model: 'closed' };

const queue = (scheduler: Scheduler<Demand>, demand: Demand, now: number): void => {
  if (scheduler.enqueue(new Place(demand, demand, 1e12), now) !== 'queued') throw new Error('it was not queued');
};

/** Turns the next request away, which closes its model until then. */
function turnAway(scheduler: Scheduler<Demand>, until: number): Place<Demand> {
  const place = scheduler.next(0);
  if (place === undefined) throw new Error('the queue ran dry');
  scheduler.upstreamBusy(place, 'model', until, 0);
  return place;
}

/**
 * Returns the milliseconds for a model to close and open again while this many requests of a hundred tenants wait for
 * it.
 */
function closeAndOpen(waiting: number): () => number {
  const tenants = demands(100).map(demand => ({ ...demand, ...closedTarget }));
  return () => {
    const scheduler = new Scheduler<Demand>({ settings, tenants: new Map() });
    for (let nth = 0; nth < waiting / tenants.length; nth++) for (const demand of tenants) queue(scheduler, demand, 0);
    const startedAt = process.hrtime.bigint();
    scheduler.putBack(turnAway(scheduler, 10), 0);
    if (scheduler.next(9) !== undefined) throw new Error('it is not closed');
    if (scheduler.next(10) === undefined) throw new Error('it is not open');
    return nanosecondsSince(startedAt) / 1e6;
  };
}

function arrayPairs(queued: number): () => number {
  const items = demands(queued);
  return () => {
    const startedAt = process.hrtime.bigint();
    for (let pair = 0; pair < pairsPerRound; pair++) {
      const first = items.shift();
      if (first !== undefined) items.push({ ...first });
    }
    return nanosecondsSince(startedAt) / pairsPerRound;
  };
}

function createDispatcher(seats: number): Dispatcher {
  const options = { name: 'bench', settings: { ...settings, seats }, clock: systemClock };
  const desk = new PoolDesk({ ...options, tenants: new Map(), waits: new WaitWindow(systemClock) });
  return new Dispatcher({ ...options, desk });
}

const request = {
  requestId: 'req-1',
  flowId: 'tenant-1',
  level: 7,
  provider: 'local',
  model: 'llama-70b',
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

/** Returns the milliseconds from the release of the only seat until all queued requests have ended. */
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
