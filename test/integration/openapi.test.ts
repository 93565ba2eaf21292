import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import fastify from 'fastify';
import { operations } from '../../src/gateway/operations.ts';
import { registerAdmin } from '../../src/http/admin/admin.ts';
import { registerOpenApi } from '../../src/http/openapi.ts';
import { hashKey } from '../../src/identity/api-key.ts';
import { readApiDocument } from '../support/api-document.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { readLanes } from '../support/live.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = `[provider.local]
type = loopback
service_ms = 0
chunk_ms = 0
models = m
[provider.gpu]
type = openai
base_url = http://127.0.0.1:9/v1
models = none
[provider.slow]
type = loopback
service_ms = 600000
`;

/** Every admin route with a sample request, in an order in which each finds the objects it needs. */
const calls: readonly (readonly [method: string, url: string, status: number, body?: unknown])[] = [
  ['POST', '/admin/users', 201, { email: 'a@b', role: 'gateway_user', display_name: 'A' }],
  ['GET', '/admin/users?limit=1&q=a&role=gateway_user&status=active', 200],
  ['GET', '/admin/users/2', 200],
  ['PUT', '/admin/users/2', 200, { display_name: null }],
  [
    'POST',
    '/admin/api-keys',
    201,
    { user_id: 2, prefix: 'prod', scopes: ['chat'], expires_at: '2099-01-01T00:00:00Z' },
  ],
  ['GET', '/admin/api-keys?user_id=2&q=tok_prod', 200],
  ['POST', '/admin/api-keys/lookup', 200, { key_hash: hashKey(adminKey) }],
  ['POST', '/admin/api-keys/lookup', 404, { key_hash: '0'.repeat(64) }],
  ['DELETE', '/admin/api-keys/2', 200],
  ['GET', '/admin/scheduler/stats', 200],
  ['GET', '/admin/scheduler/pools', 200],
  ['GET', '/admin/scheduler/requests?pool=slow&level=3&limit=10', 200],
  ['GET', '/admin/scheduler/requests/no-such-request', 404],
  ['GET', '/admin/providers', 200],
  ['GET', '/admin/routes?limit=5&offset=0', 200],
  [
    'POST',
    '/admin/providers',
    201,
    { name: 'vendor', type: 'openai', base_url: ['http://127.0.0.1:1/v1'], models: ['x'] },
  ],
  ['GET', '/admin/providers/vendor', 200],
  ['PATCH', '/admin/providers/vendor', 200, { description: 'ours', max_concurrent: 3 }],
  ['POST', '/admin/providers/vendor/keys', 409, { api_key: 'sk-1' }],
  ['PUT', '/admin/providers/vendor/keys', 409, { api_key: 'sk-1' }],
  ['PATCH', '/admin/providers/vendor/keys/none', 404, { set_aside: true }],
  ['DELETE', '/admin/providers/vendor/keys/none', 404],
  ['POST', '/admin/providers/reseal', 409],
  ['POST', '/admin/providers/try', 200, { name: 'vendor' }],
  ['POST', '/admin/routes', 201, { name: 'a-model', targets: 'vendor:x' }],
  ['GET', '/admin/routes/a-model', 200],
  ['PATCH', '/admin/routes/a-model', 200, { aliases: ['another'] }],
  ['GET', '/admin/providers-file', 200],
  ['POST', '/admin/providers-file?dry_run=true', 200, { providers: [], routes: [] }],
  ['DELETE', '/admin/routes/a-model', 200],
  ['DELETE', '/admin/providers/vendor', 200],
  ['POST', '/admin/providers/gpu/endpoints/http%3A%2F%2F127.0.0.1%3A9/drain', 200],
  ['POST', '/admin/providers/gpu/endpoints/http%3A%2F%2F127.0.0.1%3A9/resume', 200],
  ['GET', '/admin/fleet', 200],
  ['PUT', '/admin/scheduler/pools/local', 200, { policy: 'strict', weights: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1] }],
  ['GET', '/admin/scheduler/pools/local', 200],
  [
    'POST',
    '/admin/scheduler/pools/local/schedules',
    201,
    { key: 'policy', value: 'wfq', weekdays: ['mon'], start: '18:00', end: '08:00', zone: 'UTC' },
  ],
  ['GET', '/admin/scheduler/pools/local/schedules', 200],
  ['GET', '/admin/scheduler/pools/local/schedules/preview', 200],
  ['PUT', '/admin/scheduler/pools/local/schedules/1', 200, { value: 'strict' }],
  ['DELETE', '/admin/scheduler/pools/local/schedules/1', 200],
  ['POST', '/admin/api-key-priority/mappings', 201, { pattern: 'tok_prod*', priority: 0, match_type: 'prefix' }],
  ['GET', '/admin/api-key-priority/mappings', 200],
  ['GET', '/admin/api-key-priority/mappings/1', 200],
  ['PUT', '/admin/api-key-priority/mappings/1', 200, { tenant_id: 'dept-prod', tenant_type: 'internal' }],
  ['POST', '/admin/api-key-priority/explain', 200, { key: adminKey, x_priority: 3 }],
  ['POST', '/admin/api-key-priority/explain', 200, { key_prefix: 'tok_prod_', model: 'm', dialect: 'anthropic' }],
  ['GET', '/admin/api-key-priority/lint?limit=5', 200],
  ['POST', '/admin/api-key-priority/mappings/1/boost', 200, { priority: 1, for: 60, reason: 'a demonstration' }],
  ['GET', '/admin/api-key-priority/mappings/1', 200],
  ['DELETE', '/admin/api-key-priority/mappings/1/boost', 200],
  [
    'POST',
    '/admin/api-key-priority/schedules',
    201,
    { mapping_id: 1, priority: 3, weekdays: ['mon', 'fri'], start: '18:00', end: '08:00', zone: 'Asia/Singapore' },
  ],
  ['GET', '/admin/api-key-priority/schedules?mapping_id=1', 200],
  ['GET', '/admin/api-key-priority/schedules/preview', 200],
  ['PUT', '/admin/api-key-priority/schedules/1', 200, { priority: 4 }],
  ['DELETE', '/admin/api-key-priority/schedules/1', 200],
  ['GET', '/admin/api-key-priority/history?limit=10', 200],
  ['POST', '/admin/api-key-priority/history/1/restore', 200],
  ['POST', '/admin/api-key-priority/reload', 200],
  ['GET', '/admin/api-key-priority/status', 200],
  ['GET', '/admin/api-key-priority/mappings?q=prod&state=enabled&sort=requests_per_min&order=desc', 200],
  ['POST', '/admin/api-key-priority/mappings?dry_run=true', 200, { pattern: 'b*', priority: 1, match_type: 'prefix' }],
  ['PUT', '/admin/api-key-priority/mappings/1?dry_run=true', 200, { priority: 4 }],
  ['DELETE', '/admin/api-key-priority/mappings/1?dry_run=true', 200],
  [
    'POST',
    '/admin/api-key-priority/mappings/import?dry_run=true&prune=true',
    200,
    { mappings: [{ pattern: 'c*', priority: 1, match_type: 'prefix' }] },
  ],
  [
    'POST',
    '/admin/api-key-priority/mappings/import',
    200,
    { mappings: [{ pattern: 'c*', priority: 1, match_type: 'prefix' }] },
  ],
  ['PUT', '/admin/api-key-priority/config', 200, { enabled: true }],
  ['GET', '/admin/api-key-priority/config', 200],
  ['DELETE', '/admin/api-key-priority/mappings/1', 200],
  ['GET', '/admin/api-key-priority/history?object=mapping&kind=delete&limit=5', 200],
  ['POST', '/admin/api-key-priority/history/1/restore', 200],
];

