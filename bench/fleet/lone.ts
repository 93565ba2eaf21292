/**
 * A lone gateway with `enabled = true` against one with `enabled = false`. Two processes of the same code already differ by
 * some percent, so each round starts two new ones.
 */
import { inFleet } from '../support/fleet-gateways.ts';
import { adminOf, startBenchDatabase, startGatewayProcess } from '../support/gateway-process.ts';
import { type Load, startLoad } from '../support/load.ts';
import type { MeasuredProcess } from '../support/measured-process.ts';
import type { Row } from '../support/report.ts';
import { interleaved, medianInterval, shown, spread } from '../support/rounds.ts';
import { startBenchUpstream } from '../support/upstream.ts';

const warmUpRequests = 4_000;
const turns = 3;
const requestsPerTurn = 2_000;
/** Half of what the machine serves with its load and its upstream. */
const perSecond = 1_500;

type Arm = 'fleet' | 'alone';

export async function runLone(rounds: number): Promise<Row[]> {
  const upstream = await startBenchUpstream();
  const database = await startBenchDatabase();
  const load = startLoad();
  const provider = `[provider.upstream]\ntype = openai\nbase_url = ${upstream.url}/v1\nmax_concurrent = 64`;
  const micros: Record<Arm, number[]> = { fleet: [], alone: [] };
  let keys: readonly string[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      // A fleet of another name has no past, whose end it would have to wait for.
      const fleet = await startGatewayProcess(database, `${inFleet(`lone-${round}`)}\n${provider}`);
      const alone = await startGatewayProcess(database, provider);
      if (keys.length === 0) keys = await adminOf(() => alone.url).createKeys('bench', 64);
      const found = await measured(load, keys, { fleet, alone }, round);
      for (const arm of ['fleet', 'alone'] as const) micros[arm].push(found[arm]);
      await fleet.stop();
      await alone.stop();
    }
    return [row(micros)];
  } finally {
    await load.stop();
    await database.stop();
    await upstream.stop();
  }
}

async function measured(load: Load, keys: readonly string[], arms: Record<Arm, MeasuredProcess>, round: number) {
  const turn = (arm: Arm, requests: number, paced: boolean) => async () => {
    const before = await arms[arm].figures();
    const url = `${arms[arm].url}/v1/chat/completions`;
    const { failed } = await load.run({ url, requests, stream: false, keys, ...(paced && { perSecond }) });
    if (failed > 0) throw new Error(`${failed} of ${requests} requests failed`);
    return ((await arms[arm].figures()).cpuMicros - before.cpuMicros) / requests;
  };
  // Each arm is first in every other round.
  const order: readonly Arm[] = round % 2 === 0 ? ['fleet', 'alone'] : ['alone', 'fleet'];
  for (const arm of order) await turn(arm, warmUpRequests, false)();
  const candidates = Object.fromEntries(order.map(arm => [arm, turn(arm, requestsPerTurn, true)]));
  const samples = await interleaved(turns, candidates as Record<Arm, () => Promise<number>>);
  return { fleet: spread(samples.fleet).median, alone: spread(samples.alone).median };
}

function row({ fleet, alone }: Record<Arm, number[]>): Row {
  const percents = fleet.map((sample, round) => (sample / (alone[round] ?? Number.NaN) - 1) * 100);
  const { median } = spread(percents);
  const { low, high } = medianInterval(percents);
  return {
    what: `a lone gateway, \`enabled = true\` against \`false\`, CPU of a request at ${perSecond}/s`,
    measured: `${shown(fleet, 'µs')} against ${shown(alone, 'µs')}: **${median.toFixed(2)} %**, 95 % interval ${low.toFixed(2)} … ${high.toFixed(2)} %`,
    target: 'within 1 %',
    isMet: Math.abs(median) <= 1,
  };
}
