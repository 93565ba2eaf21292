import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';

const adminKey = 'tok_admin_key_of_the_bench_0123456789';
const quiet = { info: () => {}, warn: () => {}, error: console.error };

/** Fills a new database and calls `measure` with the configuration of a Team gateway on it. */
export async function onFilledDatabase(
  fill: (pool: pg.Pool) => Promise<unknown>,
  measure: (config: Config) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const embedded = await startEmbedded({ dataDir, log: quiet, durable: false });
  try {
    const { pool, close } = openPostgres(embedded.url);
    await migratePostgres(pool);
    await fill(pool);
    await close();
    await measure(configOf(embedded.url, dataDir));
  } finally {
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function configOf(database: string, dataDir: string): Config {
  const text = `[gateway]
edition = team
port = 0
data_dir = ${dataDir}
[database]
url = ${database}
[auth]
admin_key = ${adminKey}
[api_key_priority]
enabled = true
[log]
level = error
[provider.local]
type = loopback
service_ms = 0
chunk_ms = 0`;
  return loadConfig({ file: null, text, env: {}, isTerminal: false }).config;
}

/** Calls the admin API; throws unless it succeeds. */
export async function callAdmin(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}
