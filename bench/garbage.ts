/**
 * How much work is a proxied request for the garbage collector, by its own figures: the gateway against the barest proxy?
 *
 * Both run with Node's default flags. Objects of a request that are still referenced when the young generation is
 * collected are copied, and after two collections promoted: long scavenges and promoted bytes show that something holds
 * requests for longer than they take.
 */
import type { GarbageFigures } from './support/garbage-watch.ts';
import type { MeasuredProcess } from './support/measured-process.ts';
import { type ProxyPair, type Turn, withProxyPair } from './support/proxy-pair.ts';
import { interleaved, shown } from './support/rounds.ts';

/** Until the heap has grown to its size. */
const warmUpRounds = 4;
/** Enough for a dozen collections of the gateway. */
const requestsPerRound = 10_000;

const fullRound = { requests: requestsPerRound, stream: false };

const collectEveryMs = 150;

type GarbageTurn = Turn & GarbageFigures;

/** `rounds=10` */
export async function run({ rounds = 10 }: { rounds?: number }): Promise<void> {
  await withProxyPair(async pair => {
    const candidates = {
      floor: () => garbageTurn(pair, pair.floor),
      gateway: () => garbageTurn(pair, pair.gateway),
    };
    await interleaved(warmUpRounds, {
      floor: () => disturbedTurn(pair, pair.floor),
      gateway: () => disturbedTurn(pair, pair.gateway),
    });
    const { floor, gateway } = await interleaved(rounds, candidates);
    console.log(`${rounds} rounds of ${requestsPerRound} requests each, 64 connections; median (min … max)`);
    tell('bare proxy', floor);
    tell('gateway', gateway);
    console.log(
      'targets: a scavenge of the gateway takes 2 ms at most, and it promotes 1 % of what is allocated at most',
    );
  });
}

/** Full collections in the middle of requests promote what these hold: what such objects point to then must not live on. */
async function disturbedTurn({ turn }: ProxyPair, process: MeasuredProcess): Promise<void> {
  const collecting = setInterval(() => process.collect(), collectEveryMs);
  await turn(process, fullRound).finally(() => clearInterval(collecting));
}

async function garbageTurn({ turn }: ProxyPair, process: MeasuredProcess): Promise<GarbageTurn> {
  await process.garbage();
  const measured = await turn(process, fullRound);
  return { ...measured, ...(await process.garbage()) };
}

function tell(name: string, turns: readonly GarbageTurn[]): void {
  const row = (what: string, samples: readonly number[], unit: string, digits = 2) =>
    console.log(`  ${what.padEnd(24)} ${shown(samples, unit, digits)}`);
  console.log(name);
  row(
    'a scavenge',
    turns.flatMap(turn => turn.scavengesMs),
    'ms',
  );
  row(
    'scavenges in a round',
    turns.map(turn => turn.scavengesMs.length),
    '',
    0,
  );
  row(
    'full collections',
    turns.map(turn => turn.majors),
    '',
    0,
  );
  row(
    'allocated per request',
    turns.map(turn => turn.allocatedBytes / 1024 / requestsPerRound),
    'KiB',
  );
  row(
    'promoted of it',
    turns.map(turn => (100 * turn.promotedBytes) / turn.allocatedBytes),
    '%',
  );
  row(
    'CPU per request',
    turns.map(turn => turn.cpuMicrosPerRequest),
    'µs',
    1,
  );
  row(
    'latency, p50',
    turns.map(turn => turn.p50Ms),
    'ms',
  );
  row(
    'latency, p99',
    turns.map(turn => turn.p99Ms),
    'ms',
  );
  row(
    'RSS',
    turns.map(turn => turn.rssMiB),
    'MiB',
    0,
  );
}
