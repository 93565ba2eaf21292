import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { answerOf } from '../../src/db/answered.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { systemClock } from '../../src/domain/clock.ts';
import type { Classifiable } from '../../src/domain/vocabulary.ts';
import { MappingRates } from '../../src/observed/mapping-rates.ts';
import { RaisedRequests } from '../../src/observed/raised-requests.ts';
import { createInspector, createMapper, createMappingList, type NewMapping } from '../../src/priority/priority.ts';
import { freshDatabase, privateServer, type TestDatabase } from '../support/postgres.ts';
import { prioritySettings } from '../support/priority-settings.ts';
import { until } from '../support/until.ts';

const settings = prioritySettings();

/** A mapper that serves from this database, and its log. */
async function startMapper(t: TestContext, { url }: Pick<TestDatabase, 'url'>) {
  const said: string[] = [];
  const events = {
    requestEnded: () => {},
    keyMapped: () => {},
    keyShadowed: () => {},
    externalMayRaise: () => {},
    mappingsReloaded: () => {},
    mappingsReloadFailed: () => said.push('reload failed'),
    mappingAdded: (mapping: object) => said.push(`added ${JSON.stringify(mapping)}`),
    moreMappingsFaulty: (count: number) => said.push(`${count} more faulty`),
    mappingFaulty: ({ id, reason }: { id: number; reason: string }) => said.push(`faulty ${id}: ${reason}`),
    timingFaulty: () => {},
    mappingBoosted: () => {},
    prioritiesTurned: () => {},
    settingFaulty: ({ key }: { key: string }) => said.push(`setting ${key}`),
    info: () => {},
    warn: () => {},
    error: (message: string) => said.push(message),
  };
  const { db, close } = openPostgres(url);
  const mapper = createMapper({ db, settings, clock: systemClock, events });
  t.after(async () => {
    await mapper.stop();
    await close();
  });
  await mapper.start();
  const keys = { ownerOf: async () => null, knownKeys: async function* () {} };
  const inspector = createInspector({ mapper, db, clock: systemClock, events, keys });
  t.after(() => inspector.stop());
  const rates = new MappingRates(systemClock);
  const mappingList = createMappingList({
    mapper,
    inspector,
    rates,
    raised: new RaisedRequests(),
    db,
    clock: systemClock,
  });
  return { mapper, mappingList, said };
}

async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  return { database, ...(await startMapper(t, database)) };
}

const request = (key: string): Classifiable => ({
  identity: { keyId: 1, userId: 2, role: 'gateway_user' },
  key,
  asked: undefined,
});

const prod: NewMapping = { pattern: 'tok_prod*', priority: 0, match_type: 'prefix' };
/** A mapping without a boost or schedule. */
const untimed = (priority: number) => ({ boost: null, effective_priority: priority, effective_source: 'row' });
const sha256 = (key: string) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

test('a mapping serves as soon as it is created, changed or deleted', async t => {
  const { mapper, said } = await arrange(t);
  const tenant = { tenant_id: 'dept-prod', tenant_name: 'Production', tenant_type: 'internal' } as const;
  const {
    id,
    created_at,
    updated_at,
    etag: _version,
    ...row
  } = await mapper.create({ ...prod, ...tenant }, 'admin@local');
  const expected = {
    ...prod,
    ...tenant,
    description: null,
    enabled: true,
    created_by: 'admin@local',
    fault: null,
    ...untimed(0),
  };
  assert.deepEqual(row, expected);
  assert.equal(created_at, updated_at);
  assert.deepEqual(mapper.classify(request('tok_prod_1')), {
    level: 0,
    source: 'mapping',
    flowId: 'dept-prod',
    mappingId: id,
    isRaised: false,
  });
  const added = { tenantId: 'dept-prod', tenantType: 'internal', pattern: 'tok_prod*', exact: false, priority: 0 };
  assert.deepEqual(said, [`added ${JSON.stringify(added)}`]);

  const changed = await mapper.update(id, { priority: 4, tenant_name: null });
  assert.deepEqual([changed.priority, changed.tenant_name, changed.tenant_id], [4, null, 'dept-prod']);
  assert.ok(changed.updated_at > updated_at);
  assert.equal(changed.created_at, created_at);
  assert.equal(mapper.classify(request('tok_prod_1')).level, 4);

  await mapper.update(id, { enabled: false });
  assert.equal(mapper.classify(request('tok_prod_1')).level, 7);
  await mapper.update(id, { enabled: true });
  assert.equal(mapper.classify(request('tok_prod_1')).level, 4);
  await mapper.remove(id);
  assert.equal(mapper.match('tok_prod_1'), null);
});

