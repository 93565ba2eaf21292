import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Kysely } from 'kysely';
import pg from 'pg';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { recorded } from '../../src/db/recorded.ts';
import { type Database, mappingRow } from '../../src/db/schema.ts';
import { HistoryStore } from '../../src/history/history-store.ts';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const url = '/admin/api-key-priority/mappings';
const past = '/admin/api-key-priority/history';
const config = '/admin/api-key-priority/config';
const prod = { pattern: 'tok_prod*', priority: 0, match_type: 'prefix', tenant_id: 'dept-prod' };

/** A gateway, and its history in short form: `object object_id kind by actor`, newest first. */
async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const entries = async (query = ''): Promise<any[]> => {
    const { status, body } = await gateway.admin('GET', past + query);
    assert.equal(status, 200, JSON.stringify(body));
    return body.history;
  };
  const told = async (query = '') =>
    (await entries(query)).map(one => `${one.object} ${one.object_id} ${one.kind} by ${one.actor}`);
  const restore = (id: number, ifMatch?: string) => send(gateway.url, 'POST', `${past}/${id}/restore`, { ifMatch });
  return { database, ...gateway, entries, told, restore };
}

/** Like `admin`, with If-Match and the answer's ETag. */
async function send(
  at: string,
  method: string,
  path: string,
  { body, ifMatch }: { body?: object; ifMatch?: string | undefined },
) {
  const headers: Record<string, string> = { authorization: 'Bearer tok_admin_key_of_the_tests_0123456789' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (ifMatch !== undefined) headers['if-match'] = ifMatch;
  const answer = await fetch(at + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, etag: answer.headers.get('etag'), body: (await answer.json()) as any };
}

/** The table's row of a listed mapping. */
const rowOf = (listed: any) =>
  Object.fromEntries(Object.keys(mappingRow.properties).map(column => [column, listed[column]]));

const withoutUpdate = ({ updated_at: _at, etag: _version, warnings: _warnings, ...row }: any) => row;
const withoutWarnings = ({ warnings: _warnings, ...row }: any) => row;

test('every change by the API is an entry with who, what, before and after, newest first', async t => {
  const { admin, entries, told } = await arrange(t);
  const { body: created } = await admin('POST', url, prod);
  const { body: changed } = await admin('PUT', `${url}/${created.id}`, { priority: 3, description: 'new' });
  await admin('PUT', `${url}/${created.id}`, {});
  await admin('PUT', config, { enabled: true });
  await admin('PUT', config, { enabled: null, x_priority: 'lower' });
  await admin('PUT', '/admin/scheduler/pools/local', { max_queue_depth: 5 });
  await admin('DELETE', `${url}/${created.id}`);
  assert.deepEqual(await told(), [
    'mapping 1 delete by admin@local',
    'pool_setting local/max_queue_depth create by admin@local',
    'setting x_priority create by admin@local',
    'setting enabled delete by admin@local',
    'setting enabled create by admin@local',
    'mapping 1 update by admin@local',
    'mapping 1 create by admin@local',
  ]);
  const [removal, , , , , update, creation] = await entries();
  const [first, second] = [rowOf(created), rowOf(changed)];
  assert.deepEqual([creation.before, creation.after], [null, first]);
  assert.deepEqual([update.before, update.after], [first, second]);
  assert.deepEqual([removal.before, removal.after], [second, null]);
  assert.match(update.at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual([update.via, update.restores], ['api', null]);
});

test('changes by SQL are there with the database role, whatever statement made them', async t => {
  const { database, entries, told } = await arrange(t);
  const role = `operator_${randomBytes(6).toString('hex')}`;
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  t.after(() => t.after(() => dropRole(database, role)));
  // No right on the history at all.
  await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON api_key_priority_mappings TO ${role}`);
  await database.query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`);
  const client = new pg.Client(Object.assign(new URL(database.url), { username: role, password: 'secret' }).href);
  await client.connect();
  const insert = `INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES`;
  await client.query(`${insert} ('a*', 1, 'prefix'), ('b*', 2, 'prefix')`);
  await client.query(`UPDATE api_key_priority_mappings SET priority = 5 WHERE pattern = 'a*'`);
  await client.query('UPDATE api_key_priority_mappings SET updated_at = now()');
  await client.query('UPDATE api_key_priority_mappings SET id = 77 WHERE id = 2');
  await client.query(`${insert} ('a*', 3, 'prefix'), ('c*', 3, 'prefix')
    ON CONFLICT (pattern) DO UPDATE SET priority = EXCLUDED.priority`);
  await client.query('DELETE FROM api_key_priority_mappings WHERE id = 77');
  await client.query('TRUNCATE api_key_priority_mappings');
  await client.end();
  const by = (...changes: string[]) => changes.map(change => `mapping ${change} by ${role}`);
  const all = await told();
  const [truncated, upserted, renamed, made] = [all.slice(0, 2), all.slice(3, 5), all.slice(5, 7), all.slice(8)];
  assert.deepEqual(truncated.sort(), by('1 delete', '4 delete'));
  assert.equal(all[2], by('77 delete')[0]);
  assert.deepEqual(upserted.sort(), by('1 update', '4 create'));
  assert.deepEqual(renamed.sort(), by('2 delete', '77 create'));
  assert.equal(all[7], by('1 update')[0]);
  assert.deepEqual(made.sort(), by('1 create', '2 create'));
  const [update] = await entries('?object_id=1&kind=update&limit=1&offset=1');
  assert.deepEqual([update.before.priority, update.after.priority, update.via, update.db_role], [1, 5, 'sql', role]);
  // A name that a session claims does not hide the logged-in role.
  const other = new pg.Client(Object.assign(new URL(database.url), { username: role, password: 'secret' }).href);
  await other.connect();
  await other.query(`SET tokligence.actor = 'admin@local'`);
  await other.query(`${insert} ('d*', 3, 'prefix')`);
  await other.end();
  const [claimed] = await entries();
  assert.deepEqual([claimed.actor, claimed.db_role], ['admin@local', role]);
});

const dropRole = async (database: TestDatabase, role: string): Promise<void> => {
  const server = Object.assign(new URL(database.url), { pathname: '/postgres' });
  const client = new pg.Client(server.href);
  await client.connect();
  await client.query(`DROP ROLE ${role}`);
  await client.end();
};

test('the name of a caller holds for one transaction, also where connections are used again', async t => {
  const { url: at, query } = await freshDatabase(t);
  const { db, close } = openPostgres(at, { maxConnections: 1 });
  t.after(close);
  const add = (where: Kysely<Database>, key: string) =>
    where.insertInto('api_key_priority_config').values({ key, value: '1', description: null }).execute();
  await recorded(db, { actor: 'admin@local', lock: 'mappings' }, trx => add(trx, 'default_priority'));
  await add(db, 'cache_ttl_sec');
  const rows = await query(
    'SELECT object_id, via, actor = db_role AS is_role FROM api_key_priority_history ORDER BY id',
  );
  assert.deepEqual(rows, [
    { object_id: 'default_priority', via: 'api', is_role: false },
    { object_id: 'cache_ttl_sec', via: 'sql', is_role: true },
  ]);
});

test('the history is filtered by object, actor, kind and time, and read in pages', async t => {
  const { admin, entries, database } = await arrange(t);
  for (const pattern of ['a*', 'b*', 'c*']) await admin('POST', url, { ...prod, pattern });
  await admin('PUT', `${url}/2`, { priority: 5 });
  await admin('PUT', config, { default_priority: 5 });
  await database.query(`UPDATE api_key_priority_mappings SET priority = 6 WHERE id = 3`);
  const ids = async (query: string) => (await entries(query)).map(({ id }) => id);
  assert.deepEqual(await ids(''), [6, 5, 4, 3, 2, 1]);
  assert.deepEqual(await ids('?object=setting'), [5]);
  assert.deepEqual(await ids('?object=mapping&object_id=2'), [4, 2]);
  assert.deepEqual(await ids('?kind=update'), [6, 4]);
  assert.deepEqual(await ids('?actor=admin@local&kind=update'), [4]);
  assert.deepEqual(await ids('?limit=2&before_id=5'), [4, 3]);
  assert.deepEqual(await ids('?limit=2&offset=3'), [3, 2]);
  const { at } = (await entries('?limit=1'))[0];
  assert.deepEqual(await ids(`?from=${encodeURIComponent(at)}`), [6]);
  const early = await ids(`?to=${at}`);
  assert.ok(!early.includes(6) && early.includes(1), String(early));
  const { body } = await admin('GET', `${past}?object=mapping&limit=1&before_id=6`);
  assert.deepEqual([body.total, body.history.length], [5, 1]);
  assert.deepEqual(await ids('?object_id=nobody'), []);
});

test('a filter with an impossible value is refused by its name', async t => {
  const { admin } = await arrange(t);
  const refused = async (query: string, param: string) => {
    const { status, body } = await admin('GET', past + query);
    assert.deepEqual([status, body.error.param], [400, param], query);
  };
  await refused('?object=row', 'object');
  await refused('?kind=change', 'kind');
  await refused('?from=yesterday', 'from');
  await refused('?to=2026-02-30T00:00:00Z', 'to');
  await refused('?before_id=0', 'before_id');
  await refused('?limit=1001', 'limit');
  await refused('?page=2', 'page');
  assert.equal((await admin('POST', `${past}/x/restore`)).status, 400);
  assert.equal((await admin('POST', `${past}/99/restore`)).status, 404);
});

test('an entry restores its object, a deleted row with its id, and is itself an entry', async t => {
  const { admin, entries, restore, chat, createKey, told } = await arrange(t);
  const key = await createKey('prod');
  await admin('PUT', config, { enabled: true });
  const { body: made } = await admin('POST', url, prod);
  const { body: changed } = await admin('PUT', `${url}/1`, { priority: 4, tenant_name: 'Production' });
  await admin('DELETE', `${url}/1`);
  const [removal, update, creation] = await entries('?object=mapping');
  const get = async () => (await admin('GET', `${url}/1`)).body;
  const level = async () => (await chat(key)).headers.get('x-tokligence-priority');

  const back = await restore(update.id);
  assert.equal(back.status, 200);
  assert.equal(back.body.message, `The mapping 1 is as it was after entry ${update.id}.`);
  assert.deepEqual(withoutUpdate(await get()), withoutUpdate(changed));
  assert.equal(await level(), '4');
  assert.deepEqual(
    [back.body.entry.kind, back.body.entry.restores, back.body.entry.actor],
    ['create', update.id, 'admin@local'],
  );

  await restore(creation.id);
  assert.deepEqual(withoutUpdate(await get()), withoutUpdate(made));
  assert.equal(await level(), '0');
  const again = await restore(creation.id);
  assert.deepEqual([again.status, again.body.entry], [200, null]);

  await restore(removal.id);
  assert.equal((await admin('GET', `${url}/1`)).status, 404);
  assert.equal(await level(), '7');
  assert.deepEqual((await told('?object=mapping')).slice(0, 3), [
    'mapping 1 delete by admin@local',
    'mapping 1 update by admin@local',
    'mapping 1 create by admin@local',
  ]);
  // A restore is an entry like any other: it can be restored too.
  const [, , restoring] = await entries('?object=mapping');
  await restore(restoring.id);
  assert.deepEqual(withoutUpdate(await get()), withoutUpdate(changed));
});

test('settings and settings of pools come back and serve, and what no longer fits is a 409', async t => {
  const { admin, entries, restore } = await arrange(t);
  await admin('PUT', config, { default_priority: 3 });
  await admin('PUT', config, { default_priority: 5 });
  await admin('PUT', config, { default_priority: null });
  const [gone, five, three] = await entries('?object=setting');
  await restore(three.id);
  assert.equal((await admin('GET', config)).body.default_priority, 3);
  await restore(gone.id);
  assert.equal((await admin('GET', config)).body.source.default_priority, 'default');
  await restore(five.id);
  assert.equal((await admin('GET', config)).body.default_priority, 5);

  const pool = '/admin/scheduler/pools/local';
  const reserved = (seats: number) => [seats, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const cap = (seats: number) => [seats, 8, 8, 8, 8, 8, 8, 8, 8, 8];
  assert.equal((await admin('PUT', pool, { reserved: reserved(6) })).status, 200);
  await admin('PUT', pool, { reserved: null });
  assert.equal((await admin('PUT', pool, { cap: cap(2) })).status, 200);
  const [, , reserving] = await entries('?object=pool_setting');
  const refused = await restore(reserving.id);
  assert.deepEqual([refused.status, refused.body.error.code], [409, 'conflict'], JSON.stringify(refused.body));
  await admin('PUT', pool, { cap: null });
  assert.equal((await restore(reserving.id)).status, 200);
  assert.deepEqual((await admin('GET', pool)).body.reserved, reserved(6));
});

test('boosts and schedules are recorded and come back, but not without their mapping or over another', async t => {
  const { admin, entries, restore } = await arrange(t);
  const schedules = '/admin/api-key-priority/schedules';
  const nights = { mapping_id: 1, priority: 3, weekdays: ['mon'], start: '18:00', end: '08:00', zone: 'UTC' };
  await admin('POST', url, prod);
  const boosted = await admin('POST', `${url}/1/boost`, { priority: 0, for: 3600, reason: 'launch' });
  assert.equal(boosted.status, 200, JSON.stringify(boosted.body));
  const planned = await admin('POST', schedules, nights);
  assert.equal(planned.status, 201, JSON.stringify(planned.body));
  await admin('DELETE', `${schedules}/1`);
  await admin('POST', schedules, { ...nights, start: '20:00' });
  const [, , schedule, boost, mapping] = await entries();
  const told = [schedule, boost, mapping].map(one => `${one.object} ${one.object_id} ${one.kind} by ${one.actor}`);
  assert.deepEqual(told, [
    'schedule 1 create by admin@local',
    'boost 1 create by admin@local',
    'mapping 1 create by admin@local',
  ]);
  assert.match(boost.after.until, /Z$/);
  assert.match((await restore(schedule.id)).body.error.message, /overlap schedule 2/);

  await admin('DELETE', `${url}/1`);
  assert.deepEqual((await entries('?limit=3')).map(({ object, kind }) => `${object} ${kind}`).sort(), [
    'boost delete',
    'mapping delete',
    'schedule delete',
  ]);
  for (const { id } of [schedule, boost]) {
    const { status, body } = await restore(id);
    assert.deepEqual(
      [status, body.error.message],
      [409, 'It cannot be restored: there is no mapping 1; restore that first.'],
    );
  }
  for (const { id } of [mapping, boost, schedule]) assert.equal((await restore(id)).status, 200);
  const { body } = await admin('GET', `${url}/1`);
  assert.deepEqual([body.boost.reason, body.effective_priority, body.effective_source], ['launch', 0, 'boost']);
});

test('a pattern that another mapping has by now is a 409, in either spelling', async t => {
  const { admin, entries, restore } = await arrange(t);
  const sha256 = `sha256:${createHash('sha256').update('tok_x').digest('hex')}`;
  await admin('POST', url, prod);
  await admin('POST', url, { ...prod, match_type: 'exact', pattern: sha256 });
  await admin('DELETE', `${url}/1`);
  await admin('DELETE', `${url}/2`);
  const [, , second, first] = await entries();
  await admin('POST', url, prod);
  await admin('POST', url, { ...prod, match_type: 'exact', pattern: 'tok_x' });
  for (const [id, other] of [
    [first.id, 3],
    [second.id, 4],
  ]) {
    const { status, body } = await restore(id);
    assert.deepEqual([status, body.error.message], [409, `Mapping ${other} already has this pattern.`]);
  }
  assert.equal((await entries()).length, 6);
});

test('no key stands in the history in clear, and a row keeps its own spelling when it is restored', async t => {
  const { admin, entries, restore, database } = await arrange(t);
  const key = 'tok_a_key_that_nobody_may_read_0001';
  await admin('POST', url, { ...prod, match_type: 'exact', pattern: key });
  await admin('PUT', `${url}/1`, { priority: 5 });
  const [, creation] = await entries();
  await restore(creation.id);
  assert.equal((await admin('GET', `${url}/1`)).body.pattern, key);
  await admin('PUT', `${url}/1`, { pattern: 'tok_other*', match_type: 'prefix' });
  await admin('DELETE', `${url}/1`);
  const rows = await database.query('SELECT to_jsonb(h)::text AS text FROM api_key_priority_history h');
  assert.ok(rows.every(({ text }) => !text.includes(key)));
  await restore(creation.id);
  const sha256 = `sha256:${createHash('sha256').update(key).digest('hex')}`;
  assert.equal((await admin('GET', `${url}/1`)).body.pattern, sha256);
});

test('a write on an outdated version is refused, with the current and the submitted row', async t => {
  const { admin, url: at } = await arrange(t);
  const made = await send(at, 'POST', url, { body: prod });
  assert.equal(made.etag, made.body.etag);
  const read = await send(at, 'GET', `${url}/1`, {});
  assert.deepEqual([read.etag, read.body], [made.etag, withoutWarnings(made.body)]);
  assert.equal((await admin('GET', url)).body.mappings[0].etag, made.etag);

  const mine = await send(at, 'PUT', `${url}/1`, { body: { priority: 2 }, ifMatch: made.body.etag });
  assert.equal(mine.status, 200);
  assert.notEqual(mine.etag, made.etag);
  const late = await send(at, 'PUT', `${url}/1`, { body: { description: 'late' }, ifMatch: made.body.etag });
  assert.equal(late.status, 412);
  assert.deepEqual([late.body.error.code, late.body.error.param], ['stale', 'If-Match']);
  assert.deepEqual(late.body.current, withoutWarnings(mine.body));
  assert.deepEqual(late.body.submitted, { ...rowOf(mine.body), description: 'late' });
  assert.equal((await send(at, 'DELETE', `${url}/1`, { ifMatch: made.body.etag })).body.submitted, null);

  // A weak ETag as a proxy may make it, in a list, `*`, or missing.
  assert.equal((await send(at, 'PUT', `${url}/1`, { body: {}, ifMatch: `W/${mine.etag}` })).status, 200);
  assert.equal((await send(at, 'PUT', `${url}/1`, { body: {}, ifMatch: `"0", ${mine.etag}` })).status, 200);
  assert.equal((await send(at, 'PUT', `${url}/1`, { body: {}, ifMatch: '*' })).status, 200);
  const bad = await send(at, 'PUT', `${url}/1`, { body: {}, ifMatch: '123' });
  assert.deepEqual([bad.status, bad.body.error.param], [400, 'If-Match']);
  assert.equal((await send(at, 'PUT', `${url}/9`, { body: {}, ifMatch: '"1"' })).status, 404);

  const restored = await send(at, 'POST', `${past}/1/restore`, { ifMatch: made.body.etag });
  assert.deepEqual([restored.status, restored.body.current.priority, restored.body.submitted.priority], [412, 2, 0]);
  assert.equal((await send(at, 'POST', `${past}/1/restore`, { ifMatch: mine.body.etag })).status, 200);
});

test('of admins who edit one row at the same time exactly one comes through', async t => {
  const { database, admin, url: at, entries } = await arrange(t);
  const other = await startGateway(t, { ini, database: database.url });
  const { body } = await admin('POST', url, prod);
  let { etag } = body;
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(
      [at, other.url, at, other.url].map((gateway, n) =>
        send(gateway, 'PUT', `${url}/1`, { body: { description: `${round} ${n}` }, ifMatch: etag }),
      ),
    );
    const through = answers.filter(({ status }) => status === 200);
    assert.equal(through.length, 1);
    const [winner] = through;
    for (const loser of answers.filter(({ status }) => status !== 200)) {
      assert.equal(loser.status, 412);
      assert.equal(loser.body.current.description, winner?.body.description);
    }
    etag = winner?.etag;
  }
  assert.equal((await entries('?kind=update')).length, 5);
});

test('old entries go, the newest stay however old they are', async t => {
  const database = await freshDatabase(t);
  const { db, close } = openPostgres(database.url);
  t.after(close);
  const store = new HistoryStore(db);
  const add = (count: number, days: number) =>
    database.query(
      `INSERT INTO api_key_priority_history (at, actor, via, db_role, object, object_id, kind)
       SELECT now() - make_interval(days => $2), 'a', 'sql', 'a', 'mapping', '1', 'update' FROM generate_series(1, $1)`,
      [count, days],
    );
  const count = async () => (await database.query('SELECT count(*)::int AS n FROM api_key_priority_history'))[0]?.n;
  const keep = { mostEntries: 300, leastEntries: 100, days: 90 };
  assert.equal(await store.prune(keep), 0);
  await add(150, 91);
  assert.equal(await store.prune(keep), 50);
  await add(100, 89);
  assert.equal(await store.prune(keep), 100);
  assert.equal(await count(), 100);
  await add(250, 1);
  assert.equal(await store.prune(keep), 50);
  assert.equal(await count(), 300);
});
