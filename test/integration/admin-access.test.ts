import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { openWire } from '../support/wire.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const mappings = '/admin/api-key-priority/mappings';

/** Every admin route with a request that it accepts, except for the IDs, which do not exist. */
const routes: [method: string, path: string, body: object | undefined, status: number][] = [
  ['GET', mappings, undefined, 200],
  ['POST', mappings, { pattern: 'tok_a*', priority: 1, match_type: 'prefix' }, 201],
  ['PUT', `${mappings}/999`, { priority: 2 }, 404],
  ['DELETE', `${mappings}/999`, undefined, 404],
  ['POST', '/admin/api-key-priority/reload', undefined, 200],
  ['GET', '/admin/api-key-priority/config', undefined, 200],
  ['PUT', '/admin/api-key-priority/config', { default_priority: 6 }, 200],
  ['GET', '/admin/scheduler/stats', undefined, 200],
  ['GET', '/admin/scheduler/pools', undefined, 200],
  ['GET', '/admin/scheduler/pools/local', undefined, 200],
  ['PUT', '/admin/scheduler/pools/local', { policy: 'wfq' }, 200],
  ['PUT', '/admin/scheduler/pools/none', { policy: 'wfq' }, 404],
  ['GET', '/admin/fleet', undefined, 200],
  ['GET', '/admin/routes', undefined, 200],
  ['GET', '/admin/users', undefined, 200],
  ['POST', '/admin/users', { email: 'new@x', role: 'gateway_user' }, 201],
  ['PUT', '/admin/users/999', { display_name: 'X' }, 404],
  ['GET', '/admin/api-keys', undefined, 200],
  ['POST', '/admin/api-keys', { user_id: 999 }, 404],
  ['DELETE', '/admin/api-keys/999', undefined, 404],
];

async function arrange(t: TestContext, edition: 'team' | 'personal') {
  const database = edition === 'team' ? (await freshDatabase(t)).url : undefined;
  const gateway = await startGateway(t, { ini, ...(database ? { database } : {}) });
  const account = async (role: string) => {
    const user = await gateway.admin('POST', '/admin/users', { email: `${role}-${crypto.randomUUID()}@x`, role });
    const key = await gateway.admin('POST', '/admin/api-keys', { user_id: user.body.id });
    return { userId: user.body.id as number, keyId: key.body.id as number, key: key.body.key as string };
  };
  /** Sends headers and a body exactly as given. */
  const raw = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
    const response = await fetch(gateway.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    const parsed = (await response.json()) as { error: { code: string } };
    return { status: response.status, headers: response.headers, body: parsed };
  };
  return { ...gateway, account, raw };
}

test('every admin route can be called by the roles that the table names, and by no others', async t => {
  const { url, admin, account, raw } = await arrange(t, 'team');
  const user = await account('gateway_user');
  const gatewayAdmin = await account('gateway_admin');

  for (const [method, path, body, status] of routes) {
    await t.test(`${method} ${path}`, async () => {
      const json = { 'content-type': 'application/json' };
      const text = body && JSON.stringify(body);
      const nobody = await raw(method, path, json, text);
      assert.deepEqual([nobody.status, nobody.body.error.code], [401, 'invalid_api_key']);
      assert.equal(nobody.headers.get('www-authenticate'), 'Bearer');
      assert.equal((await admin(method, path, body, 'tok_unknown')).status, 401);
      const forbidden = await admin(method, path, body, user.key);
      assert.deepEqual([forbidden.status, forbidden.body.error.code], [403, 'forbidden']);
      assert.equal((await admin(method, path, body, gatewayAdmin.key)).status, status);
      // The object that the gateway_admin has just created exists already.
      assert.equal((await admin(method, path, body)).status, status === 201 ? 409 : status);
    });
  }

  await t.test('an unknown route is 404, and only for admins', async () => {
    for (const path of ['/admin', '/admin/nonsense', `${mappings}/5/more`]) {
      assert.equal((await raw('GET', path, {})).status, 401, path);
      assert.equal((await admin('GET', path, undefined, user.key)).status, 403, path);
      const { status, body } = await admin('GET', path);
      assert.deepEqual([status, body.error.code], [404, 'not_found'], path);
    }
    assert.equal((await admin('PATCH', `${mappings}/1`, {})).status, 404);
  });

  await t.test('a caller who may not call is told so before the body is read', async () => {
    const broken = '{"pattern":';
    const headers = { authorization: `Bearer ${user.key}`, 'content-type': 'application/json' };
    assert.equal((await raw('POST', mappings, { 'content-type': 'application/json' }, broken)).status, 401);
    assert.equal((await raw('POST', mappings, headers, broken)).status, 403);
  });

  await t.test('no answer is kept by whatever lies between, or taken for a page', async () => {
    const json = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const asked: [status: number, method: string, path: string, headers: Record<string, string>, body?: string][] = [
      [200, 'GET', '/admin/users', json],
      [200, 'HEAD', '/admin/users', json],
      [200, 'GET', `${mappings}/export`, json],
      [401, 'GET', '/admin/users', {}],
      [403, 'GET', '/admin/users', { 'x-api-key': user.key }],
      [404, 'GET', '/admin/nonsense', json],
      [404, 'OPTIONS', '/admin/users', json],
      [400, 'GET', '/admin/users?x=1', json],
      [400, 'GET', '/admin/%zz', json],
      [400, 'POST', '/admin/users', json, '{"email":'],
      [400, 'POST', '/admin/users', json, '{"email":"a"}'],
      [409, 'POST', '/admin/users', json, '{"email":"new@x","role":"gateway_user"}'],
      [413, 'POST', '/admin/users', json, `"${'x'.repeat(2 ** 20)}"`],
      [401, 'POST', '/admin/session', { 'content-type': 'application/json' }, '{"key":"tok_none"}'],
    ];
    for (const [status, method, path, headers, body] of asked) {
      const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
      await answer.arrayBuffer();
      const kept = [answer.headers.get('cache-control'), answer.headers.get('x-content-type-options')];
      assert.deepEqual([answer.status, ...kept], [status, 'no-store', 'nosniff'], `${method} ${path}`);
    }
    for (const [status, bytes] of [
      [431, `GET /admin/users HTTP/1.1\r\nHost: x\r\nx-much: ${'x'.repeat(17_000)}\r\n\r\n`],
      [400, 'GET /admin/users HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
    ] as const) {
      const wire = await openWire(t, url);
      wire.send(bytes);
      const answer = await wire.closed;
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, /\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n/i);
    }
  });

  await t.test('a key counts in either header, and two keys that differ do not', async () => {
    const get = async (headers: Record<string, string>) => (await raw('GET', '/admin/users', headers)).status;
    assert.equal(await get({ 'x-api-key': adminKey }), 200);
    assert.equal(await get({ authorization: `bearer ${adminKey}`, 'x-api-key': adminKey }), 200);
    assert.equal(await get({ authorization: `Bearer ${adminKey}`, 'x-api-key': user.key }), 401);
    assert.equal(await get({ authorization: `Basic ${adminKey}` }), 401);
    assert.equal(await get({ authorization: `Bearer ${'x'.repeat(300)}` }), 401);
  });
});

