/**
 * What does a request cost on its whole way through the gateway, CPU of this checkout against another one, as of before a
 * change? The other one is named by BENCH_BEFORE, and needs its packages.
 */
import { measureArms, tellArms } from './support/arms.ts';
import { adminOf, startBenchDatabase, startGatewayProcess } from './support/gateway-process.ts';
import { startLoad } from './support/load.ts';
import type { MeasuredProcess } from './support/measured-process.ts';
import { startBenchUpstream } from './support/upstream.ts';

/** `rounds=24`. The arm `again` is this checkout, too: its difference from `now` is the noise of this run. */
export async function run({ rounds = 24 }: { rounds?: number }): Promise<void> {
  const { BENCH_BEFORE: checkout } = process.env;
  if (checkout === undefined) {
    console.log('Left out: BENCH_BEFORE names no checkout to compare with.');
    return;
  }
  const upstream = await startBenchUpstream();
  const database = await startBenchDatabase();
  const load = startLoad();
  const sections = `[provider.upstream]
type = openai
base_url = ${upstream.url}/v1
max_concurrent = 64
[cluster]
enabled = false`;
  const arms: Record<string, MeasuredProcess> = {
    // First: an earlier version does not start on the tables of a later one, but goes on there.
    before: await startGatewayProcess(database, sections, { checkout }),
    now: await startGatewayProcess(database, sections),
    again: await startGatewayProcess(database, sections),
  };
  try {
    const keys = await adminOf(() => arms.now?.url ?? '').createKeys('bench', 64);
    tellArms(await measureArms(rounds, arms, { load, keys }), 'before');
  } finally {
    await load.stop();
    for (const gateway of Object.values(arms)) await gateway.stop();
    await database.stop();
    await upstream.stop();
  }
}
