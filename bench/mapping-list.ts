/**
 * How long does the console wait at 100,000 mappings: every view of their list over HTTP, and how long do listing,
 * loading and searching rows that never win block everything else?
 *
 * `rows=20000` sets another number of mappings.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { startApp } from '../src/app.ts';
import type { Config } from '../src/config/config.ts';
import { onFilledDatabase } from './support/filled-team.ts';
import { mappingMix } from './support/mapping-mix.ts';
import { shown } from './support/rounds.ts';
import { longestStall } from './support/stall.ts';
import { callAdmin } from './support/team.ts';

export const name = 'mapping-list';

const rounds = 7;
const targetMs = 300;
const rowsAtOnce = 5_000;
const base = '/admin/api-key-priority';

const sorts = ['priority', 'id', 'pattern', 'match_type', 'tenant', 'tenant_type', 'updated_at', 'requests_per_min'];
const filters = [
  'tenant_type=internal',
  'tenant_id=tenant-77',
  'priority=3',
  'enabled=false',
  'match_type=regex',
  'state=enabled',
  'state=disabled',
  'state=faulty',
  'state=boosted',
  'state=never_wins',
  'q=tenant%2099',
  'q=tenant-77777',
  'q=customer',
  'q=nowhere%20in%20it',
  'q=%C3%9Cbersee',
  'q=tok_&tenant_type=external&priority=3&sort=tenant&order=desc',
  'q=customer&sort=requests_per_min&order=desc',
];

interface Bench {
  readonly url: string;
  readonly rows: number;
}

export async function run({ rows = 100_000 }: { rows?: number }): Promise<void> {
  await onFilledDatabase(
    pool => fill(pool, rows),
    config => measure(config, rows),
  );
}

async function measure(config: Config, rows: number): Promise<void> {
  const loading = await longestStall(async () => {
    const app = await startApp(config);
    await app.ready;
    started.resolve(app);
  });
  const app = await started.promise;
  try {
    const bench = { url: app.url, rows };
    console.log(`${rows.toLocaleString('en')} mappings; median (min … max) of ${rounds} rounds`);
    console.log(`  start with the first load  ${told(loading)}`);
    console.log(`  the first list             ${told(await longestStall(() => list(bench, 'limit=100')))}`);
    console.log(`  look for never wins        ${told(await longestStall(() => untilChecked(bench)))}`);
    await views(bench);
    await reloads(bench);
    await writes(bench);
  } finally {
    await app.stop();
  }
}

const started = Promise.withResolvers<Awaited<ReturnType<typeof startApp>>>();
const told = ({ durationMs, stallMs }: { durationMs: number; stallMs: number }): string =>
  `${durationMs.toFixed(0)} ms, longest stall ${stallMs.toFixed(1)} ms`;

async function views(bench: Bench): Promise<void> {
  const last = bench.rows - 100;
  const asked = [
    ...sorts.flatMap(sort => [
      `sort=${sort}&limit=50`,
      `sort=${sort}&order=desc&limit=100`,
      `sort=${sort}&limit=100&offset=${last}`,
    ]),
    ...filters.flatMap(filter => [`${filter}&limit=50`, `${filter}&limit=100&offset=${last}`]),
  ];
  let slowest = 0;
  let stalled = 0;
  for (const query of asked) {
    const times: number[] = [];
    let total = 0;
    for (let round = 0; round < rounds; round++) {
      const { durationMs, stallMs } = await longestStall(async () => {
        total = (await list(bench, query)).total;
      });
      times.push(durationMs);
      stalled = Math.max(stalled, stallMs);
    }
    slowest = Math.max(slowest, times.toSorted((a, b) => a - b)[rounds >> 1] ?? 0);
    console.log(`  ${query.padEnd(66)} ${String(total).padStart(6)}  ${shown(times, 'ms', 0)}`);
  }
  console.log(
    `  slowest view ${slowest.toFixed(0)} ms (target < ${targetMs} ms), longest stall ${stalled.toFixed(1)} ms`,
  );
}

async function reloads(bench: Bench): Promise<void> {
  const times: number[] = [];
  const stalls: number[] = [];
  const idle: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { durationMs, stallMs } = await longestStall(() => call(bench, 'POST', `${base}/reload`));
    times.push(durationMs);
    stalls.push(stallMs);
    idle.push((await longestStall(() => pause(durationMs))).stallMs);
  }
  console.log(`  reload, nothing changed ${shown(times, 'ms', 0)}; longest stall ${shown(stalls, 'ms')}`);
  console.log(`    floor, idle as long: ${shown(idle, 'ms')}`);
}

async function writes(bench: Bench): Promise<void> {
  const body = { pattern: 'tok_new_row*', priority: 5, match_type: 'prefix' };
  const path = `${base}/mappings`;
  const tried = await longestStall(() => call(bench, 'POST', `${path}?dry_run=true`, body));
  const made = await longestStall(() => call(bench, 'POST', path, body));
  const again = await longestStall(() => call(bench, 'POST', path, { ...body, pattern: 'tok_newer_row*' }));
  console.log(`  dry run ${told(tried)}\n  create  ${told(made)}\n  create  ${told(again)}`);
}

async function untilChecked(bench: Bench): Promise<void> {
  while ((await list(bench, 'limit=1')).checked_at === null) await pause(50);
}

const list = (bench: Bench, query: string) =>
  call(bench, 'GET', `${base}/mappings?${query}`) as Promise<{ total: number; checked_at: string | null }>;

const call = ({ url }: Bench, method: string, path: string, body?: object) => callAdmin(url, method, path, body);

/** Inserts rows like an operator's; some are disabled, faulty, boosted, or hidden by a wider one. */
async function fill(pool: pg.Pool, count: number): Promise<void> {
  const rows = mappingMix(count).map(row => ({ ...row, ...made(row.id, row.pattern) }));
  for (let from = 0; from < count; from += rowsAtOnce) {
    await pool.query(
      `INSERT INTO api_key_priority_mappings (pattern, match_type, priority, tenant_id, tenant_name, tenant_type,
         description, enabled, created_by)
       SELECT pattern, match_type, priority, tenant_id, tenant_name, tenant_type, description, enabled, 'bench'
       FROM json_to_recordset($1) AS row(pattern text, match_type text, priority int, tenant_id text,
         tenant_name text, tenant_type text, description text, enabled boolean)`,
      [JSON.stringify(rows.slice(from, from + rowsAtOnce))],
    );
  }
  await pool.query(`INSERT INTO api_key_priority_boosts (mapping_id, priority, until, reason)
    SELECT id, 0, now() + interval '1 hour', 'bench' FROM api_key_priority_mappings WHERE id % 2000 = 7`);
  await pool.query('ANALYZE');
}

function made(id: number, pattern: string): object {
  const description = `Of the contract with customer ${id}, who pays by the month`;
  const row = { description, enabled: id % 100 !== 0 };
  if (id % 1_000 === 1) return { ...row, pattern: `(${id}`, match_type: 'regex' };
  if (id % 1_000 === 2) return { ...row, pattern: `tok_wide${id}*`, match_type: 'prefix', priority: 0 };
  if (id % 1_000 === 3) return { ...row, pattern: `tok_wide${id - 1}_and_narrow*`, match_type: 'prefix', priority: 9 };
  return { ...row, pattern };
}