/** The routes that open, show and end a session. */
const sessionCalls: typeof calls = [
  ['POST', '/admin/session', 401, { key: 'tok_nobody' }],
  ['POST', '/admin/session', 201, { key: adminKey }],
  ['GET', '/admin/session', 200],
  ['DELETE', '/admin/session', 200],
  ['GET', '/admin/session', 401],
  ['POST', '/admin/session', 201, { key: adminKey }],
  ['DELETE', '/admin/sessions', 200],
];

test('every documented admin route answers as the document says, its refusals too', async t => {
  const { url: database } = await freshDatabase(t);
  const { admin, url } = await startGateway(t, { ini, database });
  const { operations: documented, operationOf, faultOf, eventFaultOf } = await readApiDocument(url);
  const called = new Set<string>();
  const ask = async (method: string, path: string, expected: number, body?: unknown, key?: string) => {
    const operation = operationOf(method, path);
    assert.ok(operation, `${method} ${path} is not documented`);
    const answer = await admin(method, path, body, key);
    assert.equal(answer.status, expected, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    assert.equal(
      faultOf(operation, answer.status, answer.body),
      null,
      `${method} ${path}: ${JSON.stringify(answer.body)}`,
    );
    called.add(`${method} ${operation.path}`);
  };
  let cookie = '';
  const askInSession: typeof ask = async (method, path, expected, body) => {
    const operation = operationOf(method, path) ?? assert.fail(path);
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const init = { method, headers: { cookie, 'x-tokligence-console': '1', ...type }, body: JSON.stringify(body) };
    const response = await fetch(url + path, init);
    const answer = await response.json();
    assert.equal(response.status, expected, JSON.stringify(answer));
    assert.equal(faultOf(operation, response.status, answer), null, JSON.stringify(answer));
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
    called.add(`${method} ${operation.path}`);
  };
  for (const [method, path, status, body] of calls) await ask(method, path, status, body);
  await askForRequest(url, () => ask('GET', '/admin/scheduler/requests/one-that-runs', 200));
  const streamOf = operationOf('GET', '/admin/scheduler/stream') ?? assert.fail();
  const reader = await readLanes(t, url);
  await until(() => reader.events.length >= 2);
  for (const { event, data } of reader.events) assert.equal(eventFaultOf(streamOf, event, data), null, event);
  called.add('GET /admin/scheduler/stream');
  for (const [method, path, status, body] of sessionCalls) await askInSession(method, path, status, body);
  const file = '/admin/api-key-priority/mappings/export';
  const headers = { authorization: `Bearer ${adminKey}`, accept: 'application/json' };
  const exported = await fetch(url + file, { headers });
  assert.equal(faultOf(operationOf('GET', file) ?? assert.fail(), exported.status, await exported.json()), null);
  called.add(`GET ${file}`);
  const all = documented.filter(({ path }) => path.startsWith('/admin/'));
  assert.deepEqual(
    all.map(({ method, path }) => `${method} ${path}`).filter(name => !called.has(name)),
    [],
    'a documented route is not called',
  );
  for (const [method, path] of calls) {
    await ask(method, path, 401, undefined, 'tok_nobody');
    await ask(method, `${path.split('?')[0]}?no_such_parameter=1`, 400);
  }
  for (const { method, path, summary, operationId } of all) assert.ok(summary && operationId, `${method} ${path}`);
  assert.equal(new Set(all.map(({ operationId }) => operationId)).size, all.length);
});

/** Calls `ask` while a request of that ID runs. */
async function askForRequest(url: string, ask: () => Promise<void>): Promise<void> {
  const leaving = new AbortController();
  const headers = { authorization: `Bearer ${adminKey}`, 'x-request-id': 'one-that-runs' };
  const body = JSON.stringify({ model: 'slow', messages: [] });
  const answer = fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body, signal: leaving.signal });
  const found = () => fetch(`${url}/admin/scheduler/requests/one-that-runs`, { headers });
  await until(async () => (await found()).status === 200);
  await ask();
  leaving.abort();
  await assert.rejects(answer);
}