test('one pattern has one mapping, whichever way an exact key is spelled', async t => {
  const { mapper, database } = await arrange(t);
  const exact = (pattern: string): NewMapping => ({ pattern, priority: 1, match_type: 'exact' });
  const { id } = await mapper.create(exact('tok_a'), 'admin');
  const other = await mapper.create(exact(sha256('tok_b')), 'admin');
  const conflict = (mapping: number) => ({
    code: 'conflict',
    param: 'pattern',
    message: RegExp(`^Mapping ${mapping} `),
  });
  await assert.rejects(mapper.create(exact('tok_a'), 'admin'), conflict(id));
  await assert.rejects(mapper.create({ ...prod, pattern: 'tok_a' }, 'admin'), conflict(id));
  await assert.rejects(mapper.create(exact(sha256('tok_a')), 'admin'), conflict(id));
  await assert.rejects(mapper.create(exact(`sha256:${sha256('tok_a').slice(7).toUpperCase()}`), 'admin'), conflict(id));
  await assert.rejects(mapper.create(exact('tok_b'), 'admin'), conflict(other.id));
  await assert.rejects(mapper.update(other.id, { pattern: 'tok_a' }), conflict(id));
  // The same pattern again, and its other spelling, do not conflict with themselves.
  await mapper.update(id, { pattern: 'tok_a', priority: 2 });
  assert.equal((await mapper.update(id, { pattern: sha256('tok_a') })).pattern, sha256('tok_a'));
  assert.equal(mapper.classify(request('tok_a')).level, 2);
  const [row] = await database.query('SELECT count(*)::int AS rows FROM api_key_priority_mappings');
  assert.equal(row?.rows, 2);
});

test('of both spellings created at the same time one is refused', async t => {
  const { mapper } = await arrange(t);
  const keys = Array.from({ length: 5 }, (_, n) => `tok_${n}`);
  const created = await Promise.allSettled(
    keys
      .flatMap(key => [key, sha256(key)])
      .map(pattern => mapper.create({ ...prod, match_type: 'exact', pattern }, 'admin')),
  );
  assert.equal(created.filter(({ status }) => status === 'fulfilled').length, 5);
  assert.equal((await mapper.reload()).usable, 5);
});

const badFields: [Partial<NewMapping>, string][] = [
  [{ pattern: '' }, 'pattern'],
  [{ pattern: 'x'.repeat(513) }, 'pattern'],
  [{ pattern: 'tok\0' }, 'pattern'],
  [{ pattern: '(', match_type: 'regex' }, 'pattern'],
  [{ pattern: 'a{101}', match_type: 'regex' }, 'pattern'],
  [{ pattern: 'sha256:abc', match_type: 'exact' }, 'pattern'],
  [{ priority: 10 }, 'priority'],
  [{ priority: -1 }, 'priority'],
  [{ priority: 1.5 }, 'priority'],
  [{ tenant_id: '' }, 'tenant_id'],
  [{ tenant_id: 'a\nb' }, 'tenant_id'],
  [{ tenant_id: 'x'.repeat(256) }, 'tenant_id'],
  [{ tenant_name: '\0' }, 'tenant_name'],
  [{ description: '\0' }, 'description'],
];

