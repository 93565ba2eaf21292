/**
 * What a full reload costs and how long it keeps requests waiting: against reading the same rows with one query, and
 * against an idle loop of the same length in the same round.
 *
 * `rounds=41` for another number of rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { PrioritySettings } from '../src/config/config.ts';
import { startEmbedded } from '../src/db/embedded/embedded.ts';
import { migratePostgres } from '../src/db/migrations/migrations.ts';
import { openPostgres, type Postgres } from '../src/db/postgres/postgres.ts';
import { systemClock } from '../src/domain/clock.ts';
import { createMapper } from '../src/priority/priority.ts';
import { mappingMix } from './support/mapping-mix.ts';
import { shown } from './support/rounds.ts';
import { longestStall } from './support/stall.ts';

export const name = 'reload';

const mostStallMs = 5;
const targets = new Map([
  [10, 10],
  [1_000, 40],
  [10_000, 300],
]);
const quiet = { info: () => {}, warn: () => {}, error: () => {} };
const silent = {
  ...quiet,
  keyMapped: () => {},
  keyShadowed: () => {},
  mappingsReloaded: () => {},
  mappingsReloadFailed: (error: unknown) => console.error(error),
  mappingAdded: () => {},
  mappingFaulty: () => {},
  moreMappingsFaulty: () => {},
  settingFaulty: () => {},
  timingFaulty: () => {},
  prioritiesTurned: () => {},
  externalMayRaise: () => {},
};
const settings: PrioritySettings = {
  enabled: { value: true, source: 'file' },
  default_priority: { value: 7, source: 'default' },
  cache_ttl_sec: { value: 300, source: 'default' },
  x_priority: { value: 'internal', source: 'file' },
  mode: { value: 'enforce', source: 'default' },
};

export async function run({ rounds = 15 }: { rounds?: number }): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const embedded = await startEmbedded({ dataDir, log: quiet, durable: false });
  const postgres = openPostgres(embedded.url);
  try {
    await migratePostgres(postgres.pool);
    for (const [count, mostMs] of targets) await measure(postgres, { count, mostMs, rounds });
  } finally {
    await postgres.close();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Measured {
  readonly count: number;
  readonly mostMs: number;
  readonly rounds: number;
}

async function measure({ pool, db }: Postgres, { count, mostMs, rounds }: Measured): Promise<void> {
  await fill(pool, count);
  const newMapper = () => createMapper({ db, settings, clock: systemClock, events: silent });
  const serving = newMapper();
  await serving.start();
  const kinds = ['query', 'full', 'unchanged', 'idle'] as const;
  const times = seriesOf(kinds);
  const stalls = seriesOf(kinds);
  const note = async (kind: (typeof kinds)[number], work: () => Promise<unknown>) => {
    // What the one before has left behind is not this one's.
    gc?.();
    const { durationMs, stallMs } = await longestStall(work);
    times[kind].push(durationMs);
    stalls[kind].push(stallMs);
    return durationMs;
  };
  for (let round = 0; round < rounds; round++) {
    await note('query', () => pool.query('SELECT * FROM api_key_priority_mappings WHERE enabled'));
    const fresh = newMapper();
    const lasted = await note('full', () => fresh.start());
    await note('idle', () => pause(lasted));
    await note('unchanged', () => serving.reload());
    await fresh.stop();
  }
  await serving.stop();
  const beyond = stalls.full.map((stall, round) => stall - (stalls.idle[round] ?? 0));
  console.log(`${count.toLocaleString('en')} mappings, ${rounds} rounds, median (min … max)`);
  console.log(`  floor, one query        ${shown(times.query, 'ms')}`);
  console.log(`  full reload             ${shown(times.full, 'ms')}   at most ${mostMs} ms`);
  console.log(`  reload, nothing changed ${shown(times.unchanged, 'ms')}`);
  console.log(`  longest stall, full reload     ${shown(stalls.full, 'ms')}`);
  console.log(`    an idle loop as long         ${shown(stalls.idle, 'ms')}`);
  console.log(`    beyond it, round by round    ${shown(beyond, 'ms')}   at most ${mostStallMs} ms`);
  console.log(`    reload, nothing changed      ${shown(stalls.unchanged, 'ms')}`);
  console.log(`    one query for the same rows  ${shown(stalls.query, 'ms')}`);
}

const seriesOf = <Kind extends string>(kinds: readonly Kind[]) =>
  Object.fromEntries(kinds.map(kind => [kind, [] as number[]])) as Record<Kind, number[]>;

async function fill(pool: pg.Pool, count: number): Promise<void> {
  const rows = mappingMix(count);
  await pool.query('TRUNCATE api_key_priority_mappings');
  await pool.query(
    `INSERT INTO api_key_priority_mappings (id, pattern, match_type, priority, tenant_id, tenant_name, tenant_type)
     SELECT * FROM json_to_recordset($1) AS row(id int, pattern text, match_type text, priority int,
       tenant_id text, tenant_name text, tenant_type text)`,
    [JSON.stringify(rows)],
  );
  await pool.query('ANALYZE api_key_priority_mappings');
}
