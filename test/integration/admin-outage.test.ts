// The answer of every admin operation while the database is away, or goes away in the middle of the operation.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { readApiDocument } from '../support/api-document.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { ask, signIn } from '../support/session.ts';
import { startTcpWay } from '../support/tcp-way.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const priority = '/admin/api-key-priority';
const mappings = `${priority}/mappings`;
const pool = '/admin/scheduler/pools/{name}';

const rule = { weekdays: ['mon'], start: '08:00', end: '09:00', zone: 'UTC' };
const mapping = { pattern: 'tok_b*', match_type: 'prefix', priority: 1 };
const file = { mappings: [mapping] };
const boost = { priority: 0, for: 60, reason: 'r' };

interface Case {
  readonly body?: object;
  readonly query?: string;
  /** Where it needs no database; else it is 503. */
  readonly status?: number;
  /** It is asked by a session, not by a key. */
  readonly bySession?: boolean;
}

/** Every operation of the document, and those that read a query more than once. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  'GET /admin/session': [{ bySession: true, status: 200 }],
  'POST /admin/session': [{ body: { key: adminKey } }],
  'DELETE /admin/session': [{ bySession: true }],
  'DELETE /admin/sessions': [{}],
  'GET /admin/users': [{}, { query: 'q=a' }],
  'POST /admin/users': [{ body: { email: 'b@x', role: 'gateway_user' } }],
  'GET /admin/users/{id}': [{}],
  'PUT /admin/users/{id}': [{ body: { display_name: 'x' } }],
  'GET /admin/api-keys': [{}, { query: 'user_id=1' }],
  'POST /admin/api-keys': [{ body: { user_id: 1 } }],
  'POST /admin/api-keys/lookup': [{ body: { key_hash: 'a'.repeat(64) } }],
  'DELETE /admin/api-keys/{id}': [{}],
  'GET /admin/scheduler/stats': [{ status: 200 }],
  'GET /admin/scheduler/stream': [{ status: 200 }],
  'GET /admin/scheduler/requests': [{ query: 'pool=local', status: 200 }],
  'GET /admin/scheduler/requests/{request_id}': [{ status: 404 }],
  'GET /admin/providers': [{ status: 200 }],
  'POST /admin/providers': [{ body: { name: 'gpu', type: 'loopback' } }],
  'GET /admin/providers/{name}': [{}],
  'PATCH /admin/providers/{name}': [{ body: { max_concurrent: 3 } }],
  'DELETE /admin/providers/{name}': [{}],
  'POST /admin/providers/{name}/keys': [{ body: { key: 'sk-1' }, status: 400 }],
  'PUT /admin/providers/{name}/keys': [{ body: { keys: [{ key: 'sk-1' }] }, status: 400 }],
  'PATCH /admin/providers/{name}/keys/{id}': [{ body: { set_aside: true } }],
  'DELETE /admin/providers/{name}/keys/{id}': [{}],
  'POST /admin/providers/try': [{ body: { type: 'openai', base_url: 'http://127.0.0.1:9/v1' }, status: 200 }],
  'POST /admin/providers/reseal': [{}],
  'GET /admin/providers-file': [{}],
  'POST /admin/providers-file': [
    { body: { providers: [], routes: [] } },
    { body: { providers: [], routes: [] }, query: 'dry_run=true' },
  ],
  'POST /admin/providers/{name}/endpoints/{id}/drain': [{ status: 404 }],
  'POST /admin/providers/{name}/endpoints/{id}/resume': [{ status: 404 }],
  'GET /admin/routes': [{ status: 200 }],
  'POST /admin/routes': [{ body: { name: 'm', targets: 'local' } }],
  'GET /admin/routes/{name}': [{}],
  'PATCH /admin/routes/{name}': [{ body: { enabled: false } }],
  'DELETE /admin/routes/{name}': [{}],
  'GET /admin/fleet': [{ status: 200 }],
  'GET /admin/scheduler/pools': [{ status: 200 }],
  [`GET ${pool}`]: [{ status: 200 }],
  [`PUT ${pool}`]: [{ body: { policy: 'strict' } }],
  [`GET ${pool}/schedules`]: [{ status: 200 }],
  [`POST ${pool}/schedules`]: [{ body: { key: 'policy', value: 'strict', ...rule } }],
  [`GET ${pool}/schedules/preview`]: [{ status: 200 }],
  [`PUT ${pool}/schedules/{id}`]: [{ body: { description: 'x' } }],
  [`DELETE ${pool}/schedules/{id}`]: [{}],
  [`GET ${mappings}`]: [{}, { query: 'state=never_wins' }, { query: 'sort=requests_per_min' }],
  [`POST ${mappings}`]: [{ body: mapping }, { body: mapping, query: 'dry_run=true' }],
  [`GET ${priority}/status`]: [{ status: 200 }],
  [`GET ${mappings}/{id}`]: [{}],
  [`PUT ${mappings}/{id}`]: [{ body: { priority: 3 } }, { body: { priority: 3 }, query: 'dry_run=true' }],
  [`DELETE ${mappings}/{id}`]: [{}, { query: 'dry_run=true' }],
  [`POST ${priority}/reload`]: [{}],
  [`GET ${mappings}/export`]: [{}],
  [`GET ${priority}/config`]: [{ status: 200 }],
  [`PUT ${priority}/config`]: [{ body: { enabled: true } }],
  [`GET ${priority}/history`]: [{}, { query: 'actor=a' }],
  [`POST ${priority}/history/{id}/restore`]: [{}],
  [`POST ${priority}/explain`]: [{ body: { key: 'tok_a' } }],
  [`GET ${priority}/lint`]: [{}],
  [`POST ${mappings}/{id}/boost`]: [{ body: boost }, { body: boost, query: 'dry_run=true' }],
  [`DELETE ${mappings}/{id}/boost`]: [{}],
  [`GET ${priority}/schedules`]: [{}],
  [`POST ${priority}/schedules`]: [{ body: { mapping_id: 1, priority: 3, ...rule } }],
  [`GET ${priority}/schedules/preview`]: [{ status: 200 }],
  [`PUT ${priority}/schedules/{id}`]: [{ body: { priority: 4 } }],
  [`DELETE ${priority}/schedules/{id}`]: [{}],
  [`POST ${mappings}/import`]: [{ body: file }, { body: file, query: 'dry_run=true' }],
};

/** A gateway with a mapping, a boost and a schedule, and the way to its database. */
async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  const way = await startTcpWay(t, database.url);
  const url = new URL(database.url);
  url.host = new URL(way.url).host;
  const gateway = await startGateway(t, { ini, database: url.href });
  const made = async (path: string, body: object, status = 201) =>
    assert.equal((await gateway.admin('POST', path, body)).status, status, path);
  await made(mappings, { ...mapping, pattern: 'tok_a*' });
  await made(`${mappings}/1/boost`, boost, 200);
  await made(`${priority}/schedules`, { mapping_id: 1, priority: 3, ...rule });
  await made('/admin/scheduler/pools/local/schedules', { key: 'policy', value: 'strict', ...rule });
  return { ...gateway, database, way };
}

