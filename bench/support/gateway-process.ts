/** A complete gateway, Team edition with everything enabled, in a process of its own. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { keepObjectsYoung } from '../../src/young-objects.ts';
import { mappingMix } from './mapping-mix.ts';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';
import { callAdmin, teamSettings } from './team.ts';

const keyCount = 64;
const mappingCount = 1_000;

/** The admin API of a gateway. */
export interface Admin {
  admin(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** Creates this many keys of one user, each beginning with `tok_<prefix>_`. */
  createKeys(prefix: string, count: number): Promise<string[]>;
}

/** A gateway in a process of its own. */
export interface TeamGateway extends MeasuredProcess, Admin {
  /** Goes on in a new process, on the same database. */
  restart(): Promise<void>;
}

export interface BenchGateway extends TeamGateway {
  readonly keys: readonly string[];
  setMapping(enabled: boolean): Promise<void>;
}

export interface BenchDatabase {
  readonly url: string;
  readonly dataDir: string;
  /** Deletes it. */
  stop(): Promise<void>;
}

export async function startBenchDatabase(): Promise<BenchDatabase> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  const log = { info: () => {}, warn: () => {}, error: console.error };
  endWithProcess(dataDir);
  const database = await startEmbedded({ dataDir, log, durable: false });
  return {
    url: database.url,
    dataDir,
    async stop() {
      await database.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A database has a session of its own: neither Ctrl-C nor a fault that ends the bench would reach it. */
function endWithProcess(dataDir: string): void {
  process.once('exit', () => {
    const pidFile = join(dataDir, 'postgres', 'cluster', 'postmaster.pid');
    if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGQUIT');
    // Asynchronous work is impossible here; the server removes this file last.
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let waits = 0; waits < 500 && existsSync(pidFile); waits++) Atomics.wait(cell, 0, 0, 10);
    rmSync(dataDir, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }
}

interface Differing {
  /** Variables OTEL_*. */
  readonly otel?: Readonly<Record<string, string>>;
  /** The checkout whose code it runs; this one by default. */
  readonly checkout?: string;
}

/** A gateway on that database, with these sections of the ini file: providers, pools and what else differs. */
export const startGatewayProcess = (
  { url, dataDir }: BenchDatabase,
  sections: string,
  { otel = {}, checkout }: Differing = {},
): Promise<MeasuredProcess> => {
  const own = new URL(import.meta.url);
  const file = checkout === undefined ? own : pathToFileURL(join(checkout, 'bench/support/gateway-process.ts'));
  return startMeasured(file, [url, sections, dataDir, JSON.stringify(otel)]);
};

export function adminOf(url: () => string): Admin {
  const admin = async (method: string, path: string, body?: object) =>
    (await callAdmin(url(), method, path, body)) as Record<string, unknown>;
  return {
    admin,
    async createKeys(prefix, count) {
      const user = await admin('POST', '/admin/users', { email: `${prefix}@local`, role: 'gateway_user' });
      const keys: string[] = [];
      for (let n = 0; n < count; n++) {
        const { key } = await admin('POST', '/admin/api-keys', { user_id: user.id, prefix });
        keys.push(String(key));
      }
      return keys;
    },
  };
}

/** Starts with these sections of the ini file; its database is deleted at the end. */
export async function startTeamGateway(sections: string): Promise<TeamGateway> {
  const database = await startBenchDatabase();
  let gateway = await startGatewayProcess(database, sections);
  return {
    get url() {
      return gateway.url;
    },
    figures: () => gateway.figures(),
    garbage: () => gateway.garbage(),
    collect: () => gateway.collect(),
    ask: (question, about) => gateway.ask(question, about),
    listen: news => gateway.listen(news),
    kill: () => gateway.kill(),
    ...adminOf(() => gateway.url),
    async restart() {
      await gateway.stop();
      gateway = await startGatewayProcess(database, sections);
    },
    async stop() {
      await gateway.stop();
      await database.stop();
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

async function serve(database: string, sections: string, dataDir: string, otel: string): Promise<void> {
  const text = teamSettings({ database, dataDir, rest: `[log]\nlevel = info\nformat = json\n${sections}` });
  // As the daemon does.
  keepObjectsYoung();
  const { config } = loadConfig({ file: null, text, env: JSON.parse(otel), isTerminal: false });
  const app = await startApp(config);
  await app.ready;
  reportToParent(app.url);
}

const [, main, database, sections, dataDir, otel = '{}'] = process.argv;
if (main === fileURLToPath(import.meta.url) && database && sections && dataDir) {
  await serve(database, sections, dataDir, otel);
}
