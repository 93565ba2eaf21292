/** A whole gateway, Team edition with everything on, in a process of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { startEmbedded } from '../../src/db/embedded.ts';
import { mappingMix } from './mapping-mix.ts';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';

const adminKey = 'tok_admin_key_of_the_bench_0123456789';
const keyCount = 64;
const mappingCount = 1_000;

export interface BenchGateway extends MeasuredProcess {
  readonly keys: readonly string[];
  setMapping(enabled: boolean): Promise<void>;
}

/** With 1,000 mappings and 64 keys; its database is thrown away in the end. */
export async function startBenchGateway(upstreamUrl: string): Promise<BenchGateway> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
  const log = { info: () => {}, warn: () => {}, error: console.error };
  const database = await startEmbedded({ dataDir, log, durable: false });
  const gateway = await startMeasured(new URL(import.meta.url), [database.url, upstreamUrl, dataDir]);
  const admin = async (method: string, path: string, body: object) => {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const response = await fetch(gateway.url + path, { method, headers, body: JSON.stringify(body) });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const user = await admin('POST', '/admin/users', { email: 'bench@local', role: 'gateway_user' });
  const keys: string[] = [];
  for (let n = 0; n < keyCount; n++) {
    const { key } = await admin('POST', '/admin/api-keys', { user_id: user.id, prefix: 'bench' });
    keys.push(String(key));
  }
  for (const { id: _, ...row } of mappingMix(mappingCount))
    await admin('POST', '/admin/api-key-priority/mappings', row);
  return {
    url: gateway.url,
    cpuMicros: gateway.cpuMicros,
    keys,
    async setMapping(enabled) {
      await admin('PUT', '/admin/api-key-priority/config', { enabled });
    },
    async stop() {
      await gateway.stop();
      await database.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function serve(database: string, upstreamUrl: string, dataDir: string): Promise<void> {
  const text = `
[gateway]
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
level = info
format = json
[provider.upstream]
type = openai
base_url = ${upstreamUrl}/v1
max_concurrent = 64`;
  const { config } = loadConfig({ file: null, text, env: {}, isTerminal: false });
  const app = await startApp(config);
  await app.ready;
  reportToParent(app.url);
}

const [, main, database, upstreamUrl, dataDir] = process.argv;
if (main === fileURLToPath(import.meta.url) && database && upstreamUrl && dataDir) {
  await serve(database, upstreamUrl, dataDir);
}
