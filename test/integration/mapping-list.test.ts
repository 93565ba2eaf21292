import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/domain/clock.ts';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[api_key_priority]\nenabled = true\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const base = '/admin/api-key-priority';
const url = `${base}/mappings`;

/** The real time, moved forward by the test, because rates cover minutes. */
function clockWithLead() {
  let leadMs = 0;
  return {
    lead: (ms: number) => {
      leadMs += ms;
    },
    clock: {
      now: () => systemClock.now() + leadMs,
      date: () => new Date(systemClock.date().getTime() + leadMs),
      after: systemClock.after,
    },
  };
}

async function arrange(t: TestContext, overrides = {}) {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url, overrides });
  const { admin } = gateway;
  const insert = async (rows: readonly object[]) => {
    await database.query(
      `INSERT INTO api_key_priority_mappings
         (id, pattern, priority, match_type, tenant_id, tenant_name, tenant_type, description, enabled, updated_at)
       SELECT id, pattern, priority, coalesce(match_type, 'prefix'), tenant_id, tenant_name, tenant_type, description,
         coalesce(enabled, true), coalesce(updated_at, now())
       FROM json_to_recordset($1) AS row(id int, pattern text, priority int, match_type text, tenant_id text,
         tenant_name text, tenant_type text, description text, enabled boolean, updated_at timestamptz)`,
      [JSON.stringify(rows)],
    );
    await admin('POST', `${base}/reload`);
  };
  const list = async (query: string) => {
    const { status, body } = await admin('GET', `${url}?${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const ids = async (query: string) => {
    const { mappings, total } = await list(query);
    return [mappings.map((one: { id: number }) => one.id), total];
  };
  return { ...gateway, database, insert, list, ids };
}

const rows = [
  {
    id: 1,
    pattern: 'tok_b*',
    priority: 5,
    tenant_id: 'acme',
    tenant_name: 'Zeta',
    tenant_type: 'external',
    updated_at: '2026-01-03Z',
  },
  { id: 2, pattern: 'tok_A*', priority: 5, tenant_id: 'berg', tenant_type: 'internal', updated_at: '2026-01-01Z' },
  {
    id: 3,
    pattern: '*_ci',
    priority: 0,
    match_type: 'suffix',
    tenant_id: 'x',
    tenant_name: 'alpha',
    description: '100% of_ci \\ runs',
    updated_at: '2026-01-02Z',
  },
  { id: 4, pattern: 'tok_off*', priority: 9, enabled: false, description: 'ÜBERSEE and café' },
  {
    id: 5,
    pattern: '^tok_[0-9]+$',
    priority: 3,
    match_type: 'regex',
    tenant_name: '生产团队',
    updated_at: '2026-01-04Z',
  },
];

test('the list is searched in four columns, in whatever case, and nothing that is asked for means anything else', async t => {
  const { insert, ids, list } = await arrange(t);
  await insert(rows);
  const found = (text: string) => ids(`sort=id&q=${encodeURIComponent(text)}`);
  assert.deepEqual(await found('tok_a'), [[2], 1]);
  assert.deepEqual(await found('ZETA'), [[1], 1]);
  assert.deepEqual(await found('Berg'), [[2], 1]);
  assert.deepEqual(await found('团队'), [[5], 1]);
  assert.deepEqual(await found('übersee AND CAFÉ'), [[4], 1]);
  assert.deepEqual(await found('Übersee'), [[4], 1]);
  assert.deepEqual(await found('%'), [[3], 1]);
  assert.deepEqual(await found('0% OF_'), [[3], 1]);
  assert.deepEqual(await found('\\'), [[3], 1]);
  assert.deepEqual(await found('tok_'), [[1, 2, 4, 5], 4]);
  assert.deepEqual(await found('tok%'), [[], 0]);
  assert.deepEqual(await found("'; DROP TABLE users --"), [[], 0]);
  assert.deepEqual(await found('acmeZeta'), [[], 0], 'columns do not run together');
  assert.deepEqual(await ids('q=tok_&match_type=prefix&state=enabled&sort=id&order=desc&limit=1&offset=1'), [[1], 2]);
  assert.equal((await list('q=tok_&limit=1&offset=77')).total, 4);
});

test('every sort has an order of its own, both ways, with the id as its last key and what is missing at the end', async t => {
  const { insert, ids } = await arrange(t);
  await insert(rows);
  const orders = {
    priority: [
      [3, 5, 1, 2, 4],
      [4, 1, 2, 5, 3],
    ],
    id: [
      [1, 2, 3, 4, 5],
      [5, 4, 3, 2, 1],
    ],
    pattern: [
      [3, 5, 2, 1, 4],
      [4, 1, 2, 5, 3],
    ],
    match_type: [
      [1, 2, 4, 5, 3],
      [3, 5, 1, 2, 4],
    ],
    tenant: [
      [3, 2, 1, 5, 4],
      [5, 1, 2, 3, 4],
    ],
    tenant_type: [
      [1, 2, 3, 4, 5],
      [2, 1, 3, 4, 5],
    ],
    updated_at: [
      [2, 3, 1, 5, 4],
      [4, 5, 1, 3, 2],
    ],
    requests_per_min: [
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5],
    ],
  };
  for (const [sort, [asc, desc]] of Object.entries(orders)) {
    assert.deepEqual(await ids(`sort=${sort}`), [asc, 5], sort);
    assert.deepEqual(await ids(`sort=${sort}&order=desc`), [desc, 5], `${sort} desc`);
    const pages = await Promise.all([0, 2, 4].map(offset => ids(`sort=${sort}&order=desc&limit=2&offset=${offset}`)));
    assert.deepEqual(
      pages.flatMap(([page]) => page),
      desc,
      `${sort} in pages`,
    );
  }
  assert.deepEqual(await ids(''), [[3, 5, 1, 2, 4], 5]);
});

test('states are those of the row, and what the gateway knows of it', async t => {
  const { insert, ids, list, admin, database } = await arrange(t);
  await insert([
    ...rows,
    { id: 6, pattern: '(', priority: 2, match_type: 'regex' },
    { id: 7, pattern: '((', priority: 2, match_type: 'regex', enabled: false },
  ]);
  assert.deepEqual(await ids('state=enabled&sort=id'), [[1, 2, 3, 5, 6], 5]);
  assert.deepEqual(await ids('state=disabled&sort=id'), [[4, 7], 2]);
  assert.deepEqual(await ids('state=enabled&enabled=false'), [[], 0]);
  assert.deepEqual(await ids('state=faulty'), [[6], 1]);
  assert.deepEqual(await ids('state=boosted'), [[], 0]);
  await admin('POST', `${url}/2/boost`, { priority: 0, for: 60, reason: 'a launch' });
  assert.deepEqual(await ids('state=boosted'), [[2], 1]);
  assert.equal((await list('state=boosted')).mappings[0].boost.reason, 'a launch');
  await admin('DELETE', `${url}/2/boost`);
  await database.query(`INSERT INTO api_key_priority_boosts (mapping_id, priority, until, reason)
    VALUES (1, 0, now() - interval '1 second', 'over')`);
  await admin('POST', `${base}/reload`);
  assert.deepEqual(await ids('state=boosted'), [[], 0]);
});

test('rows that never win are found in the background, anew for every change, in the words of lint', async t => {
  const { insert, list, ids, admin } = await arrange(t);
  await insert([
    { id: 1, pattern: 'tok_ext*', priority: 1 },
    { id: 2, pattern: 'tok_ext_free*', priority: 9 },
    { id: 3, pattern: 'tok_ext_free_more*', priority: 9, enabled: false },
  ]);
  const first = await list('sort=id');
  assert.equal(first.checked_at, null);
  assert.deepEqual(
    first.mappings.map((one: any) => one.never_wins),
    [null, null, null],
  );
  const checked = async () => {
    await until(async () => (await list('limit=1')).checked_at !== null);
    return list('sort=id');
  };
  const { mappings, checked_at } = await checked();
  assert.ok(Math.abs(Date.parse(checked_at) - Date.now()) < 30_000);
  const { findings } = (await admin('GET', `${base}/lint`)).body;
  const { message } = findings.find(({ kind }: { kind: string }) => kind === 'never_wins');
  assert.deepEqual(
    mappings.map((one: any) => one.never_wins),
    [null, { message, by: [1] }, null],
  );
  assert.deepEqual(await ids('state=never_wins'), [[2], 1]);
  assert.equal((await list('limit=1')).checked_at, checked_at, 'it is kept');
  await admin('POST', `${base}/reload`);
  assert.equal((await list('limit=1')).checked_at, checked_at, 'and the rows are the same');

  await admin('PUT', `${url}/2`, { priority: 0 });
  const changed = await list('state=never_wins');
  assert.deepEqual([changed.checked_at, changed.total], [null, 0]);
  assert.deepEqual(
    (await checked()).mappings.map((one: any) => one.never_wins),
    [null, null, null],
  );
  await admin('PUT', `${url}/2`, { priority: 9 });
  await admin('POST', `${url}/2/boost`, { priority: 0, for: 60, reason: 'wins meanwhile' });
  assert.deepEqual(
    (await checked()).mappings.map((one: any) => one.never_wins),
    [null, null, null],
  );
});

test('a sha256 pattern is known by the key it is of', async t => {
  const { insert, list, createKey, chat } = await arrange(t);
  const { createHash } = await import('node:crypto');
  const key = await createKey('prod');
  await (await chat(key)).text();
  const pattern = `sha256:${createHash('sha256').update(key).digest('hex')}`;
  await insert([
    { id: 1, pattern: 'tok_prod*', priority: 1 },
    { id: 2, pattern, priority: 5, match_type: 'exact' },
  ]);
  await until(async () => (await list('limit=1')).checked_at !== null);
  assert.deepEqual(
    (await list('state=never_wins')).mappings.map((one: any) => one.never_wins.by),
    [[1]],
  );
});

test('while the keys cannot be read the look for such rows is tried again after a while, not with every list', async t => {
  const { clock, lead } = clockWithLead();
  const { insert, list, database, log } = await arrange(t, { clock });
  await insert([{ id: 1, pattern: `sha256:${'0'.repeat(64)}`, match_type: 'exact', priority: 1 }]);
  await database.query('ALTER TABLE api_keys RENAME COLUMN expires_at TO away');
  const failures = () => log.filter(line => line.includes('cannot tell which mappings never win')).length;
  const look = async () => (await list('limit=1')).checked_at;
  await until(async () => (await look()) === null && failures() > 0);
  for (let times = 0; times < 5; times++) await look();
  lead(29_000);
  await look();
  assert.equal(failures(), 1);
  await database.query('ALTER TABLE api_keys RENAME COLUMN away TO expires_at');
  lead(1_000);
  await until(async () => (await look()) !== null);
  assert.equal(failures(), 1);
});

test('requests a minute are those of the last five, by mapping, and sort the list', async t => {
  const { clock, lead } = clockWithLead();
  const { insert, list, ids, createKey, chat } = await arrange(t, { clock });
  await insert([
    { id: 1, pattern: 'tok_one*', priority: 1 },
    { id: 2, pattern: 'tok_two*', priority: 2 },
    { id: 3, pattern: 'tok_none*', priority: 3 },
  ]);
  const [one, two, other] = [await createKey('one'), await createKey('two'), await createKey('other')];
  const ask = async (key: string, times: number) => {
    for (let n = 0; n < times; n++) await (await chat(key)).text();
  };
  const rates = async (query = '') =>
    (await list(query)).mappings.map((row: { requests_per_min: number }) => row.requests_per_min);
  await Promise.all([ask(one, 2), ask(two, 6), ask(other, 3)]);
  await until(async () => (await rates('sort=id&offset=1&limit=1'))[0] === 6);
  assert.deepEqual(await rates('sort=id'), [2, 6, 0], 'of the first minute, not of seconds');
  assert.deepEqual(await ids('sort=requests_per_min&order=desc'), [[2, 1, 3], 3]);
  assert.deepEqual(await ids('sort=requests_per_min'), [[3, 1, 2], 3]);
  assert.deepEqual(await ids('sort=requests_per_min&order=desc&priority=1'), [[1], 1]);
  lead(150_000);
  await ask(one, 10);
  await until(async () => (await rates('sort=id'))[0] > 3);
  const [ofOne, ofTwo] = await rates('sort=id');
  assert.ok(ofOne > 3.5 && ofOne <= 4.8 && ofTwo > 1.7 && ofTwo <= 2.4, `${ofOne} ${ofTwo}`);
  lead(200_000);
  const [later, gone] = await rates('sort=id');
  assert.ok(later > 1.7 && later <= 2 && gone === 0, `${later} ${gone}`);
  lead(400_000);
  assert.deepEqual(await rates('sort=id'), [0, 0, 0]);
});

test('the status says what serves and when it is read again', async t => {
  const { insert, admin } = await arrange(t);
  await insert([...rows.slice(0, 3), { id: 6, pattern: '(', priority: 2, match_type: 'regex' }]);
  await admin('PUT', `${base}/config`, { mode: 'shadow', default_priority: 4, cache_ttl_sec: 120 });
  const { status, body } = await admin('GET', `${base}/status`);
  const { loaded_at, next_reload_by, ...rest } = body;
  assert.deepEqual(
    [status, rest],
    [
      200,
      { usable: 3, faulty: 1, degraded: false, enabled: true, mode: 'shadow', default_priority: 4, cache_ttl_sec: 120 },
    ],
  );
  assert.equal(Date.parse(next_reload_by) - Date.parse(loaded_at), 120_000);
  assert.ok(Math.abs(Date.parse(loaded_at) - Date.now()) < 30_000);
  assert.equal((await admin('GET', `${base}/status`, undefined, 'tok_nobody')).status, 401);
});

test('a bad question is refused by the name of its field', async t => {
  const { admin, createKey } = await arrange(t);
  const bad = {
    q: ['', 'x'.repeat(256)],
    state: ['shadow'],
    sort: ['description'],
    order: ['up'],
    match_type: ['glob'],
  };
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      const { status, body } = await admin('GET', `${url}?${name}=${value}`);
      assert.deepEqual([status, body.error.param], [400, name], value);
    }
  }
  assert.equal((await admin('GET', `${url}?q=%00`)).body.error.param, 'q');
  assert.equal((await admin('GET', url, undefined, await createKey())).status, 403);
});

test('Personal has neither list nor status', async t => {
  const { admin } = await startGateway(t, { ini: ini.split('\n').slice(2).join('\n') });
  for (const path of [`${url}?q=a`, `${base}/status`]) assert.equal((await admin('GET', path)).status, 501, path);
});

test('at 100,000 mappings every view answers soon, with the number of all', async t => {
  const { database, admin, list } = await arrange(t);
  const count = 100_000;
  // Without the triggers that record and notify each row; the reload below reads them all.
  await database.query(`
    ALTER TABLE api_key_priority_mappings DISABLE TRIGGER USER;
    INSERT INTO api_key_priority_mappings
      (pattern, priority, match_type, tenant_id, tenant_name, tenant_type, description, enabled)
    SELECT 'tok_' || md5(n::text) || '*', n % 10, 'prefix', 'tenant-' || n, 'Tenant ' || n % 5000,
      CASE n % 2 WHEN 0 THEN 'internal' ELSE 'external' END, 'Of the contract with customer ' || n, n % 50 <> 0
    FROM generate_series(1, ${count}) n;
    ALTER TABLE api_key_priority_mappings ENABLE TRIGGER USER`);
  await admin('POST', `${base}/reload`);
  const last = `limit=100&offset=${count - 100}`;
  const views: [query: string, total: number][] = [
    ['limit=50', count],
    [last, count],
    ['sort=pattern&limit=100', count],
    [`sort=pattern&${last}`, count],
    [`sort=tenant&order=desc&${last}`, count],
    [`sort=updated_at&order=desc&${last}`, count],
    [`sort=requests_per_min&order=desc&${last}`, count],
    ['q=customer&limit=50', count],
    ['q=customer%2077777&limit=50', 1],
    ['q=of%20nobody&limit=50', 0],
    ['state=disabled&priority=0', 2_000],
    ['state=faulty', 0],
  ];
  for (const [query, total] of views) {
    const times: number[] = [];
    for (let round = 0; round < 2; round++) {
      const began = performance.now();
      assert.equal((await list(query)).total, total, query);
      times.push(performance.now() - began);
    }
    // Usually a tenth of a second (bench/mapping-list.ts); this machine may be busy.
    assert.ok(Math.min(...times) < 1_500, `${query}: ${times.map(Math.round)} ms`);
  }
});
