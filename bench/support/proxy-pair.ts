/** The gateway and the barest proxy in front of one upstream, under the same load in turns. */
import { startBenchGateway } from './gateway-process.ts';
import { type Load, type Round, startLoad } from './load.ts';
import type { MeasuredProcess } from './measured-process.ts';
import { startProxyFloor } from './proxy-floor.ts';
import { startBenchUpstream } from './upstream.ts';

export interface Turn {
  /** User and system CPU of the proxy. */
  readonly cpuMicrosPerRequest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the proxy, at the end of the turn. */
  readonly rssMiB: number;
}

export type TurnRound = Pick<Round, 'requests' | 'stream' | 'perSecond'>;

export interface ProxyPair {
  readonly gateway: MeasuredProcess;
  readonly floor: MeasuredProcess;
  turn(process: MeasuredProcess, round: TurnRound): Promise<Turn>;
}

export async function withProxyPair(measure: (pair: ProxyPair) => Promise<void>): Promise<void> {
  const upstream = await startBenchUpstream();
  const floor = await startProxyFloor(upstream.url);
  const gateway = await startBenchGateway(upstream.url);
  const load = startLoad();
  try {
    const turn: ProxyPair['turn'] = (process, round) => measuredTurn(load, process, { ...round, keys: gateway.keys });
    await measure({ gateway, floor, turn });
  } finally {
    await load.stop();
    for (const process of [gateway, floor, upstream]) await process.stop();
  }
}

async function measuredTurn(load: Load, process: MeasuredProcess, round: Omit<Round, 'url'>): Promise<Turn> {
  const before = await process.figures();
  const { failed, latencyMs } = await load.run({ url: `${process.url}/v1/chat/completions`, ...round });
  if (failed > 0) throw new Error(`${failed} of ${round.requests} requests failed`);
  const after = await process.figures();
  return {
    cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / round.requests,
    p50Ms: latencyMs.p50,
    p99Ms: latencyMs.p99,
    rssMiB: after.rssBytes / 2 ** 20,
  };
}
