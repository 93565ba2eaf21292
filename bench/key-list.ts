/**
 * How long does the console wait at 1,000,000 keys: pages of their list over HTTP, with and without a filter?
 *
 * `keys=100000` sets another number of keys.
 */
import type pg from 'pg';
import { startApp } from '../src/app.ts';
import type { Config } from '../src/config/config.ts';
import { onFilledDatabase } from './support/filled-team.ts';
import { interleaved, shown } from './support/rounds.ts';
import { callAdmin } from './support/team.ts';

const rounds = 11;
const targetMs = 150;
const users = 1_000;
const keysAtOnce = 50_000;

export async function run({ keys = 1_000_000 }: { keys?: number }): Promise<void> {
  await onFilledDatabase(
    pool => fill(pool, keys),
    config => measure(config, keys),
  );
}

async function measure(config: Config, keys: number): Promise<void> {
  const app = await startApp(config);
  try {
    await app.ready;
    const queries = ['', 'limit=1000', `offset=${keys - 100}`, 'user_id=77', 'q=tok_0000'];
    const told: Record<string, string> = {};
    const timed = (query: string) => async () => {
      const begin = performance.now();
      const list = (await callAdmin(app.url, 'GET', `/admin/api-keys?${query}`)) as List;
      told[query] = `${list.total}${list.total_estimated ? ' about' : ''}`;
      return performance.now() - begin;
    };
    const samples = await interleaved(rounds, Object.fromEntries(queries.map(query => [query, timed(query)])));
    console.log(`${keys.toLocaleString('en')} keys of ${users} users; median (min … max) of ${rounds} rounds`);
    for (const query of queries) {
      const target = query === '' ? `   target < ${targetMs} ms` : '';
      console.log(
        `  ${`?${query}`.padEnd(16)} ${told[query]?.padStart(14)}  ${shown(samples[query] ?? [], 'ms', 0)}${target}`,
      );
    }
  } finally {
    await app.stop();
  }
}

interface List {
  readonly total: number;
  readonly total_estimated?: true;
}

async function fill(pool: pg.Pool, keys: number): Promise<void> {
  await pool.query(
    `INSERT INTO users (email, role, display_name, status, created_at, updated_at)
     SELECT 'user-' || n || '@x', 'gateway_user', 'user ' || n, 'active', now(), now() FROM generate_series(1, $1::int) n`,
    [users],
  );
  for (let from = 1; from <= keys; from += keysAtOnce) {
    await pool.query(
      `INSERT INTO api_keys (user_id, key_hash, key_prefix, created_at, updated_at)
       SELECT 1 + n % $3::int, encode(sha256(n::text::bytea), 'hex'), 'tok_' || lpad(n::text, 8, '0'), now(), now()
       FROM generate_series($1::int, $2::int) n`,
      [from, Math.min(keys, from + keysAtOnce - 1), users],
    );
  }
  await pool.query('ANALYZE');
}
