/**
 * What do traces cost a request on its whole way through the gateway: CPU with every request recorded, with one in a
 * hundred, and with traces off?
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { measureArms, tellArms } from './support/arms.ts';
import { adminOf, type BenchDatabase, startBenchDatabase, startGatewayProcess } from './support/gateway-process.ts';
import { startLoad } from './support/load.ts';
import type { MeasuredProcess } from './support/measured-process.ts';
import { startBenchUpstream } from './support/upstream.ts';

/** `again` is off, too: its difference from `off` is the noise of this run. */
type Arm = 'off' | 'again' | 'one in a hundred' | 'every request';
type Gateways = Readonly<Record<Arm, MeasuredProcess>>;

/** `rounds=24` */
export async function run({ rounds = 24 }: { rounds?: number }): Promise<void> {
  const upstream = await startBenchUpstream();
  const database = await startBenchDatabase();
  const collector = await startCollector();
  const load = startLoad();
  const gateways = await startGateways(database, upstream.url, collector.url);
  try {
    const keys = await adminOf(() => gateways.off.url).createKeys('bench', 64);
    tellArms(await measureArms(rounds, gateways, { load, keys }), 'off');
    await tellSpans(gateways);
  } finally {
    await load.stop();
    for (const process of Object.values(gateways)) await process.stop();
    collector.stop();
    await database.stop();
    await upstream.stop();
  }
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
  return {
    off: await startGatewayProcess(database, sections),
    again: await startGatewayProcess(database, sections),
    'one in a hundred': await startGatewayProcess(database, sections, { otel: sampled('0.01') }),
    'every request': await startGatewayProcess(database, sections, { otel: sampled('1.0') }),
  };
}

/** Takes everything and keeps nothing. */
async function startCollector() {
  const server = createServer((req, res) => req.resume().once('end', () => res.writeHead(200).end()));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => server.closeAllConnections() };
}

async function tellSpans(gateways: Gateways): Promise<void> {
  const text = await (await fetch(`${gateways['every request'].url}/metrics`)).text();
  for (const [line] of text.matchAll(/^tokligence_spans_.*$/gm)) console.log(`every request      ${line}`);
}