test('a gateway_admin manages gateway_user accounts and their keys only', async t => {
  const { admin, account } = await arrange(t, 'team');
  const user = await account('gateway_user');
  const peer = await account('gateway_admin');
  const { key } = await account('gateway_admin');

  const refused: [string, string, object?][] = [
    ['POST', '/admin/users', { email: 'a@x', role: 'gateway_admin' }],
    ['POST', '/admin/users', { email: 'a@x', role: 'root_admin' }],
    ['GET', '/admin/users/1'],
    ['PUT', '/admin/users/1', { status: 'inactive' }],
    ['PUT', `/admin/users/${peer.userId}`, { display_name: 'x' }],
    ['PUT', `/admin/users/${user.userId}`, { role: 'root_admin' }],
    ['POST', '/admin/api-keys', { user_id: 1 }],
    ['POST', '/admin/api-keys', { user_id: peer.userId }],
    ['DELETE', '/admin/api-keys/1'],
    ['DELETE', `/admin/api-keys/${peer.keyId}`],
  ];
  for (const [method, path, body] of refused) {
    await t.test(`${method} ${path} ${JSON.stringify(body) ?? ''} is forbidden`, async () => {
      const answer = await admin(method, path, body, key);
      assert.deepEqual([answer.status, answer.body.error.code], [403, 'forbidden']);
    });
  }
  await t.test('and has changed nothing', async () => {
    const { body } = await admin('GET', '/admin/users');
    assert.deepEqual(
      body.users.map((one: { role: string; status: string }) => `${one.role} ${one.status}`),
      ['root_admin active', 'gateway_user active', 'gateway_admin active', 'gateway_admin active'],
    );
  });

  await t.test('sees and changes those accounts', async () => {
    const users = (await admin('GET', '/admin/users', undefined, key)).body;
    assert.deepEqual([users.users.map(({ id }: { id: number }) => id), users.total], [[user.userId], 1]);
    const keys = (await admin('GET', '/admin/api-keys', undefined, key)).body;
    assert.deepEqual([keys.api_keys.map(({ id }: { id: number }) => id), keys.total], [[user.keyId], 1]);
    assert.deepEqual((await admin('GET', '/admin/api-keys?user_id=1', undefined, key)).body.api_keys, []);
    assert.equal((await admin('PUT', `/admin/users/${user.userId}`, { display_name: 'U' }, key)).status, 200);
    const drawn = await admin('POST', '/admin/api-keys', { user_id: user.userId }, key);
    assert.equal(drawn.status, 201);
    assert.equal((await admin('DELETE', `/admin/api-keys/${drawn.body.id}`, undefined, key)).status, 200);
  });

  await t.test('loses it all with the next request after being demoted', async () => {
    const { body } = await admin('PUT', `/admin/users/${peer.userId}`, { role: 'gateway_user' });
    assert.equal(body.role, 'gateway_user');
    assert.equal((await admin('GET', '/admin/users', undefined, peer.key)).status, 403);
    await admin('PUT', `/admin/users/${peer.userId}`, { status: 'inactive' });
    assert.equal((await admin('GET', '/admin/users', undefined, peer.key)).status, 401);
  });
});

test('Personal has no mappings, and says so to those who may ask', async t => {
  const { admin, account, raw } = await arrange(t, 'personal');
  const user = await account('gateway_user');
  for (const [method, path, body, status] of routes) {
    await t.test(`${method} ${path}`, async () => {
      assert.equal((await raw(method, path, {})).status, 401);
      assert.equal((await admin(method, path, body, user.key)).status, 403);
      const answer = await admin(method, path, body);
      if (!path.includes('api-key-priority')) return assert.equal(answer.status, status);
      assert.deepEqual([answer.status, answer.body.error.code], [501, 'not_implemented']);
      const { headers } = await raw(method, path, { 'x-api-key': adminKey });
      assert.deepEqual([headers.get('cache-control'), headers.get('x-content-type-options')], ['no-store', 'nosniff']);
      assert.match(answer.body.error.message, /Team edition/);
    });
  }
});
