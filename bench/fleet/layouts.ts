/**
 * Two tenants of weights 4 : 1 that never stop asking, in the four layouts of ai-dynamo/dynamo#15187, where two routers
 * with queues of their own served 163 : 162 as soon as each tenant came through one of them.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../sim/random.ts';
import { type BenchFleet, startBenchFleet } from '../support/fleet-gateways.ts';
import { type BenchDatabase, startBenchDatabase } from '../support/gateway-process.ts';
import type { MeasuredProcess } from '../support/measured-process.ts';
import type { Row } from '../support/report.ts';
import { createClasses, type KeyOf, poolSections, seats } from '../support/saturation-cases.ts';
import { saturate } from '../support/saturation-load.ts';
import { countOf, startTimedUpstream } from '../support/timed-upstream.ts';

interface Layout {
  readonly title: string;
  readonly gateways: 1 | 2;
  /** The gateways of each tenant; the first gateway conducts. */
  readonly big: readonly number[];
  readonly small: readonly number[];
  readonly dynamo: string;
}

const layouts: readonly Layout[] = [
  { title: 'one gateway', gateways: 1, big: [0], small: [0], dynamo: '255 : 65' },
  { title: 'two, both tenants at both', gateways: 2, big: [0, 1], small: [0, 1], dynamo: '260 : 67' },
  { title: 'two, each tenant at one', gateways: 2, big: [0], small: [1], dynamo: '163 : 162' },
  { title: 'two, the tenants swapped', gateways: 2, big: [1], small: [0], dynamo: '162 : 163' },
];

const serviceMs = 25;
/** So many wait at all times, of either tenant. */
const clients = { big: 60, small: 30 };
const warmUpMs = 2_000;
const weights = '[tenant.big]\nweight = 4\n[tenant.small]\nweight = 1';

export async function runLayouts(seconds: number): Promise<Row[]> {
  const upstream = await startTimedUpstream();
  const database = await startBenchDatabase();
  const rows: Row[] = [];
  try {
    let keyOf: KeyOf | null = null;
    for (const count of [1, 2] as const) {
      const sections = `${poolSections(upstream.url)}\n${weights}`;
      const fleet = await startBenchFleet({ database, name: `layouts-${count}`, count, sections });
      keyOf ??= await createClasses(fleet);
      for (const layout of layouts.filter(({ gateways }) => gateways === count)) {
        rows.push(await served(layout, { fleet, keyOf, upstream, seconds }));
      }
      await fleet.stop();
    }
  } finally {
    await stopAll(database, upstream);
  }
  return rows;
}

async function stopAll(database: BenchDatabase, upstream: MeasuredProcess): Promise<void> {
  await database.stop();
  await upstream.stop();
}

interface Served {
  readonly fleet: BenchFleet;
  readonly keyOf: KeyOf;
  readonly upstream: MeasuredProcess;
  readonly seconds: number;
}

async function served(layout: Layout, { fleet, keyOf, upstream, seconds }: Served): Promise<Row> {
  const at = (gateways: readonly number[]) => gateways.map(gateway => fleet.urls[gateway] ?? '');
  const measuredMs = seconds * 1000;
  const load = saturate({
    model: 'plain',
    loops: [
      { urls: at(layout.big), keys: [keyOf('tok_big')], clients: clients.big, serviceMs },
      { urls: at(layout.small), keys: [keyOf('tok_small')], clients: clients.small, serviceMs },
    ],
    poisson: null,
    warmUpMs,
    measuredMs,
    random: new Random(1),
  });
  // It is awaited below; meanwhile its fault must not end the process.
  load.catch(() => {});
  await pause(warmUpMs);
  const { served: before } = await countOf(upstream);
  await pause(measuredMs);
  const { served: after, mostAtOnce } = await countOf(upstream);
  await load;
  const more = (who: string) => (after[who] ?? 0) - (before[who] ?? 0);
  const [big, small] = [more('tok_big'), more('tok_small')];
  const ratio = big / small;
  return {
    what: `4 : 1, ${layout.title} (Dynamo ${layout.dynamo})`,
    measured: `${big} : ${small} = ${ratio.toFixed(3)}, at most ${mostAtOnce} of ${seats} at once`,
    target: '4.0 ± 2 %, 8 seats',
    isMet: Math.abs(ratio / 4 - 1) <= 0.02 && mostAtOnce <= seats,
  };
}
