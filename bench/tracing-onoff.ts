/**
 * What do traces cost a request on its whole way through the gateway: CPU with every request recorded, with one in a
 * hundred, and with traces off; and off against a checkout of before there were any?
 *
 * That checkout is named by BENCH_BEFORE; without it that part is left out. It needs its packages.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { adminOf, type BenchDatabase, startBenchDatabase, startGatewayProcess } from './support/gateway-process.ts';
import { type Load, startLoad } from './support/load.ts';
import type { MeasuredProcess } from './support/measured-process.ts';
import { medianInterval, shown, spread } from './support/rounds.ts';
import { startBenchUpstream } from './support/upstream.ts';

const warmUpRounds = 4;
const requestsPerTurn = 3_000;

/** `again` is off, too: its difference from `off` is the noise of this run. */
type Arm = 'off' | 'again' | 'one in a hundred' | 'every request' | 'before';
type Gateways = Partial<Record<Arm, MeasuredProcess>>;

/** `rounds=24` */
export async function run({ rounds = 24 }: { rounds?: number }): Promise<void> {
  const upstream = await startBenchUpstream();
  const database = await startBenchDatabase();
  const collector = await startCollector();
  const load = startLoad();
  const gateways = await startGateways(database, upstream.url, collector.url);
  try {
    const keys = await adminOf(() => gateways.off?.url ?? '').createKeys('bench', 64);
    const turn = (gateway: MeasuredProcess) => microsPerRequest(gateway, load, keys);
    await measure(warmUpRounds, gateways, turn);
    tell(rounds, await measure(rounds, gateways, turn));
    await tellSpans(gateways);
  } finally {
    await load.stop();
    for (const process of Object.values(gateways)) await process.stop();
    collector.stop();
    await database.stop();
    await upstream.stop();
  }
}

/** Each round begins with another arm, because what runs first finds other caches than what runs last. */
async function measure(rounds: number, gateways: Gateways, turn: (gateway: MeasuredProcess) => Promise<number>) {
  const arms = Object.entries(gateways);
  const figures: Record<string, number[]> = Object.fromEntries(arms.map(([arm]) => [arm, []]));
  for (let round = 0; round < rounds; round++) {
    const first = round % arms.length;
    for (const [arm, gateway] of [...arms.slice(first), ...arms.slice(0, first)])
      figures[arm]?.push(await turn(gateway));
  }
  return figures;
}

async function startGateways(database: BenchDatabase, upstreamUrl: string, collectorUrl: string): Promise<Gateways> {
  const sections = `[provider.upstream]
type = openai
base_url = ${upstreamUrl}/v1
max_concurrent = 64
[cluster]
enabled = false`;
  const sampled = (ratio: string) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: ratio,
    OTEL_BSP_MAX_QUEUE_SIZE: '100000',
  });
  const { BENCH_BEFORE: before } = process.env;
  return {
    off: await startGatewayProcess(database, sections),
    again: await startGatewayProcess(database, sections),
    'one in a hundred': await startGatewayProcess(database, sections, { otel: sampled('0.01') }),
    'every request': await startGatewayProcess(database, sections, { otel: sampled('1.0') }),
    ...(before && { before: await startGatewayProcess(database, sections, { checkout: before }) }),
  };
}

async function microsPerRequest(gateway: MeasuredProcess, load: Load, keys: readonly string[]): Promise<number> {
  const before = await gateway.figures();
  const url = `${gateway.url}/v1/chat/completions`;
  const { failed } = await load.run({ url, requests: requestsPerTurn, stream: false, keys });
  if (failed > 0) throw new Error(`${failed} of ${requestsPerTurn} requests failed`);
  return ((await gateway.figures()).cpuMicros - before.cpuMicros) / requestsPerTurn;
}

/** Takes everything and keeps nothing. */
async function startCollector() {
  const server = createServer((req, res) => req.resume().once('end', () => res.writeHead(200).end()));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => server.closeAllConnections() };
}

function tell(rounds: number, figures: Readonly<Record<string, number[]>>): void {
  const { off = [] } = figures;
  console.log(`${rounds} rounds of ${requestsPerTurn} requests each, 64 connections, a process for each;`);
  console.log('user and system CPU of the gateway per request, its traces included: median (min … max),');
  console.log('and by how much it differs from off in a round: median, its 95 % interval by order statistics');
  for (const [arm, samples] of Object.entries(figures)) {
    const percents = samples.map((sample, round) => (sample / (off[round] ?? Number.NaN) - 1) * 100);
    const { low, high } = medianInterval(percents);
    const difference = `${spread(percents).median.toFixed(2)} %, ${low.toFixed(2)} to ${high.toFixed(2)} %`;
    console.log(`${arm.padEnd(18)} ${shown(samples, 'µs').padEnd(32)} ${arm === 'off' ? '' : difference}`);
  }
}

async function tellSpans(gateways: Gateways): Promise<void> {
  const text = await (await fetch(`${gateways['every request']?.url}/metrics`)).text();
  for (const [line] of text.matchAll(/^tokligence_spans_.*$/gm)) console.log(`every request      ${line}`);
}
