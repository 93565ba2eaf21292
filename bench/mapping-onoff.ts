/** What mapping costs a request on its whole way through the gateway: CPU with it on against CPU with it off. */
import { setTimeout as pause } from 'node:timers/promises';
import { type BenchGateway, startBenchGateway } from './support/gateway-process.ts';
import { startLoad } from './support/load.ts';
import { medianInterval, shown, spread } from './support/rounds.ts';
import { startBenchUpstream } from './support/upstream.ts';

export const name = 'mapping-onoff';

/** Many short ones: a slow moment of the machine then spoils few of them, and the median does not mind. */
const pairs = 150;
const requestsPerTurn = 600;
/** Not counted: just-in-time compilation. */
const warmUpPairs = 10;
/** After a switch the gateway hears of its own change once more, and reads it. */
const settleMs = 150;

interface Figures {
  readonly on: number[];
  readonly off: number[];
}

export async function run(): Promise<void> {
  const upstream = await startBenchUpstream();
  const gateway = await startBenchGateway(upstream.url);
  const load = startLoad();
  // Every key matches, and lands where it lands unmapped, so that the two differ in nothing but the mapping.
  const mapping = { pattern: 'tok_bench_*', match_type: 'prefix', priority: 7, tenant_id: 'bench' };
  await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping);
  const url = `${gateway.url}/v1/chat/completions`;
  const microsPerRequest = async (): Promise<number> => {
    const before = await gateway.cpuMicros();
    const { failed } = await load.run({ url, requests: requestsPerTurn, stream: false, keys: gateway.keys });
    if (failed > 0) throw new Error(`${failed} of ${requestsPerTurn} requests failed`);
    return ((await gateway.cpuMicros()) - before) / requestsPerTurn;
  };
  try {
    await measure(gateway, warmUpPairs, microsPerRequest);
    tell(await measure(gateway, pairs, microsPerRequest));
  } finally {
    await load.stop();
    await gateway.stop();
    await upstream.stop();
  }
}

/** Whichever comes second finds a warmer process, so they take turns at being first. */
async function measure(gateway: BenchGateway, count: number, microsPerRequest: () => Promise<number>) {
  const figures: Figures = { on: [], off: [] };
  for (let pair = 0; pair < count; pair++) {
    const order = pair % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const);
    for (const state of order) {
      await gateway.setMapping(state === 'on');
      await pause(settleMs);
      figures[state].push(await microsPerRequest());
    }
  }
  return figures;
}

function tell({ on, off }: Figures): void {
  const ratios = on.map((sample, pair) => sample / (off[pair] ?? Number.NaN));
  const { low, high } = medianInterval(ratios);
  const percent = (ratio: number) => `${((ratio - 1) * 100).toFixed(2)} %`;
  console.log(`${pairs} pairs of ${requestsPerTurn} requests, 64 connections, 1,001 mappings, every key matches one;`);
  console.log('user and system CPU of the gateway per request, median (min … max)');
  console.log(`mapping on       ${shown(on, 'µs')}`);
  console.log(`mapping off      ${shown(off, 'µs')}`);
  console.log(`ratio per pair   ${shown(ratios, '×', 3)}`);
  console.log(
    `mapping adds     ${percent(spread(ratios).median)}, 95 % interval of the median by order statistics ` +
      `${percent(low)} to ${percent(high)}   at most 2 %`,
  );
}
