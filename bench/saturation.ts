/**
 * How does the gateway compare with HAProxy, the same load through both in turns: 8 seats, 100 clients in a closed
 * loop and a few urgent requests? HAProxy has priority classes, but neither tenants nor reserves.
 *
 *   npm run bench -- saturation [seeds=5] [seconds=30]     measured seconds of each seed, side and case
 */
import { Random } from './sim/random.ts';
import { startTeamGateway, type TeamGateway } from './support/gateway-process.ts';
import { findHaproxy, type Haproxy, startHaproxy } from './support/haproxy.ts';
import { type ClosedLoop, type LoadResult, type Poisson, saturate } from './support/saturation-load.ts';
import { startTimedUpstream } from './support/timed-upstream.ts';

const seats = 8;
const classes = { tok_urgent: 0, tok_batch: 9, tok_big: 5, tok_small: 5 };
type Who = keyof typeof classes;

interface Case {
  readonly title: string;
  /** The name of the pool, see `providers`. */
  readonly model: 'plain' | 'reserve';
  readonly loops: readonly { readonly who: Who; readonly clients: number; readonly serviceMs: number }[];
  readonly urgent: { readonly perSecond: number; readonly serviceMs: number } | null;
  readonly warmUpMs: number;
  readonly tell: (results: Results) => void;
}

interface Results {
  readonly haproxy: LoadResult[];
  readonly ours: LoadResult[];
}

const urgent = { perSecond: 4, serviceMs: 200 };
const cases: readonly Case[] = [
  {
    title: 'P9 service 200 ms: latency of P0, which takes 200 ms itself',
    model: 'plain',
    loops: [{ who: 'tok_batch', clients: 100, serviceMs: 200 }],
    urgent,
    warmUpMs: 2_000,
    tell: tellShort,
  },
  {
    title: 'P9 service 5 s, in the gateway 2 of the 8 seats reserved for P0: latency of P0, which takes 200 ms',
    model: 'reserve',
    loops: [{ who: 'tok_batch', clients: 100, serviceMs: 5_000 }],
    urgent,
    warmUpMs: 5_000,
    tell: tellLong,
  },
  {
    title: 'One level, a tenant with 100 clients and one with 2, service 200 ms: the small one',
    model: 'plain',
    loops: [
      { who: 'tok_big', clients: 100, serviceMs: 200 },
      { who: 'tok_small', clients: 2, serviceMs: 200 },
    ],
    urgent: null,
    warmUpMs: 3_000,
    tell: tellFairness,
  },
];

interface Options {
  readonly seeds?: number;
  readonly seconds?: number;
}

export async function run({ seeds = 5, seconds = 30 }: Options = {}): Promise<void> {
  const found = findHaproxy();
  if (found === null) {
    console.log('HAProxy is not installed (Debian: apt-get install haproxy): nothing to compare with.');
    return;
  }
  console.log(`HAProxy ${found.version}, ${seats} seats, closed loops (services ± 2.5 %) and Poisson arrivals,`);
  console.log(`${seeds} seeds of ${seconds} s in turns: takes about ${aboutMinutes(seeds, seconds)} minutes`);
  const upstream = await startTimedUpstream();
  const gateway = await startGateway(upstream.url);
  const startHaproxyHere = () => startHaproxy({ command: found.command, upstreamUrl: upstream.url, seats, classes });
  try {
    for (const each of cases) {
      console.log(`\n${each.title}`);
      const results: Results = { haproxy: [], ours: [] };
      for (let seed = 1; seed <= seeds; seed++) {
        const ofHaproxy = async () => results.haproxy.push(await haproxyRound(each, startHaproxyHere, seed, seconds));
        const ofOurs = async () => results.ours.push(await gatewayRound(each, gateway, seed, seconds));
        // The two sides alternate in being second.
        for (const side of seed % 2 === 1 ? [ofHaproxy, ofOurs] : [ofOurs, ofHaproxy]) await side();
        console.log(`  seed ${seed}: ${summary(each, results.haproxy.at(-1))} | ${summary(each, results.ours.at(-1))}`);
      }
      each.tell(results);
    }
  } finally {
    await gateway.stop();
    await upstream.stop();
  }
}

function aboutMinutes(seeds: number, seconds: number): number {
  const ofRound = ({ warmUpMs, loops }: Case) =>
    warmUpMs + seconds * 1000 + Math.max(...loops.map(loop => loop.serviceMs));
  return Math.ceil((2 * seeds * total(cases.map(ofRound))) / 60_000);
}

async function haproxyRound(each: Case, start: () => Promise<Haproxy>, seed: number, seconds: number) {
  const haproxy = await start();
  const result = await round(each, haproxy, haproxyKey, seed, seconds);
  await haproxy.stop();
  return result;
}

async function gatewayRound(each: Case, gateway: SaturatedGateway, seed: number, seconds: number) {
  const result = await round(each, gateway, gateway.key, seed, seconds);
  await gateway.idle();
  return result;
}

type KeyOf = (who: Who) => string;
const haproxyKey: KeyOf = who => `${who}_0123456789abcdefghijklmnopqrstuvwxyz`;

function round(each: Case, { url }: Pick<Haproxy, 'url'>, keyOf: KeyOf, seed: number, seconds: number) {
  const loops: ClosedLoop[] = each.loops.map(({ who, ...loop }) => ({ ...loop, keys: [keyOf(who)] }));
  const poisson: Poisson | null = each.urgent && { ...each.urgent, key: keyOf('tok_urgent') };
  return saturate({
    url,
    model: each.model,
    loops,
    poisson,
    warmUpMs: each.warmUpMs,
    measuredMs: seconds * 1000,
    random: new Random(seed),
  });
}

