/** Several gateways in front of one upstream, under the same load in turns, and how they differ from one of them. */
import type { Load } from './load.ts';
import type { MeasuredProcess } from './measured-process.ts';
import { medianInterval, shown, spread } from './rounds.ts';

export const requestsPerTurn = 3_000;
const warmUpRounds = 4;

/** By name, in the order in which they are told. */
export type Arms = Readonly<Record<string, MeasuredProcess>>;
type Figures = Readonly<Record<string, number[]>>;

/** Returns the CPU of each gateway per request, in µs, of each round. */
export async function measureArms(
  rounds: number,
  arms: Arms,
  { load, keys }: { readonly load: Load; readonly keys: readonly string[] },
): Promise<Figures> {
  const turn = (gateway: MeasuredProcess) => microsPerRequest(gateway, load, keys);
  await measure(warmUpRounds, arms, turn);
  return measure(rounds, arms, turn);
}

/** Each round begins with another arm, because what runs first finds other caches than what runs last. */
async function measure(
  rounds: number,
  arms: Arms,
  turn: (gateway: MeasuredProcess) => Promise<number>,
): Promise<Figures> {
  const all = Object.entries(arms);
  const figures: Record<string, number[]> = Object.fromEntries(all.map(([arm]) => [arm, []]));
  for (let round = 0; round < rounds; round++) {
    const first = round % all.length;
    for (const [arm, gateway] of [...all.slice(first), ...all.slice(0, first)]) figures[arm]?.push(await turn(gateway));
  }
  return figures;
}

async function microsPerRequest(gateway: MeasuredProcess, load: Load, keys: readonly string[]): Promise<number> {
  const before = await gateway.figures();
  const url = `${gateway.url}/v1/chat/completions`;
  const { failed } = await load.run({ url, requests: requestsPerTurn, stream: false, keys });
  if (failed > 0) throw new Error(`${failed} of ${requestsPerTurn} requests failed`);
  return ((await gateway.figures()).cpuMicros - before.cpuMicros) / requestsPerTurn;
}

/** Prints each arm, and by how much it differs from the one of that name. */
export function tellArms(figures: Figures, reference: string): void {
  const base = figures[reference] ?? [];
  console.log(`${base.length} rounds of ${requestsPerTurn} requests each, 64 connections, a process for each;`);
  console.log('user and system CPU of the gateway per request: median (min … max),');
  console.log(
    `and by how much it differs from "${reference}" in a round: median, its 95 % interval by order statistics`,
  );
  for (const [arm, samples] of Object.entries(figures)) {
    const percents = samples.map((sample, round) => (sample / (base[round] ?? Number.NaN) - 1) * 100);
    const { low, high } = medianInterval(percents);
    const difference = `${spread(percents).median.toFixed(2)} %, ${low.toFixed(2)} to ${high.toFixed(2)} %`;
    console.log(`${arm.padEnd(18)} ${shown(samples, 'µs').padEnd(32)} ${arm === reference ? '' : difference}`);
  }
}
