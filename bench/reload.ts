/**
 * How much does a full reload cost, and how long does it keep requests waiting: against one query for the same rows, and
 * against an idle loop of the same length in the same round?
 *
 * `rounds=41` for another number of rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { startEmbedded } from '../src/db/embedded/embedded.ts';
import { migratePostgres } from '../src/db/migrations/migrations.ts';
import { openPostgres, type Postgres } from '../src/db/postgres/postgres.ts';
import { systemClock } from '../src/domain/clock.ts';
import { createMapper } from '../src/priority/priority.ts';
import { prioritySettings } from '../test/support/priority-settings.ts';
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
// Else the warning that external tenants may raise themselves would be a part of it.
const settings = prioritySettings({ x_priority: 'internal' });

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
  await fill(pool, count, 0);
  const mapper = createMapper({ db, settings, clock: systemClock, events: silent });
  await mapper.start();
  const kinds = ['query', 'full', 'unchanged', 'idle'] as const;
  const times = seriesOf(kinds);
  const stalls = seriesOf(kinds);
  const note = async (kind: (typeof kinds)[number], work: () => Promise<unknown>) => {
    // Young objects of the previous round must not count here. A full collection would do more: it throws away compiled
    // code.
    gc?.({ type: 'minor' });
    const { durationMs, stallMs } = await longestStall(work);
    times[kind].push(durationMs);
    stalls[kind].push(stallMs);
    return durationMs;
  };
  for (let round = 1; round <= rounds; round++) {
    await fill(pool, count, round * count);
    await note('query', () => pool.query('SELECT * FROM api_key_priority_mappings WHERE enabled'));
    const lasted = await note('full', () => mapper.reload());
    await note('idle', () => pause(lasted));
    await note('unchanged', () => mapper.reload());
  }
  await mapper.stop();
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

/** Rows with other ids are other rows: nothing of them is known that a load could take over. */
async function fill(pool: pg.Pool, count: number, firstId: number): Promise<void> {
  const rows = mappingMix(count).map(row => ({ ...row, id: firstId + row.id }));
  await pool.query('TRUNCATE api_key_priority_mappings');
  await pool.query(
    `INSERT INTO api_key_priority_mappings (id, pattern, match_type, priority, tenant_id, tenant_name, tenant_type)
     SELECT * FROM json_to_recordset($1) AS row(id int, pattern text, match_type text, priority int,
       tenant_id text, tenant_name text, tenant_type text)`,
    [JSON.stringify(rows)],
  );
  await pool.query('ANALYZE api_key_priority_mappings');
}
