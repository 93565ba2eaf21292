/** A complete gateway, Team edition with everything enabled, in a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { keepObjectsYoung } from '../../src/young-objects.ts';
import { mappingMix } from './mapping-mix.ts';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';
import { callAdmin, teamSettings } from './team.ts';

const keyCount = 64;
const mappingCount = 1_000;

/** A gateway in a process of its own, and its admin API. */
export interface TeamGateway extends MeasuredProcess {
  admin(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Creates this many keys of one user, each beginning with `tok_<prefix>_`. */
  createKeys(prefix: string, count: number): Promise<string[]>;
  /** Goes on in a new process, on the same database. */
  restart(): Promise<void>;
}

export interface BenchGateway extends TeamGateway {
  readonly keys: readonly string[];
  setMapping(enabled: boolean): Promise<void>;
}

/** Starts with these providers and pools, as in the ini file; its database is deleted at the end. */
export async function startTeamGateway(providers: string): Promise<TeamGateway> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  const log = { info: () => {}, warn: () => {}, error: console.error };
  const database = await startEmbedded({ dataDir, log, durable: false });
  const start = () => startMeasured(new URL(import.meta.url), [database.url, providers, dataDir]);
  let gateway = await start();
  const admin = async (method: string, path: string, body?: object) =>
    (await callAdmin(gateway.url, method, path, body)) as Record<string, unknown>;
  return {
    get url() {
      return gateway.url;
    },
    figures: () => gateway.figures(),
    garbage: () => gateway.garbage(),
    collect: () => gateway.collect(),
    admin,
    async restart() {
      await gateway.stop();
      gateway = await start();
    },
    async createKeys(prefix, count) {
      const user = await admin('POST', '/admin/users', { email: `${prefix}@local`, role: 'gateway_user' });
      const keys: string[] = [];
      for (let n = 0; n < count; n++) {
        const { key } = await admin('POST', '/admin/api-keys', { user_id: user.id, prefix });
        keys.push(String(key));
      }
      return keys;
    },
    async stop() {
      await gateway.stop();
      await database.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** With 1,000 mappings and 64 keys. */
export async function startBenchGateway(upstreamUrl: string): Promise<BenchGateway> {
  const gateway = await startTeamGateway(`
[provider.upstream]
type = openai
base_url = ${upstreamUrl}/v1
max_concurrent = 64`);
  const keys = await gateway.createKeys('bench', keyCount);
  for (const { id: _, ...row } of mappingMix(mappingCount))
    await gateway.admin('POST', '/admin/api-key-priority/mappings', row);
  // The garbage of a thousand writes must not be measured here.
  await gateway.restart();
  return {
    ...gateway,
    keys,
    async setMapping(enabled) {
      await gateway.admin('PUT', '/admin/api-key-priority/config', { enabled });
    },
  };
}

async function serve(database: string, providers: string, dataDir: string): Promise<void> {
  const text = teamSettings({ database, dataDir, rest: `[log]\nlevel = info\nformat = json\n${providers}` });
  // As the daemon does.
  keepObjectsYoung();
  const { config } = loadConfig({ file: null, text, env: {}, isTerminal: false });
  const app = await startApp(config);
  await app.ready;
  reportToParent(app.url);
}

const [, main, database, providers, dataDir] = process.argv;
if (main === fileURLToPath(import.meta.url) && database && providers && dataDir) {
  await serve(database, providers, dataDir);
}
