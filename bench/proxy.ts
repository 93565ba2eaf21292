/** CPU, latency and memory per proxied request and per streamed chunk, everything on, against the barest proxy in the same run. */
import { type Turn, type TurnRound, withProxyPair } from './support/proxy-pair.ts';
import { interleaved, shown } from './support/rounds.ts';
import { chunksPerStream } from './support/upstream.ts';

const warmUpRounds = 3;
const requestsPerRound = 4_000;
const streamsPerRound = 300;
const full: TurnRound = { requests: requestsPerRound, stream: false };
const streams: TurnRound = { requests: streamsPerRound, stream: true };
/** Far below what either can do: their clients and upstream sleep between requests, and must be woken by both alike. */
const paced: TurnRound = { requests: 2_000, stream: false, perSecond: 2_000 };

type Turns = Record<'floor' | 'gateway' | 'floorPaced' | 'gatewayPaced' | 'floorStream' | 'gatewayStream', Turn[]>;

/** `rounds=12` */
export async function run({ rounds = 12 }: { rounds?: number }): Promise<void> {
  await withProxyPair(async ({ gateway, floor, turn }) => {
    const candidates = {
      floor: () => turn(floor, full),
      gateway: () => turn(gateway, full),
      floorPaced: () => turn(floor, paced),
      gatewayPaced: () => turn(gateway, paced),
      floorStream: () => turn(floor, streams),
      gatewayStream: () => turn(gateway, streams),
    };
    await interleaved(warmUpRounds, candidates); // just-in-time compilation
    tell(rounds, await interleaved(rounds, candidates));
  });
}

function tell(rounds: number, { floor, gateway, floorPaced, gatewayPaced, floorStream, gatewayStream }: Turns): void {
  console.log(`${rounds} rounds, ${requestsPerRound} requests and ${streamsPerRound} streams each, 64 connections;`);
  console.log('CPU is user and system time of the proxy process; median (min … max)');
  compare('CPU of a request', floor, gateway, turn => turn.cpuMicrosPerRequest, 'µs', 1.45);
  compare('CPU of a request at 2,000/s', floorPaced, gatewayPaced, turn => turn.cpuMicrosPerRequest, 'µs');
  compare('CPU of a chunk', floorStream, gatewayStream, turn => turn.cpuMicrosPerRequest / chunksPerStream, 'µs', 1.15);
  compare('p50 of requests', floor, gateway, turn => turn.p50Ms, 'ms');
  compare('p99 of requests', floor, gateway, turn => turn.p99Ms, 'ms', 2);
  compare('RSS', floorStream, gatewayStream, turn => turn.rssMiB, 'MiB', 1.5);
}

function compare(
  what: string,
  floor: readonly Turn[],
  gateway: readonly Turn[],
  figure: (turn: Turn) => number,
  unit: string,
  target?: number,
): void {
  const [theirs, ours] = [floor.map(figure), gateway.map(figure)];
  const ratios = ours.map((sample, round) => sample / (theirs[round] ?? Number.NaN));
  console.log(`${what}, bare proxy  ${shown(theirs, unit, 2)}`);
  console.log(`${what}, gateway     ${shown(ours, unit, 2)}`);
  console.log(`  ratio per round    ${shown(ratios, '×', 2)}${target === undefined ? '' : `   at most ${target}`}`);
}
