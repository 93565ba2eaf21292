/**
 * How does the gateway compare with HAProxy, the same load through both in turns: 8 seats, 100 clients in a closed
 * loop and a few urgent requests? HAProxy has priority classes, but neither tenants nor reserves.
 *
 *   npm run bench -- saturation [seeds=5] [seconds=30]     measured seconds of each seed, side and case
 */
import { startTeamGateway, type TeamGateway } from './support/gateway-process.ts';
import { findHaproxy, type Haproxy, startHaproxy } from './support/haproxy.ts';
import { mean, percentile, percentiles, total } from './support/rounds.ts';
import {
  classes,
  createClasses,
  fairness,
  type KeyOf,
  long,
  poolSections,
  roundMs,
  type SaturationCase,
  saturatedRound,
  seats,
  short,
  untilIdle,
} from './support/saturation-cases.ts';
import type { LoadResult } from './support/saturation-load.ts';
import { startTimedUpstream } from './support/timed-upstream.ts';

interface Results {
  readonly haproxy: LoadResult[];
  readonly ours: LoadResult[];
}

const cases: readonly (SaturationCase & { readonly tell: (results: Results) => void })[] = [
  { ...short, tell: tellShort },
  { ...long, tell: tellLong },
  { ...fairness, tell: tellFairness },
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
  return Math.ceil((2 * seeds * total(cases.map(each => roundMs(each, seconds)))) / 60_000);
}

async function haproxyRound(each: SaturationCase, start: () => Promise<Haproxy>, seed: number, seconds: number) {
  const haproxy = await start();
  const result = await saturatedRound(each, { urls: [haproxy.url], keyOf: haproxyKey, seed, seconds });
  await haproxy.stop();
  return result;
}

async function gatewayRound(each: SaturationCase, gateway: SaturatedGateway, seed: number, seconds: number) {
  const result = await saturatedRound(each, { urls: [gateway.url], keyOf: gateway.keyOf, seed, seconds });
  await untilIdle(gateway);
  return result;
}

const haproxyKey: KeyOf = who => `${who}_0123456789abcdefghijklmnopqrstuvwxyz`;

interface SaturatedGateway extends TeamGateway {
  readonly keyOf: KeyOf;
}

async function startGateway(upstreamUrl: string): Promise<SaturatedGateway> {
  const gateway = await startTeamGateway(poolSections(upstreamUrl));
  return { ...gateway, keyOf: await createClasses(gateway) };
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
function summary({ urgent: isAboutUrgent }: SaturationCase, result: LoadResult | undefined): string {
  if (result === undefined) return '';
  const small = result.loopRate[1] ?? 0;
  return isAboutUrgent
    ? `${percentiles(result.poissonMs)} ms, P9 ${rate(result).toFixed(2)}/s`
    : `${small.toFixed(2)}/s`;
}

const rate = ({ loopRate }: LoadResult): number => loopRate[0] ?? 0;
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
