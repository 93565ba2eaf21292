/**
 * HAProxy's order: its queue is sorted by a key of class and time (`http-request set-priority-class`), equal keys by
 * arrival. With one tenant the strict policy gives the same order.
 */
import { allLevels } from '../../src/domain/vocabulary.ts';
import { type Check, exactly } from './check.ts';
import { CoreQueue } from './core-queue.ts';
import { Job } from './job.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';

const timeBits = 20;
const lowestClass = -0x7ff;

/** 31 bits: the class, least first, above milliseconds that wrap after 17 minutes. */
export const haproxyKey = (priorityClass: number, nowMs: number): number =>
  (priorityClass - lowestClass) * 2 ** timeBits + (Math.floor(nowMs) & (2 ** timeBits - 1));

const requests = 5_000;
const spanMs = 2 ** (timeBits - 1);

/** All requests arrive while the only seat is taken, many in the same millisecond; then they are served one by one. */
function startsOutOfOrder(seed: number): number {
  const random = new Random(seed);
  const started: Job[] = [];
  const simulation = new Simulation({
    queue: new CoreQueue({ seats: 1, policy: 'strict' }),
    onStart: job => started.push(job),
  });
  const first = job(0, 9, 0, spanMs);
  const others = Array.from({ length: requests }, () => random.integer(spanMs / 200) * 200)
    .sort((a, b) => a - b)
    .map((atMs, index) => job(index + 1, random.integer(allLevels.length), atMs, 1));
  simulation.submit(first);
  simulation.run(0);
  for (const each of others) simulation.at(each.demand.arrivalMs, () => simulation.submit(each));
  simulation.run();
  const byKey = others.toSorted((a, b) => keyOf(a) - keyOf(b) || a.id - b.id);
  return byKey.filter((each, index) => started[index + 1] !== each).length;
}

const keyOf = ({ demand }: Job): number => haproxyKey(demand.level, demand.arrivalMs);

function job(id: number, level: number, arrivalMs: number, decodeMs: number): Job {
  const demand = { flowId: 'all', level: allLevels[level] ?? 9, arrivalMs, prefillMs: 0, decodeMs } as const;
  return new Job(id, { ...demand, estimate: 1, cost: 1, initialCost: 0, tokens: 1 });
}

/** Twenty requests wait for eight seats, which are released this many at a time. */
function startsPerRelease(released: number): number {
  const queue = new CoreQueue({ seats: 8, policy: 'strict' });
  const jobs = Array.from({ length: 28 }, (_, id) => job(id, id % 10, 0, 1));
  for (const each of jobs) queue.enqueue(each, 0);
  const drain = (): Job[] => {
    const next = queue.next(0);
    return next === undefined ? [] : [next, ...drain()];
  };
  for (const running of drain().slice(0, released)) queue.finish(running, 1, 0);
  return drain().length;
}

export const haproxyChecks = (seed: number): Check[] => [
  exactly({
    what: 'key of class 0 at 0 ms, of class −2047, 1 ms later',
    published: [0x7ff * 2 ** timeBits, 1],
    ours: [haproxyKey(0, 0), haproxyKey(lowestClass, 1)],
  }),
  exactly({
    what: `${requests.toLocaleString('en')} requests in ten classes: starts out of the order of keys`,
    published: [0],
    ours: [startsOutOfOrder(seed)],
  }),
  exactly({
    what: '8 seats, 20 waiting; 1, 3, 8 released: started',
    published: [1, 3, 8],
    ours: [1, 3, 8].map(startsPerRelease),
  }),
];
