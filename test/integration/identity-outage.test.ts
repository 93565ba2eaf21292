import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { privateServer } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';

test('while the database is away, keys in use serve and everything else is told to come again', async t => {
  const server = await privateServer(t);
  const { url, admin, chat, createKey } = await startGateway(t, { ini, database: server.url });
  const known = await createKey();
  const unseen = await createKey();
  assert.equal((await chat(known)).status, 200);
  const readiness = async () => {
    const response = await fetch(`${url}/readyz`);
    return `${response.status} ${((await response.json()) as { status: string }).status}`;
  };
  assert.equal(await readiness(), '200 ready');
  await server.stop();

  await t.test('a key in use serves', async () => {
    assert.equal((await chat(known)).status, 200);
  });

  await t.test('a key not seen before, and one that does not exist, are 503 and never 401', async () => {
    for (const key of [unseen, 'tok_nobody_has_this_key']) {
      const response = await chat(key);
      const { error } = (await response.json()) as { error: { code: string } };
      assert.deepEqual([response.status, error.code, response.headers.get('retry-after')], [503, 'unavailable', '1']);
    }
  });

  await t.test('admin routes that need the database are 503', async () => {
    const requests: [string, string, object?][] = [
      ['GET', '/admin/users'],
      ['POST', '/admin/users', { email: 'a@x', role: 'gateway_user' }],
      ['PUT', '/admin/users/1', { display_name: 'x' }],
      ['GET', '/admin/api-keys'],
      ['POST', '/admin/api-keys', { user_id: 1 }],
      ['DELETE', '/admin/api-keys/2'],
      ['GET', '/admin/api-key-priority/mappings'],
      ['POST', '/admin/api-key-priority/mappings', { pattern: 'a', priority: 1, match_type: 'exact' }],
      ['POST', '/admin/api-key-priority/reload'],
      ['PUT', '/admin/api-key-priority/config', { enabled: true }],
    ];
    for (const [method, path, body] of requests) {
      const answer = await admin(method, path, body);
      assert.deepEqual([answer.status, answer.body.error.code], [503, 'unavailable'], `${method} ${path}`);
    }
  });

  await t.test('those that do not need it answer, and readiness says degraded', async () => {
    assert.equal((await admin('GET', '/admin/scheduler/stats')).status, 200);
    assert.equal((await admin('GET', '/admin/api-key-priority/config')).status, 200);
    await until(async () => (await readiness()) === '200 degraded');
  });

  await t.test('when it is back all of that works again, by itself', async () => {
    await server.start();
    await until(async () => (await chat(unseen)).status === 200);
    await until(async () => (await chat('tok_nobody_has_this_key')).status === 401);
    await until(async () => (await admin('GET', '/admin/users')).status === 200);
    await until(async () => (await readiness()) === '200 ready');
    assert.equal((await chat(known)).status, 200);
  });

  await t.test('changes by SQL are heard again: a deleted key is refused, others serve', async () => {
    await server.query(`DELETE FROM api_keys WHERE id = (SELECT max(id) - 1 FROM api_keys)`);
    await until(async () => (await chat(known)).status === 401);
    assert.equal((await chat(unseen)).status, 200);
  });
});
