import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { teamSettings } from './team.ts';

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
  const rest = '[log]\nlevel = error\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
  return loadConfig({ file: null, text: teamSettings({ database, dataDir, rest }), env: {}, isTerminal: false }).config;
}
