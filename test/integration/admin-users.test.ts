import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../src/identity/api-key.ts';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

for (const edition of ['team', 'personal'] as const) {
  test(`users and keys over the admin API, ${edition}`, async t => {
    const database = edition === 'team' ? await freshDatabase(t) : null;
    const { admin, chat, log } = await startGateway(t, { ini, ...(database ? { database: database.url } : {}) });
    const drawnKeys: string[] = [];

    await t.test('a new user is answered as its row', async () => {
      const { status, body } = await admin('POST', '/admin/users', {
        email: ' Ann@Example.com ',
        role: 'gateway_user',
        display_name: 'Ann',
      });
      assert.equal(status, 201);
      const { created_at, updated_at, ...rest } = body;
      const user = { id: 2, email: 'ann@example.com', role: 'gateway_user', display_name: 'Ann', status: 'active' };
      assert.deepEqual(rest, user);
      assert.match(created_at, timestamp);
      assert.match(updated_at, timestamp);
      const list = (await admin('GET', '/admin/users')).body;
      assert.deepEqual(list.users[1], body);
      assert.equal(list.total, 2);
      assert.deepEqual((await admin('GET', '/admin/users?limit=1&offset=1')).body.users, [body]);
      assert.deepEqual((await admin('GET', '/admin/users/2')).body, body);
      assert.equal((await admin('GET', '/admin/users/99')).status, 404);
    });

    await t.test('a user is changed in part, and nothing by an empty change', async () => {
      const before = (await admin('GET', '/admin/users')).body.users[1];
      assert.deepEqual((await admin('PUT', '/admin/users/2', {})).body, before);
      const { status, body } = await admin('PUT', '/admin/users/2', { display_name: null });
      assert.equal(status, 200);
      assert.deepEqual({ ...body, updated_at: null }, { ...before, display_name: null, updated_at: null });
      assert.ok(body.updated_at >= before.updated_at);
    });

    await t.test('a key is shown once, and serves at once', async () => {
      const wish = { user_id: 2, prefix: 'prod', scopes: ['chat'], expires_at: '2999-01-01T02:00:00+02:00' };
      const { status, body } = await admin('POST', '/admin/api-keys', wish);
      assert.equal(status, 201);
      const { key, created_at, updated_at, ...rest } = body;
      drawnKeys.push(key);
      assert.match(key, /^tok_prod_[\w-]{43}$/);
      assert.deepEqual(rest, {
        id: 2,
        user_id: 2,
        key_prefix: key.slice(0, 12),
        scopes: ['chat'],
        expires_at: '2999-01-01T00:00:00.000Z',
      });
      assert.equal((await chat(key)).status, 200);
      const listed = async () => (await admin('GET', '/admin/api-keys?user_id=2')).body;
      await until(async () => (await listed()).api_keys[0].last_used_at !== null);
      const { counted_since, ...list } = await listed();
      const { last_used_at } = list.api_keys[0];
      const user_email = 'ann@example.com';
      assert.deepEqual(list, { api_keys: [{ ...rest, created_at, updated_at, user_email, last_used_at }], total: 1 });
      assert.ok(counted_since <= last_used_at);
      assert.equal((await admin('GET', '/admin/api-keys')).body.total, 2);
      assert.deepEqual((await admin('GET', '/admin/api-keys?user_id=77')).body, {
        api_keys: [],
        total: 0,
        counted_since,
      });
    });

    await t.test('a key that has expired is refused', async () => {
      const { body } = await admin('POST', '/admin/api-keys', { user_id: 2, expires_at: '2020-01-01T00:00:00Z' });
      drawnKeys.push(body.key);
      assert.equal((await chat(body.key)).status, 401);
    });

    await t.test('a deleted key is refused by the next request', async () => {
      const { body } = await admin('POST', '/admin/api-keys', { user_id: 2 });
      drawnKeys.push(body.key);
      assert.match(body.key, /^tok_[\w-]{43}$/);
      assert.equal((await chat(body.key)).status, 200);
      const deleted = await admin('DELETE', `/admin/api-keys/${body.id}`);
      assert.deepEqual([deleted.status, deleted.body.success], [200, true]);
      assert.equal((await chat(body.key)).status, 401);
      assert.equal((await admin('DELETE', `/admin/api-keys/${body.id}`)).status, 404);
    });

    await t.test("an inactive user's keys are refused by the next request, an active one's serve", async () => {
      const key = drawnKeys[0] ?? '';
      await admin('PUT', '/admin/users/2', { status: 'inactive' });
      assert.equal((await chat(key)).status, 401);
      await admin('PUT', '/admin/users/2', { status: 'active' });
      assert.equal((await chat(key)).status, 200);
    });

    await t.test("admins' keys may call models", async () => {
      const { body } = await admin('POST', '/admin/users', { email: 'boss@x', role: 'gateway_admin' });
      const { key } = (await admin('POST', '/admin/api-keys', { user_id: body.id })).body;
      assert.equal((await chat(key)).status, 200);
    });

    await t.test('users are found by a piece of e-mail or name, by role and status', async () => {
      const make = (email: string, display_name: string | null, role = 'gateway_user') =>
        admin('POST', '/admin/users', { email, role, display_name });
      await make('carl_100%@example.com', 'Carl Öst');
      await make('dora@example.com', 'Team Carl');
      const { body: eve } = await make('eve@example.com', null, 'gateway_admin');
      await admin('PUT', `/admin/users/${eve.id}`, { status: 'inactive' });
      const found = async (query: string) => {
        const { users, total } = (await admin('GET', `/admin/users?${query}`)).body;
        return [users.map((one: { email: string }) => one.email.split('@')[0]), total];
      };
      assert.deepEqual(await found('q=CARL'), [['carl_100%', 'dora'], 2]);
      assert.deepEqual(await found('q=CARL&limit=1&offset=1'), [['dora'], 2]);
      assert.deepEqual(await found('q=%25'), [['carl_100%'], 1]);
      assert.deepEqual(await found('q=l_1'), [['carl_100%'], 1]);
      assert.deepEqual(await found('q=Öst'), [['carl_100%'], 1]);
      assert.deepEqual(await found('q=%5C'), [[], 0]);
      assert.deepEqual(await found('role=gateway_admin&status=inactive'), [['eve'], 1]);
      assert.deepEqual(await found('role=root_admin&q=carl'), [[], 0]);
      assert.equal((await admin('GET', '/admin/users?role=king')).body.error.param, 'role');
      assert.equal((await admin('GET', '/admin/users?status=asleep')).body.error.param, 'status');
    });

    await t.test('keys are found by how they begin, and one without a request since the start says so', async () => {
      const { body: key } = await admin('POST', '/admin/api-keys', { user_id: 2, prefix: 'rare' });
      drawnKeys.push(key.key);
      const found = async (query: string) => (await admin('GET', `/admin/api-keys?${query}`)).body;
      const { api_keys, total, counted_since } = await found('q=tok_rare_');
      assert.deepEqual(
        api_keys.map((one: { id: number; last_used_at: string | null }) => [one.id, one.last_used_at]),
        [[key.id, null]],
      );
      assert.equal(total, 1);
      assert.ok(Date.parse(counted_since) <= Date.now());
      for (const text of ['TOK_RARE_', 'tok_rar%', 'rare', 'tok%rare_'])
        assert.equal((await found(`q=${text}`)).total, 0);
      assert.equal((await found(`q=tok_rare_&user_id=1`)).total, 0);
      // The admin's own key has called no model here.
      assert.equal((await found('user_id=1')).api_keys[0].last_used_at, null);
      await (await chat(key.key)).text();
      await until(async () => (await found('q=tok_rare_')).api_keys[0].last_used_at !== null);
      const used = Date.parse((await found('q=tok_rare_')).api_keys[0].last_used_at);
      assert.ok(used <= Date.now() && used > Date.now() - 30_000);
    });

    await t.test('no key is in the log or in a list, nor its hash', async () => {
      const shown = [log.join('\n'), JSON.stringify((await admin('GET', '/admin/api-keys')).body)].join('\n');
      for (const key of drawnKeys) {
        assert.ok(!shown.includes(key.slice(0, 20)));
        assert.ok(!shown.includes(hashKey(key)));
      }
    });
  });
}
