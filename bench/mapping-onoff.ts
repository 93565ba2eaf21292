/**
 * How much does mapping cost a request on its whole way through the gateway: CPU with it enabled against CPU with it
 * disabled?
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type BenchGateway, startBenchGateway } from './support/gateway-process.ts';
import { startLoad } from './support/load.ts';
import { medianInterval, shown, spread } from './support/rounds.ts';
import { startBenchUpstream } from './support/upstream.ts';

export const name = 'mapping-onoff';

const rounds = 40;
/** Not counted, because of just-in-time compilation. */
const warmUpRounds = 3;
const requestsPerTurn = 3_000;
/** After a switch the gateway is notified of its own change once more, and reads it. */
const settleMs = 150;

/** `again` is disabled too: its difference from `off` is the noise of this run. */
type Arm = 'on' | 'off' | 'again';
type Figures = Record<Arm, number[]>;
/** A later arm finds a warmer process, so they take turns in every position. */
const orders: readonly (readonly Arm[])[] = [
  ['on', 'off', 'again'],
  ['again', 'off', 'on'],
  ['off', 'on', 'again'],
  ['again', 'on', 'off'],
  ['on', 'again', 'off'],
  ['off', 'again', 'on'],
];

export async function run(): Promise<void> {
  const upstream = await startBenchUpstream();
  const gateway = await startBenchGateway(upstream.url);
  const load = startLoad();
  // Every key matches and gets the same lane as unmapped, so that the arms differ only in the mapping.
  const mapping = { pattern: 'tok_bench_*', match_type: 'prefix', priority: 7, tenant_id: 'bench' };
  await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping);
  const url = `${gateway.url}/v1/chat/completions`;
  const microsPerRequest = async (): Promise<number> => {
    const before = await gateway.figures();
    const { failed } = await load.run({ url, requests: requestsPerTurn, stream: false, keys: gateway.keys });
    if (failed > 0) throw new Error(`${failed} of ${requestsPerTurn} requests failed`);
    return ((await gateway.figures()).cpuMicros - before.cpuMicros) / requestsPerTurn;
  };
  try {
    await measure(gateway, warmUpRounds, microsPerRequest);
    tell(await measure(gateway, rounds, microsPerRequest));
  } finally {
    await load.stop();
    await gateway.stop();
    await upstream.stop();
  }
}

async function measure(gateway: BenchGateway, count: number, microsPerRequest: () => Promise<number>) {
  const figures: Figures = { on: [], off: [], again: [] };
  for (let round = 0; round < count; round++) {
    for (const arm of orders[round % orders.length] ?? []) {
      await gateway.setMapping(arm === 'on');
      await pause(settleMs);
      figures[arm].push(await microsPerRequest());
    }
  }
  return figures;
}

function tell({ on, off, again }: Figures): void {
  console.log(
    `${rounds} rounds of ${requestsPerTurn} requests each, 64 connections, 1,001 mappings, every key matches one;`,
  );
  console.log('user and system CPU of the gateway per request, median (min … max)');
  console.log(`mapping on       ${shown(on, 'µs')}`);
  console.log(`mapping off      ${shown(off, 'µs')}`);
  console.log('by how much they differ in a round: median, its 95 % interval by order statistics');
  console.log(`on against off   ${difference(on, off)}   at most 2 %`);
  console.log(`off against off  ${difference(again, off)}   the noise of this run`);
}

function difference(ours: readonly number[], theirs: readonly number[]): string {
  const percents = ours.map((sample, round) => (sample / (theirs[round] ?? Number.NaN) - 1) * 100);
  const { low, high } = medianInterval(percents);
  return `${spread(percents).median.toFixed(2)} %, ${low.toFixed(2)} to ${high.toFixed(2)} %`;
}
