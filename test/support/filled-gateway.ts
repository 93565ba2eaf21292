import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { Overrides } from '../../src/app.ts';
import { tenants } from '../../src/cli/quickstart/tenants.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { freshDatabase } from './postgres.ts';

/** Six seats for the departments' GPUs, one of them reserved for P0, and a second pool with hardly any traffic. */
const ini = (serviceMs: number) => `[api_key_priority]
enabled = true
[provider.gpu-pool]
type = loopback
models = llama-*
max_concurrent = 6
service_ms = ${serviceMs}
chunk_ms = 2
[pool.gpu-pool]
reserved = 1,0,0,0,0,0,0,0,0,0
queue_drain_sec = 0
[provider.embeddings]
type = loopback
models = embed-*
max_concurrent = 3
service_ms = 30
chunk_ms = 1`;

export interface FilledGateway extends TestGateway {
  /** A key of each tenant, by the tenant's ID. */
  readonly keys: ReadonlyMap<string, string>;
}

interface FilledOptions {
  readonly serviceMs?: number;
  readonly overrides?: Overrides;
}

/**
 * The example case with live requests: eight tenants with keys, and at least one of every object that the console
 * shows.
 */
export async function startFilledGateway(t: TestContext, options: FilledOptions = {}): Promise<FilledGateway> {
  const { serviceMs = 60_000, overrides = {} } = options;
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { database: database.url, ini: ini(serviceMs), overrides });
  await database.query(readFileSync('config/examples/eight-tenants.sql', 'utf8'));
  await database.query(
    `INSERT INTO api_key_priority_mappings (pattern, priority, match_type, tenant_id, tenant_name, tenant_type, enabled)
     VALUES ('tok_(unclosed', 4, 'regex', 'ext-pilot', 'Pilot', 'external', TRUE),
            ('tok_prod_batch*', 8, 'prefix', 'dept-batch', 'Nightly Batch', 'internal', TRUE),
            ('tok_old*', 6, 'prefix', 'ext-legacy', 'Legacy', 'external', FALSE)`,
  );
  await gateway.admin('POST', '/admin/api-key-priority/reload');
  const keys = new Map<string, string>();
  for (const tenant of tenants) keys.set(tenant.id, await keyOf(gateway, tenant));
  await fillTimings(gateway);
  return { ...gateway, keys };
}

async function keyOf(gateway: TestGateway, { id, name, keyPrefix }: (typeof tenants)[number]): Promise<string> {
  const user = await made(gateway, 'POST', '/admin/users', {
    email: `${id}@example.com`,
    role: 'gateway_user',
    display_name: name,
  });
  return (await made(gateway, 'POST', '/admin/api-keys', { user_id: user.id, prefix: keyPrefix })).key;
}

async function fillTimings(gateway: TestGateway): Promise<void> {
  const { mappings } = await made(gateway, 'GET', '/admin/api-key-priority/mappings');
  const idOf = (tenant: string): number => mappings.find((row: any) => row.tenant_id === tenant).id;
  const rows = '/admin/api-key-priority/mappings';
  await made(gateway, 'POST', `${rows}/${idOf('dept-analytics')}/boost`, {
    priority: 1,
    for: 5_400,
    reason: 'Quarterly report is due today',
  });
  await made(gateway, 'PUT', `${rows}/${idOf('ext-premium')}`, { description: 'Paying customers, gold plan' });
  for (const [tenant, priority, weekdays, start, end, zone] of [
    ['dept-ml', 4, ['mon', 'tue', 'wed', 'thu', 'fri'], '09:00', '18:00', 'Europe/Berlin'],
    ['ext-standard', 5, ['sat', 'sun'], '00:00', '00:00', 'Europe/Berlin'],
    ['dept-dev', 1, ['tue', 'thu'], '22:00', '02:00', 'Asia/Shanghai'],
  ] as const) {
    const body = { mapping_id: idOf(tenant), priority, weekdays, start, end, zone };
    await made(gateway, 'POST', '/admin/api-key-priority/schedules', body);
  }
}

async function made(gateway: TestGateway, method: string, path: string, body?: unknown): Promise<any> {
  const answer = await gateway.admin(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Sends requests of all tenants that hold the seats or wait for one, until the test ends. */
export function holdRequests(t: TestContext, { keys, chat }: FilledGateway, each = 2): void {
  const ending = new AbortController();
  t.after(() => ending.abort());
  for (const key of keys.values()) {
    for (let count = 0; count < each; count++) {
      void chat(key, { model: 'llama-3', signal: ending.signal }).catch(() => {});
    }
  }
}
