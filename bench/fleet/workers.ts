/**
 * One gateway with `workers = 2` against one with one process, beside an upstream and a load that have processes of their
 * own: on two cores all of them share these.
 */
import { availableParallelism } from 'node:os';
import { type DaemonProcess, startDaemonProcess } from '../support/daemon-process.ts';
import { adminOf, startBenchDatabase } from '../support/gateway-process.ts';
import { type Load, startLoad } from '../support/load.ts';
import type { Row } from '../support/report.ts';
import { interleaved, shown, spread } from '../support/rounds.ts';
import { startBenchUpstream } from '../support/upstream.ts';

const warmUpRounds = 2;
const requests = 4_000;

interface Sample {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

export async function runWorkers(rounds: number): Promise<Row[]> {
  const upstream = await startBenchUpstream();
  const database = await startBenchDatabase();
  const load = startLoad();
  const opened: DaemonProcess[] = [];
  const provider = `[provider.upstream]\ntype = openai\nbase_url = ${upstream.url}/v1\nmax_concurrent = 64`;
  const start = async (workers: number) => {
    // Two daemons of one fleet would share its seats.
    const rest = `${provider}\n[cluster]\nenabled = ${workers > 1}\nfleet = workers-${workers}`;
    const gateway = workers > 1 ? `workers = ${workers}` : '';
    const daemon = await startDaemonProcess(database, `workers-${workers}`, { gateway, rest });
    opened.push(daemon);
    return daemon;
  };
  try {
    const [one, two] = [await start(1), await start(2)];
    const keys = await adminOf(() => one.url).createKeys('bench', 64);
    const candidates = { one: () => sample(load, one, keys), two: () => sample(load, two, keys) };
    await interleaved(warmUpRounds, candidates);
    const { one: ofOne, two: ofTwo } = await interleaved(rounds, candidates);
    return rowsOf(ofOne, ofTwo);
  } finally {
    for (const daemon of opened) await daemon.stop();
    await load.stop();
    await database.stop();
    await upstream.stop();
  }
}

async function sample(load: Load, daemon: DaemonProcess, keys: readonly string[]): Promise<Sample> {
  const before = daemon.cpuMicros();
  const url = `${daemon.url}/v1/chat/completions`;
  const { failed, durationMs } = await load.run({ url, requests, stream: false, keys });
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed`);
  return { perSecond: (requests * 1000) / durationMs, cpuMicros: (daemon.cpuMicros() - before) / requests };
}

function rowsOf(one: readonly Sample[], two: readonly Sample[]): Row[] {
  const row = (what: string, field: keyof Sample, unit: string): Row => {
    const ratios = two.map((sample, round) => sample[field] / (one[round]?.[field] ?? Number.NaN));
    const figures = [two, one].map(samples =>
      shown(
        samples.map(sample => sample[field]),
        unit,
        0,
      ),
    );
    return {
      what: `\`workers = 2\` against 1, ${availableParallelism()} cores with load and upstream: ${what}`,
      measured: `${figures.join(' against ')}: **${spread(ratios).median.toFixed(2)} ×**`,
      target: '–',
      isMet: null,
    };
  };
  return [row('requests', 'perSecond', '/s'), row('CPU of a request, all processes', 'cpuMicros', 'µs')];
}