test('the document is OpenAPI 3.1 by its own schema, in both editions', async t => {
  const { url: database } = await freshDatabase(t);
  for (const options of [{ ini, database }, { ini }]) {
    const { url } = await startGateway(t, options);
    const { document } = await readApiDocument(url);
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(document.openapi, '3.1.0');
  }
});

test('the document has every route there is: admin, model and open ones', async t => {
  const { url: database } = await freshDatabase(t);
  const { url } = await startGateway(t, { ini, database });
  const { operations: documented } = await readApiDocument(url);
  const names = new Set(documented.map(({ method, path }) => `${method} ${path}`));
  for (const { path, method } of operations) assert.ok(names.delete(`${method} ${path}`), path);
  for (const path of ['/healthz', '/health', '/readyz', '/metrics', '/openapi.json']) {
    assert.ok(names.delete(`GET ${path}`), path);
    assert.equal((await fetch(url + path)).status, 200, path);
  }
  assert.deepEqual([...names].sort(), (await adminRoutes()).sort());
});

/** The routes registered with Fastify, independent of the document. */
async function adminRoutes(): Promise<string[]> {
  const app = fastify();
  const seen: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    if (method !== 'HEAD') seen.push(`${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  });
  registerAdmin(app, { mappings: {}, console: {}, identities: {}, storedProviders: {} } as any);
  await app.ready();
  return seen;
}

test('Personal documents what it has', async t => {
  const { url } = await startGateway(t, { ini });
  const { operations: documented } = await readApiDocument(url);
  const paths = documented.map(({ path }) => path);
  assert.ok(paths.includes('/admin/users') && paths.includes('/v1/chat/completions'));
  assert.ok(!paths.some(path => path.startsWith('/admin/api-key-priority')), String(paths));
});

test('signing in takes a key in the body and no other, and says that too many guesses are refused', async t => {
  const { url } = await startGateway(t, { ini });
  const { operationOf } = await readApiDocument(url);
  const signIn = operationOf('POST', '/admin/session');
  assert.deepEqual(signIn?.security, []);
  assert.match(signIn?.description ?? '', /^The body carries the key of one of: /);
  assert.ok('429' in (signIn?.responses ?? {}));
  const show = operationOf('GET', '/admin/session');
  assert.deepEqual(show?.security, [{ session: [] }]);
  assert.match(show?.description ?? '', /^Needs the session of one of: /);
});

test('a route that nobody described keeps the gateway from starting', () => {
  const app = fastify();
  registerOpenApi(app);
  assert.throws(() => app.get('/status', () => ''), /\/status is not described/);
});

test('bodies are described by the schemas that refuse them', async t => {
  const { url: database } = await freshDatabase(t);
  const { url } = await startGateway(t, { ini, database });
  const { document, operationOf, faultOf } = await readApiDocument(url);
  const create = operationOf('POST', '/admin/api-key-priority/mappings');
  assert.deepEqual(create?.requestBody.content['application/json'].schema, { $ref: '#/components/schemas/NewMapping' });
  assert.match(create ? (faultOf(create, 201, { id: 'x' }) ?? '') : '', /must be integer/);
  const { pattern, priority } = document.components.schemas.NewMapping.properties;
  assert.deepEqual([pattern.maxLength, priority.maximum], [512, 9]);
  const refused = await fetch(`${url}/admin/api-key-priority/mappings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ pattern: 'x'.repeat(513), priority: 0, match_type: 'prefix' }),
  });
  assert.match(((await refused.json()) as any).error.message, new RegExp(pattern.description));
  const change = operationOf('PUT', '/admin/api-key-priority/mappings/1');
  assert.ok(change?.parameters.some(({ name }: any) => name === 'If-Match'));
  const taken = operationOf('POST', '/admin/api-key-priority/mappings/import');
  assert.ok('application/yaml' in (taken?.requestBody.content ?? {}));
  assert.ok(!JSON.stringify(document).includes('~'), 'nothing of the schema library shows');
});