interface SaturatedGateway extends TeamGateway {
  readonly key: KeyOf;
  /** Resolves when no request waits or is served. */
  idle(): Promise<void>;
}

const provider = (name: string, upstreamUrl: string) => `
[provider.${name}]
type = openai
base_url = ${upstreamUrl}/v1
models = ${name}
max_concurrent = ${seats}`;

/** No request times out in the queue, as with HAProxy. */
async function startGateway(upstreamUrl: string): Promise<SaturatedGateway> {
  const gateway = await startTeamGateway(`
${provider('plain', upstreamUrl)}
${provider('reserve', upstreamUrl)}
[scheduler]
queue_timeout_sec = 3600
[pool.reserve]
reserved = 2,0,0,0,0,0,0,0,0,0`);
  const keys = new Map<string, string>();
  for (const [prefix, priority] of Object.entries(classes)) {
    const tenant_id = prefix.replace('tok_', '');
    const mapping = { pattern: `${prefix}_*`, match_type: 'prefix', priority, tenant_id };
    await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping);
    const [key] = await gateway.createKeys(tenant_id, 1);
    keys.set(prefix, key ?? '');
  }
  return { ...gateway, key: who => keys.get(who) ?? '', idle: () => untilIdle(gateway) };
}

async function untilIdle(gateway: TeamGateway): Promise<void> {
  for (;;) {
    const { pools } = (await gateway.admin('GET', '/admin/scheduler/stats')) as { pools: PoolFigures[] };
    if (pools.every(pool => pool.in_use === 0 && pool.levels.every(level => level.waiting === 0))) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

interface PoolFigures {
  readonly in_use: number;
  readonly levels: readonly { readonly waiting: number }[];
}

function tellShort({ haproxy, ours }: Results): void {
  const theirs = tellUrgent('HAProxy', haproxy, 'published 237 / 317 / 334');
  const mine = tellUrgent('gateway', ours, '');
  judge(`p99 ${(mine / theirs).toFixed(2)} × HAProxy's`, mine <= 1.15 * theirs, 'at most 1.15 ×');
  judge(`p99 ${mine.toFixed(0)} ms`, mine <= 400, 'at most 400 ms');
}

function tellLong({ haproxy, ours }: Results): void {
  tellUrgent('HAProxy', haproxy, 'published 799 / 3534 / 4453');
  const mine = tellUrgent('gateway', ours, '');
  const change = mean(ours.map(rate)) / mean(haproxy.map(rate)) - 1;
  judge(`p99 ${mine.toFixed(0)} ms`, mine <= 500, 'at most 500 ms; the limit is 397');
  judge(`P9 work ${percent(change)} of HAProxy's`, change >= -0.2, 'at most 20 % less; the limit is −17 %');
}

function tellFairness({ haproxy, ours }: Results): void {
  tellSmall('HAProxy', haproxy, 'published 0.8/s (1.9 %), p50 2600 ms');
  const { perSecond, p50 } = tellSmall('gateway', ours, 'an ideal fair queue gives 8.4–8.9/s');
  judge(`${perSecond.toFixed(2)}/s`, perSecond >= 8, 'at least 8/s');
  judge(`p50 ${p50.toFixed(0)} ms`, p50 <= 250, 'at most 250 ms');
}

const judge = (figure: string, isMet: boolean, target: string) =>
  console.log(`  ${isMet ? 'met   ' : 'MISSED'} ${figure}   (${target})`);

/** Returns the p99 of all seeds together. */
function tellUrgent(name: string, results: readonly LoadResult[], published: string): number {
  const all = results.flatMap(({ poissonMs }) => poissonMs);
  const work = `P9 ${mean(results.map(rate)).toFixed(2)}/s`;
  console.log(`  ${name}  p50/p95/p99 ${percentiles(all).padEnd(18)} ms of ${all.length}   ${work}   ${published}`);
  return percentile(all, 0.99);
}

function tellSmall(name: string, results: readonly LoadResult[], published: string) {
  const all = results.flatMap(({ loopMs }) => loopMs[1] ?? []);
  const perSecond = mean(results.map(({ loopRate }) => loopRate[1] ?? 0));
  const share = perSecond / mean(results.map(({ loopRate }) => total(loopRate)));
  const figures = `${perSecond.toFixed(2)}/s (${percent(share)} of all), p50/p95/p99 ${percentiles(all)} ms of ${all.length}`;
  console.log(`  ${name}  ${figures}   ${published}`);
  return { perSecond, p50: percentile(all, 0.5) };
}

/** The result of a case with one seed on one side, while the others are still running. */
function summary({ urgent: isAboutUrgent }: Case, result: LoadResult | undefined): string {
  if (result === undefined) return '';
  const small = result.loopRate[1] ?? 0;
  return isAboutUrgent
    ? `${percentiles(result.poissonMs)} ms, P9 ${rate(result).toFixed(2)}/s`
    : `${small.toFixed(2)}/s`;
}

const rate = ({ loopRate }: LoadResult): number => loopRate[0] ?? 0;
const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
const mean = (numbers: readonly number[]): number => total(numbers) / numbers.length;
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
const percentiles = (samples: readonly number[]): string =>
  [0.5, 0.95, 0.99].map(share => percentile(samples, share).toFixed(0)).join(' / ');

/** By the nearest-rank method. */
function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? Number.NaN;
}
