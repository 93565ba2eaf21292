/** CPU per proxied request and per streamed chunk, everything on, against the barest proxy in the same run. */
import { startBenchGateway } from './support/gateway-process.ts';
import { startLoad } from './support/load.ts';
import type { MeasuredProcess } from './support/measured-process.ts';
import { startProxyFloor } from './support/proxy-floor.ts';
import { interleaved, shown } from './support/rounds.ts';
import { chunksPerStream, startBenchUpstream } from './support/upstream.ts';

const rounds = 12;
const requestsPerRound = 4_000;
const streamsPerRound = 300;

export async function run(): Promise<void> {
  const upstream = await startBenchUpstream();
  const floor = await startProxyFloor(upstream.url);
  const gateway = await startBenchGateway(upstream.url);
  const load = startLoad();
  const round = (process: MeasuredProcess, stream: boolean) => async () => {
    const requests = stream ? streamsPerRound : requestsPerRound;
    const before = await process.cpuMicros();
    const url = `${process.url}/v1/chat/completions`;
    const { failed } = await load.run({ url, requests, stream, keys: gateway.keys });
    if (failed > 0) throw new Error(`${failed} of ${requests} requests failed`);
    return ((await process.cpuMicros()) - before) / requests;
  };
  const candidates = {
    floor: round(floor, false),
    gateway: round(gateway, false),
    floorStream: round(floor, true),
    gatewayStream: round(gateway, true),
  };
  try {
    await interleaved(3, candidates); // just-in-time compilation
    tell(await interleaved(rounds, candidates));
  } finally {
    await load.stop();
    for (const process of [gateway, floor, upstream]) await process.stop();
  }
}

function tell(samples: Record<'floor' | 'gateway' | 'floorStream' | 'gatewayStream', number[]>): void {
  const ratios = (ours: readonly number[], theirs: readonly number[]) =>
    ours.map((sample, index) => sample / (theirs[index] ?? Number.NaN));
  const perChunk = (streams: readonly number[]) => streams.map(stream => stream / chunksPerStream);
  console.log(`${rounds} rounds, ${requestsPerRound} requests and ${streamsPerRound} streams each, 64 connections;`);
  console.log('user and system CPU of the proxy process, median (min … max)');
  console.log(`request, bare proxy  ${shown(samples.floor, 'µs')}`);
  console.log(`request, gateway     ${shown(samples.gateway, 'µs')}`);
  console.log(`  ratio per round    ${shown(ratios(samples.gateway, samples.floor), '×', 2)}   at most 1.5`);
  console.log(`chunk, bare proxy    ${shown(perChunk(samples.floorStream), 'µs', 2)}`);
  console.log(`chunk, gateway       ${shown(perChunk(samples.gatewayStream), 'µs', 2)}`);
  console.log(
    `  ratio per round    ${shown(ratios(samples.gatewayStream, samples.floorStream), '×', 2)}   at most 1.2`,
  );
}