test('bad fields are refused by name, on create and on update, and nothing is stored', async t => {
  const { mapper, mappingList } = await arrange(t);
  const { id } = await mapper.create(prod, 'admin');
  for (const [fields, param] of badFields) {
    await assert.rejects(mapper.create({ ...prod, pattern: 'tok_other*', ...fields }, 'admin'), {
      code: 'invalid_request',
      param,
    });
    await assert.rejects(mapper.update(id, fields), { code: 'invalid_request', param });
  }
  const { mappings, total } = await mappingList.list({ limit: 10, offset: 0 });
  assert.equal(total, 1);
  assert.equal(mappings[0]?.pattern, prod.pattern);
});

test('a new match type is checked against the pattern that is there', async t => {
  const { mapper } = await arrange(t);
  const { id } = await mapper.create({ ...prod, pattern: '*(', match_type: 'suffix' }, 'admin');
  await assert.rejects(mapper.update(id, { match_type: 'regex' }), { code: 'invalid_request', param: 'pattern' });
  assert.equal(mapper.match('tok(')?.id, id);
});

test('an unknown id is not found, however large', async t => {
  const { mapper } = await arrange(t);
  for (const id of [1, 0, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
    await assert.rejects(mapper.update(id, { priority: 1 }), { code: 'not_found' });
    await assert.rejects(mapper.remove(id), { code: 'not_found' });
  }
});

test('a row written by hand serves like any other, and a faulty one is shown, said and mendable', async t => {
  const { mapper, mappingList, database, said } = await arrange(t);
  await database.query(`INSERT INTO api_key_priority_mappings (pattern, priority, match_type, tenant_type)
    VALUES ('tok_hand*', 3, 'prefix', 'Partner'), ('(', 0, 'regex', 'internal'), (repeat('x', 600), 0, 'prefix', null)`);
  assert.deepEqual(Object.entries(await mapper.reload()).slice(0, 3), [
    ['usable', 1],
    ['internalTenants', 0],
    ['externalTenants', 0],
  ]);
  assert.equal(mapper.classify(request('tok_hand_1')).level, 3);
  const { mappings } = await mappingList.list({ limit: 10, offset: 0 });
  assert.deepEqual(
    mappings.map(({ id, fault }) => [id, fault?.slice(0, 20) ?? null]),
    [
      [2, 'not a regular expres'],
      [3, 'a pattern has 1 to 5'],
      [1, null],
    ],
  );
  assert.equal(said.length, 2);
  assert.deepEqual([mapper.status().size, mapper.status().usable, mapper.status().faulty], [3, 1, 2]);
  // Neither field makes the faulty row worse.
  assert.match((await mapper.update(2, { enabled: false, priority: 5 })).fault ?? '', /RE2/);
  assert.match((await mappingList.list({ enabled: false, limit: 1, offset: 0 })).mappings[0]?.fault ?? '', /RE2/);
  assert.equal((await mapper.update(2, { pattern: '^tok', enabled: true })).fault, null);
  assert.equal(mapper.classify(request('tok_other')).level, 5);
  assert.equal(said.length, 2);
});

test('the list filters, counts all that match and pages in the order priority, id', async t => {
  const { mappingList, database } = await arrange(t);
  await database.query(`INSERT INTO api_key_priority_mappings (pattern, priority, match_type, tenant_id, tenant_type, enabled)
    SELECT 'tok_' || n, n % 3, 'prefix', 'tenant-' || n % 2, CASE n % 2 WHEN 0 THEN 'internal' ELSE 'external' END, n > 2
    FROM generate_series(1, 12) n`);
  const ids = async (filter: object, limit = 100, offset = 0) => {
    const { mappings, total } = await mappingList.list({ ...filter, limit, offset });
    return [mappings.map(({ id }) => id), total];
  };
  assert.deepEqual(await ids({}), [[3, 6, 9, 12, 1, 4, 7, 10, 2, 5, 8, 11], 12]);
  assert.deepEqual(await ids({}, 2, 3), [[12, 1], 12]);
  assert.deepEqual(await ids({}, 5, 50), [[], 12]);
  assert.deepEqual(await ids({ tenant_type: 'internal', priority: 0 }), [[6, 12], 2]);
  assert.deepEqual(await ids({ tenant_id: 'tenant-1', enabled: false }), [[1], 1]);
  assert.deepEqual(await ids({ tenant_id: 'nobody' }), [[], 0]);
  assert.deepEqual(await ids({ tenant_id: 'a\0b' }), [[], 0]);
});

test('a snapshot holds every enabled row, over many pages', async t => {
  const { mapper, database } = await arrange(t);
  await database.query(`INSERT INTO api_key_priority_mappings (pattern, priority, match_type, tenant_id, tenant_type, enabled)
    SELECT 'tok_' || n || '_', n % 10, 'prefix', 'tenant-' || n, 'external', n % 100 <> 0 FROM generate_series(1, 2000) n`);
  const { usable, externalTenants } = await mapper.reload();
  assert.deepEqual([usable, externalTenants], [1980, 1980]);
  for (let n = 1; n <= 2000; n++)
    assert.equal(mapper.classify(request(`tok_${n}_x`)).level, n % 100 === 0 ? 7 : n % 10, `tok_${n}`);
});

test('settings written at run time win, are told apart by source, and null gives way again', async t => {
  const { mapper, database, said } = await arrange(t);
  await mapper.create({ ...prod, priority: 2 }, 'admin');
  const put = await mapper.putSettings({ enabled: false, default_priority: 5, x_priority: 'lower' });
  assert.deepEqual(put, {
    enabled: { value: false, source: 'database' },
    default_priority: { value: 5, source: 'database' },
    cache_ttl_sec: { value: 300, source: 'default' },
    x_priority: { value: 'lower', source: 'database' },
    mode: { value: 'enforce', source: 'default' },
  });
  assert.deepEqual(mapper.settings(), put);
  assert.deepEqual(mapper.classify({ ...request('tok_prod_1'), asked: '1' }).level, 5);
  const reset = await mapper.putSettings({ enabled: null, default_priority: null, x_priority: null });
  assert.deepEqual(reset, settings);
  assert.equal(mapper.classify(request('tok_prod_1')).level, 2);
  await assert.rejects(mapper.putSettings({ enabled: false, default_priority: 10 }), { param: 'default_priority' });
  assert.deepEqual(await database.query('SELECT * FROM api_key_priority_config'), []);

  await database.query(
    `INSERT INTO api_key_priority_config (key, value) VALUES ('enabled', 'maybe'), ('default_priority', '9')`,
  );
  await mapper.reload();
  assert.deepEqual(mapper.settings().default_priority, { value: 9, source: 'database' });
  assert.deepEqual(mapper.settings().enabled, settings.enabled);
  assert.deepEqual(said.slice(1), ['setting enabled']);
});

test('while the database is away the snapshot serves, admins are told 503, and what changed serves when it is back', async t => {
  const server = await privateServer(t);
  const { pool, close } = openPostgres(server.url);
  await migratePostgres(pool);
  await close();
  const { mapper, mappingList, said } = await startMapper(t, server);
  await mapper.create({ ...prod, priority: 2 }, 'admin');
  await server.stop();
  mapper.changed();
  await until(() => mapper.status().degraded);
  assert.ok(said.includes('reload failed'));
  assert.equal(mapper.classify(request('tok_prod_1')).level, 2);
  const away = { code: 'unavailable', retryAfterSec: 1 };
  const told = (asking: Promise<unknown>) =>
    asking.catch(error => {
      throw answerOf(error, {});
    });
  await assert.rejects(told(mapper.create({ ...prod, pattern: 'tok_x' }, 'admin')), away);
  await assert.rejects(told(mappingList.list({ limit: 1, offset: 0 })), away);
  await assert.rejects(told(mapper.reload()), away);
  await server.start();
  await until(() => !mapper.status().degraded);
  await server.query('UPDATE api_key_priority_mappings SET priority = 1');
  mapper.changed();
  await until(() => mapper.classify(request('tok_prod_1')).level === 1);
});
