import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const url = '/admin/api-key-priority/mappings';
const config = '/admin/api-key-priority/config';
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A mapping without a boost or schedule. */
const untimed = (priority: number) => ({ boost: null, effective_priority: priority, effective_source: 'row' });

test('mappings over the admin API', async t => {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const { admin, chat, createKey } = gateway;
  const levelOf = async (key: string) => (await chat(key)).headers.get('x-tokligence-priority');
  const full = {
    pattern: 'tok_prod*',
    priority: 0,
    match_type: 'prefix',
    tenant_id: 'dept-prod',
    tenant_name: 'Production Team',
    tenant_type: 'internal',
    description: 'Serves the shop',
    enabled: true,
  };

  await t.test('a new mapping is answered as its row, with the user who made it', async () => {
    const { status, body } = await admin('POST', url, full);
    assert.equal(status, 201);
    const { created_at, updated_at, etag, warnings, ...rest } = body;
    assert.deepEqual(
      warnings.map(({ kind }: { kind: string }) => kind),
      ['pattern_without_key'],
    );
    assert.match(etag, /^"\d+"$/);
    assert.deepEqual(rest, { id: 1, ...full, created_by: 'admin@local', fault: null, ...untimed(0) });
    assert.match(created_at, timestamp);
    assert.match(updated_at, timestamp);
  });

  await t.test('a short one has the defaults', async () => {
    const { body } = await admin('POST', url, { pattern: '*-beta', priority: 9, match_type: 'suffix' });
    const { tenant_id, tenant_name, tenant_type, description, enabled } = body;
    assert.deepEqual([tenant_id, tenant_name, tenant_type, description, enabled], [null, null, null, null, true]);
  });

  await t.test('they are listed by priority and id, filtered, in pages, with the number of all', async () => {
    await admin('POST', url, { ...full, pattern: 'tok_ext*', priority: 9, tenant_id: 'ext', tenant_type: 'external' });
    await admin('POST', url, { ...full, pattern: 'tok_off*', priority: 3, enabled: false });
    const ids = async (query: string) => {
      const { status, body } = await admin('GET', `${url}${query}`);
      assert.equal(status, 200);
      return [body.mappings.map((one: { id: number }) => one.id), body.total];
    };
    assert.deepEqual(await ids(''), [[1, 4, 2, 3], 4]);
    assert.deepEqual(await ids('?priority=9'), [[2, 3], 2]);
    assert.deepEqual(await ids('?tenant_type=internal'), [[1, 4], 2]);
    assert.deepEqual(await ids('?tenant_id=ext'), [[3], 1]);
    assert.deepEqual(await ids('?enabled=false'), [[4], 1]);
    assert.deepEqual(await ids('?enabled=true&priority=9&tenant_type=external'), [[3], 1]);
    assert.deepEqual(await ids('?limit=2&offset=1'), [[4, 2], 4]);
    assert.deepEqual(await ids('?offset=50'), [[], 4]);
    assert.deepEqual(await ids('?tenant_id=nobody'), [[], 0]);
  });

  await t.test('a change leaves what it does not name, and null clears', async () => {
    const { status, body } = await admin('PUT', `${url}/1`, { tenant_name: null, description: 'New' });
    assert.equal(status, 200);
    const { created_at: _created, updated_at, etag: _version, warnings: _warnings, ...rest } = body;
    assert.deepEqual(rest, {
      id: 1,
      ...full,
      tenant_name: null,
      description: 'New',
      created_by: 'admin@local',
      fault: null,
      ...untimed(0),
    });
    const untouched = await admin('PUT', `${url}/1`, {});
    assert.deepEqual([untouched.body.description, untouched.body.updated_at], ['New', updated_at]);
  });

  await t.test('every write serves from the next request on', async () => {
    const key = await createKey('prod');
    assert.equal(await levelOf(key), '7');
    assert.equal((await admin('PUT', config, { enabled: true })).body.enabled, true);
    assert.equal(await levelOf(key), '0');
    await admin('PUT', `${url}/1`, { priority: 4 });
    assert.equal(await levelOf(key), '4');
    const { body } = await admin('POST', url, { pattern: key.slice(0, 20), priority: 2, match_type: 'prefix' });
    assert.equal(await levelOf(key), '2');
    await admin('PUT', `${url}/${body.id}`, { enabled: false });
    assert.equal(await levelOf(key), '4');
    assert.deepEqual((await admin('DELETE', `${url}/1`)).body, { success: true, message: 'Mapping 1 is deleted.' });
    assert.equal((await admin('DELETE', `${url}/1`)).status, 404);
    assert.equal(await levelOf(key), '7');
    await admin('PUT', config, { default_priority: 8 });
    assert.equal(await levelOf(key), '8');
  });

  await t.test('reload tells how many mappings can be used, and a faulty row says why', async () => {
    await database.query(
      `INSERT INTO api_key_priority_mappings (pattern, priority, match_type, enabled) VALUES ('(', 1, 'regex', TRUE)`,
    );
    const enabled = (await admin('GET', `${url}?enabled=true`)).body;
    const { status, body } = await admin('POST', '/admin/api-key-priority/reload');
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ['success', 'message', 'reloaded_count', 'reload_time_ms']);
    assert.equal(body.success, true);
    assert.equal(body.reloaded_count, enabled.total - 1);
    assert.ok(Number.isInteger(body.reload_time_ms) && body.reload_time_ms >= 0);
    const faulty = enabled.mappings.filter((one: { fault: string | null }) => one.fault !== null);
    assert.deepEqual(
      faulty.map((one: { pattern: string }) => one.pattern),
      ['('],
    );
  });

  await t.test('settings tell where each comes from, and null gives one back', async () => {
    const put = async (patch: object) => (await admin('PUT', config, patch)).body;
    const set = await put({
      enabled: true,
      cache_ttl_sec: 600,
      x_priority: 'lower',
      default_priority: 5,
      mode: 'shadow',
    });
    assert.deepEqual(set, {
      enabled: true,
      default_priority: 5,
      cache_ttl_sec: 600,
      x_priority: 'lower',
      mode: 'shadow',
      source: {
        enabled: 'database',
        default_priority: 'database',
        cache_ttl_sec: 'database',
        x_priority: 'database',
        mode: 'database',
      },
    });
    const back = await put({
      enabled: null,
      cache_ttl_sec: null,
      x_priority: null,
      default_priority: null,
      mode: null,
    });
    assert.deepEqual(back, {
      enabled: false,
      default_priority: 7,
      cache_ttl_sec: 300,
      x_priority: 'allow',
      mode: 'enforce',
      source: {
        enabled: 'default',
        default_priority: 'default',
        cache_ttl_sec: 'default',
        x_priority: 'default',
        mode: 'default',
      },
    });
    assert.deepEqual((await admin('GET', config)).body, back);
  });

  await t.test('stats show every pool with ten levels', async () => {
    const { body } = await admin('GET', '/admin/scheduler/stats');
    assert.deepEqual(
      body.pools.map(({ name, seats, in_use }: { name: string; seats: number; in_use: number }) => [
        name,
        seats,
        in_use,
      ]),
      [['local', 8, 0]],
    );
    assert.deepEqual(
      body.pools[0].levels.map(({ level }: { level: number }) => level),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    const { wait_ms, ...counts } = body.pools[0].levels[9];
    assert.deepEqual(counts, {
      level: 9,
      waiting: 0,
      running: 0,
      dispatched: 0,
      rejected: 0,
      timed_out: 0,
      cancelled: 0,
    });
    assert.deepEqual(wait_ms, { p50: null, p95: null, p99: null });
  });
});

test('keys and users changed by SQL act by themselves', async t => {
  const database = await freshDatabase(t);
  const { admin, chat, createKey } = await startGateway(t, { ini, database: database.url });
  const key = await createKey();
  const status = async () => (await chat(key)).status;
  assert.equal(await status(), 200);

  await database.query(`UPDATE users SET status = 'inactive' WHERE role = 'gateway_user'`);
  await until(async () => (await status()) === 401);
  await database.query(`UPDATE users SET status = 'active'`);
  await until(async () => (await status()) === 200);
  await database.query(`UPDATE users SET role = 'gateway_admin' WHERE role = 'gateway_user'`);
  await until(async () => (await admin('GET', '/admin/users', undefined, key)).status === 200);
  await database.query('DELETE FROM api_keys WHERE id > 1');
  await until(async () => (await status()) === 401);
});
