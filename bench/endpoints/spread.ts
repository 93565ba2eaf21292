/** How a load is spread over four replicas: equal ones, and one that is half as fast beside one that is twice as fast. */
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.ts';
import { findHaproxy } from '../support/haproxy.ts';
import type { Row } from '../support/report.ts';
import { mean, percentiles, total } from '../support/rounds.ts';
import { startClients } from './clients.ts';
import { countOf, startReplica } from './replica.ts';
import { gatewaySide, haproxySide, type Side } from './sides.ts';

const seats = 8;
const warmUpMs = 1_000;
const mostSpread = 1.25;

const loads = [
  { what: 'four equal, 16 clients on 32 seats', servicesMs: [50, 50, 50, 50], clients: 16 },
  { what: 'four equal, 64 clients on 32 seats', servicesMs: [50, 50, 50, 50], clients: 64 },
  { what: 'unequal (25, 50, 50, 100 ms), 16 clients on 32 seats', servicesMs: [25, 50, 50, 100], clients: 16 },
  { what: 'unequal (25, 50, 50, 100 ms), 64 clients on 32 seats', servicesMs: [25, 50, 50, 100], clients: 64 },
] as const;
type Load = (typeof loads)[number];

interface Found {
  readonly begun: readonly number[];
  readonly mostAtOnce: number;
  readonly perSecond: number;
  readonly tookMs: readonly number[];
}

export async function runSpread(seconds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const load of loads) rows.push(...(await runLoad(load, seconds)));
  return rows;
}

async function runLoad(load: Load, seconds: number): Promise<Row[]> {
  const replicas = await Promise.all(
    load.servicesMs.map(async serviceMs => startReplica(await freePort(), { serviceMs, chunks: 0, chunkMs: 0 })),
  );
  const urls = replicas.map(({ url }) => url);
  const haproxy = findHaproxy();
  const starts: Record<string, () => Promise<Side>> = {
    gateway: () => gatewaySide(urls, seats),
    ...(haproxy && { HAProxy: () => haproxySide({ command: haproxy.command, urls, seats, rules: 'plain' }) }),
  };
  const rows: Row[] = [];
  try {
    for (const [name, start] of Object.entries(starts)) {
      const side = await start();
      const clients = startClients({ url: side.url, keys: side.keys, short: load.clients, streams: 0 });
      await pause(warmUpMs);
      await Promise.all(replicas.map(countOf));
      const [from, before] = [performance.now(), clients.ended.length];
      await pause(seconds * 1_000);
      const counts = await Promise.all(replicas.map(countOf));
      const ended = clients.ended.slice(before);
      const perSecond = (ended.length * 1_000) / (performance.now() - from);
      await clients.stop();
      await side.stop();
      const tookMs = ended.map(one => one.tookMs);
      const mostAtOnce = Math.max(...counts.map(count => count.mostAtOnce));
      rows.push(rowOf(name, load, { begun: counts.map(({ begun }) => begun), mostAtOnce, perSecond, tookMs }));
    }
  } finally {
    for (const replica of replicas) await replica.stop();
  }
  return rows;
}

function rowOf(name: string, { what, servicesMs }: Load, { begun, mostAtOnce, perSecond, tookMs }: Found): Row {
  const isEqual = new Set(servicesMs).size === 1;
  const spread = Math.max(...begun) / mean(begun);
  const shares = begun.map(count => `${((100 * count) / total(begun)).toFixed(1)}`).join(' : ');
  const isJudged = isEqual && name === 'gateway';
  return {
    what: `${what}: ${name}`,
    measured: `${shares} %, spread ${spread.toFixed(3)}, ${perSecond.toFixed(0)}/s, p50/p95/p99 ${percentiles(tookMs)} ms, at most ${mostAtOnce} at one`,
    target: isJudged ? `spread at most ${mostSpread}, ${seats} seats` : '–',
    isMet: isJudged ? spread <= mostSpread && mostAtOnce <= seats : null,
  };
}
