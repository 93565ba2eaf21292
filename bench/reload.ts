/** What does a full reload cost and how long does it delay requests, against reading the same rows with one query? */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { startEmbedded } from '../src/db/embedded/embedded.ts';
import { migratePostgres } from '../src/db/migrations/migrations.ts';
import { openPostgres, type Postgres } from '../src/db/postgres/postgres.ts';
import { systemClock } from '../src/domain/clock.ts';
import { warmUpRegexEngine } from '../src/priority/matching/pattern.ts';
import { MappingStore } from '../src/priority/rows/mapping-store.ts';
import { type Loaded, loadSnapshot } from '../src/priority/serving/snapshot-loader.ts';
import { mappingMix } from './support/mapping-mix.ts';
import { shown } from './support/rounds.ts';
import { longestStall } from './support/stall.ts';

export const name = 'reload';

const rounds = 15;
const targets = new Map([
  [10, 10],
  [1_000, 40],
  [10_000, 300],
]);
const quiet = { info: () => {}, warn: () => {}, error: () => {} };

export async function run(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const embedded = await startEmbedded({ dataDir, log: quiet, durable: false });
  const postgres = openPostgres(embedded.url);
  try {
    await migratePostgres(postgres.pool);
    warmUpRegexEngine();
    for (const [count, mostMs] of targets) await measure(postgres, count, mostMs);
  } finally {
    await postgres.close();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measure({ pool, db }: Postgres, count: number, mostMs: number): Promise<void> {
  await fill(pool, count);
  const store = new MappingStore(db);
  const load = (before: Loaded | null) => () => loadSnapshot(store, systemClock, before);
  const loaded = await load(null)();
  const times = { query: [] as number[], full: [] as number[], unchanged: [] as number[] };
  const stalls = { idle: [] as number[], query: [] as number[], full: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const query = () => pool.query('SELECT * FROM api_key_priority_mappings WHERE enabled');
    const floor = await longestStall(query);
    times.query.push(floor.durationMs);
    stalls.query.push(floor.stallMs);
    const full = await longestStall(load(null));
    times.full.push(full.durationMs);
    stalls.full.push(full.stallMs);
    stalls.idle.push((await longestStall(() => pause(full.durationMs))).stallMs);
    times.unchanged.push((await longestStall(load(loaded))).durationMs);
  }
  console.log(`${count.toLocaleString('en')} mappings, ${rounds} rounds, median (min … max)`);
  console.log(`  floor, one query        ${shown(times.query, 'ms')}`);
  console.log(`  full reload             ${shown(times.full, 'ms')}   at most ${mostMs} ms`);
  console.log(`  reload, nothing changed ${shown(times.unchanged, 'ms')}`);
  console.log(`  longest stall: full reload ${shown(stalls.full, 'ms')}   at most 10 ms`);
  console.log(`    floors: one query ${shown(stalls.query, 'ms')}, idle as long ${shown(stalls.idle, 'ms')}`);
}

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
