/**
 * The owner of a level's weight: its tenants share it, or each of them has it. Known answers of one weighted fair
 * queue, and the effect of a boost on the pool of the quickstart.
 */
import { tenants } from '../../src/cli/quickstart/tenants.ts';
import type { Level, ShareBy } from '../../src/domain/vocabulary.ts';
import { linear } from '../../test/support/pool-settings.ts';
import { type Check, claim, median, rounded, within } from './check.ts';
import { type ClientGroup, runClosedLoop } from './closed-loop.ts';
import { CoreQueue } from './core-queue.ts';
import { Job } from './job.ts';
import { sum } from './queueing.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';

const both: readonly ShareBy[] = ['level', 'tenant'];

/** Five tenants of P7, two of P4 and one of P2, always backlogged; one of P7 has three times the weight. */
const population: readonly { readonly level: Level; readonly weight: number }[] = [
  { level: 2, weight: 1 },
  ...[1, 1].map(weight => ({ level: 4 as const, weight })),
  ...[1, 1, 1, 1, 3].map(weight => ({ level: 7 as const, weight })),
];

export function flatChecks(): Check[] {
  const names = population.map(({ level }, index) => `t${index}-p${level}`);
  const tenantWeights = Object.fromEntries(population.map(({ weight }, index) => [names[index], weight]));
  const groups = population.map(
    ({ level }, index): ClientGroup => ({ flowId: names[index] ?? '', level, threads: 2, runMs: 500, thinkMs: 0 }),
  );
  return both.map(shareBy => {
    const pool = { seats: 1, weights: linear, shareBy, tenantWeights };
    const { concurrency } = runClosedLoop({ pool, groups, untilMs: 500 * 20_000 });
    return within(0.01, {
      what: `share_by = ${shareBy}: P2, 2 of P4, 5 of P7, %`,
      published: sharesOf(shareBy).map(share => share * 100),
      ours: concurrency.map(share => share * 100),
    });
  });
}

/** W_level × weight of the tenant; with weights by level, divided by the total weight of the level's tenants. */
function sharesOf(shareBy: ShareBy): number[] {
  const parts = population.map(({ level, weight }) => {
    const among = sum(population.filter(other => other.level === level).map(other => other.weight));
    return ((linear[level] ?? 0) * weight) / (shareBy === 'level' ? among : 1);
  });
  return parts.map(part => part / sum(parts));
}

/**
 * The eight tenants of the quickstart, with three clients each that ask again 0.2 s after their answer, on its four
 * seats.
 */
const quickstart: Readonly<Record<string, Level>> = Object.fromEntries(tenants.map(({ id, level }) => [id, level]));
const clients = 3;
const runMs = 200;
const meanThinkMs = 200;

/** Seconds waited in the median, by tenant. */
export function quickstartWaits(shareBy: ShareBy, levels: Readonly<Record<string, Level>>): Map<string, number> {
  const random = new Random(1);
  const waits = new Map(Object.keys(levels).map(flowId => [flowId, [] as number[]]));
  let jobs = 0;
  const queue = new CoreQueue({ seats: 4, policy: 'hybrid', weights: linear, shareBy });
  const simulation = new Simulation({
    queue,
    onStart: job => waits.get(job.demand.flowId)?.push(job.waitedMs / 1000),
    onEnd: ({ demand: { flowId, level } }) => ask(flowId, level, simulation.nowMs + random.uniform() * 2 * meanThinkMs),
  });
  const ask = (flowId: string, level: Level, atMs: number) =>
    simulation.at(atMs, () => {
      const demand = { flowId, level, arrivalMs: simulation.nowMs, prefillMs: 0, decodeMs: runMs };
      simulation.submit(new Job(jobs++, { ...demand, estimate: 60, cost: 60, initialCost: 0, tokens: 60 }));
    });
  for (const [flowId, level] of Object.entries(levels)) for (let nth = 0; nth < clients; nth++) ask(flowId, level, 0);
  simulation.run(600_000);
  return new Map([...waits].map(([flowId, seconds]) => [flowId, median(seconds)]));
}

/**
 * ext-premium is raised; measured by HTTP on a quickstart: 1.68 s at P6, 1.74 s at P3, where dept-dev's 0.78 s become
 * 1.74 s.
 */
export function boostChecks(): Check[] {
  const waitsAt = (shareBy: ShareBy, level: Level) => quickstartWaits(shareBy, { ...quickstart, 'ext-premium': level });
  const of = (waits: Map<string, number>, flowId: string) => waits.get(flowId) ?? Number.NaN;
  const [p6, p3, p1] = ([6, 3, 1] as const).map(level => waitsAt('level', level)) as [Waits, Waits, Waits];
  const measured = within(0.1, {
    what: 'by level: ext-premium at P6, dept-dev beside it; both at P3; s waited, p50',
    published: [1.68, 0.78, 1.74, 1.74],
    ours: [of(p6, 'ext-premium'), of(p6, 'dept-dev'), of(p3, 'ext-premium'), of(p3, 'dept-dev')],
    digits: 2,
  });
  const better = ['dept-analytics', 'dept-dev', 'ext-enterprise'].map(flowId => of(p1, flowId));
  const overtaken = claim(
    'by level: ext-premium at P1 waits; P2, P3, P5 wait',
    'longer; less',
    `${rounded(of(p1, 'ext-premium'), 2)}; ${better.map(seconds => rounded(seconds, 2)).join(', ')}`,
    'P1 longest',
    better.every(seconds => seconds < of(p1, 'ext-premium')),
  );
  return [
    measured,
    overtaken,
    ...([5, 3, 2, 1] as const).map(level => liftCheck(waitsAt('tenant', 6), level, waitsAt)),
  ];
}

type Waits = Map<string, number>;

/** The medians of runs with different arrivals differ by this much. */
const slackSec = 0.02;

function liftCheck(before: Waits, level: Level, waitsAt: (shareBy: ShareBy, level: Level) => Waits): Check {
  const after = waitsAt('tenant', level);
  const change = (flowId: string) => (after.get(flowId) ?? Number.NaN) - (before.get(flowId) ?? Number.NaN);
  const others = [...before.keys()].filter(flowId => flowId !== 'ext-premium');
  const gain = Math.max(...others.map(flowId => -change(flowId)));
  return claim(
    `by tenant: ext-premium from P6 to P${level}; it, and of the others who gains most, s`,
    '< 0; 0',
    `${rounded(change('ext-premium'), 2)}; ${rounded(-gain, 2)}`,
    `±${slackSec} s`,
    change('ext-premium') < 0 && gain <= slackSec,
  );
}