const codes: Readonly<Record<number, string>> = { 400: 'invalid_request', 404: 'not_found', 503: 'unavailable' };
const pathOf = (path: string, query: string | undefined): string =>
  path.replace('{id}', '1').replace('{request_id}', 'none').replace('{name}', 'local') + (query ? `?${query}` : '');

test('every admin operation says that the database is away, or needs none', async t => {
  const { url, way } = await arrange(t);
  const { operations } = await readApiDocument(url);
  const documented = operations.filter(({ path }) => path.startsWith('/admin'));
  assert.deepEqual(documented.map(({ method, path }) => `${method} ${path}`).sort(), Object.keys(cases).sort());
  const cookie = await signIn(url);
  assert.equal((await ask(url, 'GET', '/admin/session', { cookie })).status, 200);
  await way.cut();
  for (const [operation, tries] of Object.entries(cases)) {
    const [method = '', path = ''] = operation.split(' ');
    for (const { body, query, status = 503, bySession } of tries) {
      const who = bySession ? { cookie } : { headers: { authorization: `Bearer ${adminKey}` } };
      const answer = await answerTo(`${url}${pathOf(path, query)}`, { method, body, ...who });
      const code = codes[status];
      assert.deepEqual([answer.status, answer.code], [status, code], `${operation} ${query ?? ''}`);
    }
  }
});

interface Asked {
  readonly method: string;
  readonly body?: object | undefined;
  readonly cookie?: string;
  readonly headers?: Record<string, string>;
}

/** Of a stream no more than its head. */
async function answerTo(url: string, { method, body, cookie, headers }: Asked) {
  const leaving = new AbortController();
  const response = await fetch(url, {
    method,
    signal: leaving.signal,
    headers: {
      ...headers,
      ...(cookie === undefined ? {} : { cookie, 'x-tokligence-console': '1' }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  const told = isStream ? {} : ((await response.json()) as { error?: { code: string } });
  leaving.abort();
  return { status: response.status, code: told.error?.code };
}

/** Operations with several queries, which read keys after mappings. */
const longOnes: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['POST', `${mappings}?dry_run=true`, mapping],
  ['PUT', `${mappings}/1?dry_run=true`, { priority: 3 }],
  ['DELETE', `${mappings}/1?dry_run=true`],
  ['POST', `${mappings}/1/boost?dry_run=true`, boost],
  ['POST', `${mappings}/import?dry_run=true`, file],
  ['GET', `${priority}/lint`],
  ['POST', `${priority}/explain`, { key: adminKey }],
];

for (const [method, path, body] of longOnes) {
  test(`the database goes away in the middle of ${method} ${path}: it is 503, and works once it is back`, async t => {
    const { admin, database, way } = await arrange(t);
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    t.after(() => holder.end());
    await holder.query('BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE');
    const answering = admin(method, path, body);
    const waiting = `SELECT FROM pg_locks WHERE NOT granted AND relation = 'api_keys'::regclass`;
    await until(async () => (await database.query(waiting)).length > 0);
    await way.cut();
    const answer = await answering;
    assert.deepEqual([answer.status, answer.body.error?.code], [503, 'unavailable']);
    await holder.query('COMMIT');
    await way.open();
    await until(async () => (await admin(method, path, body)).status === 200);
  });
}
