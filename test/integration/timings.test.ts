import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const iniOf = (upstream: string) =>
  `[api_key_priority]\nenabled = true\n[provider.local]\ntype = openai\nbase_url = ${upstream}/v1\napi_key = k\n`;
const mappings = '/admin/api-key-priority/mappings';
const schedules = '/admin/api-key-priority/schedules';
/** A Friday, 17:00 in Singapore. */
const friday = Date.parse('2026-11-27T09:00:00Z');
const hourMs = 3_600_000;

/** A gateway on this database with a clock that the test advances. */
async function open(t: TestContext, { url }: Pick<TestDatabase, 'url'>, epochMs = friday) {
  const clock = new ManualClock(epochMs);
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: iniOf(upstream.url), database: url, overrides: { clock } });
  const levelOf = async (key: string) => {
    const answer = await gateway.chat(key);
    await answer.arrayBuffer();
    return answer.headers.get('x-tokligence-priority');
  };
  const shown = async () => {
    const { body } = await gateway.admin('GET', `${mappings}/1`);
    return [body.priority, body.effective_priority, body.effective_source, body.boost?.reason ?? null];
  };
  return { ...gateway, clock, levelOf, shown };
}

async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  const gateway = await open(t, database);
  const mapping = { pattern: 'tok_ext*', priority: 5, match_type: 'prefix', tenant_id: 'ext', tenant_type: 'external' };
  await gateway.admin('POST', mappings, mapping);
  return { database, ...gateway, key: await gateway.createKey('ext') };
}

const nights = {
  mapping_id: 1,
  priority: 3,
  weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'],
  start: '18:00',
  end: '08:00',
  zone: 'Asia/Singapore',
};

test('a boost wins over a schedule, that over the row, and each ends by itself at its moment', async t => {
  const { admin, clock, levelOf, shown, key } = await arrange(t);
  assert.equal((await admin('POST', schedules, nights)).status, 201);
  const { status, body } = await admin('POST', `${mappings}/1/boost`, { priority: 0, for: 7_200, reason: 'Launch' });
  const boost = { priority: 0, until: '2026-11-27T11:00:00.000Z', reason: 'Launch', created_by: 'admin@local' };
  assert.deepEqual([status, body.boost, body.priority], [200, boost, 5]);
  assert.equal(await levelOf(key), '0');
  const boosted = async () => (await admin('GET', '/admin/scheduler/stats')).body.boosts;
  const until = '2026-11-27T11:00:00.000Z';
  assert.deepEqual(await boosted(), [{ mapping_id: 1, tenant_id: 'ext', own_priority: 5, priority: 0, until }]);
  clock.advance(2 * hourMs - 1);
  assert.deepEqual([await levelOf(key), await shown()], ['0', [5, 0, 'boost', 'Launch']]);
  clock.advance(1);
  assert.deepEqual([await levelOf(key), await shown()], ['3', [5, 3, 'schedule', null]]);
  assert.deepEqual(await boosted(), []);
  // 08:00 on Saturday in Singapore.
  clock.advance(13 * hourMs - 1);
  assert.equal(await levelOf(key), '3');
  clock.advance(1);
  assert.deepEqual([await levelOf(key), await shown()], ['5', [5, 5, 'row', null]]);
  // Until 18:00 on Monday, beyond the TTL and without requests.
  clock.advance(58 * hourMs - 1);
  assert.equal(await levelOf(key), '5');
  clock.advance(1);
  assert.equal(await levelOf(key), '3');
});

test('a boost that is ended is over with the next request, and a mapping without one has none to end', async t => {
  const { admin, levelOf, clock, key } = await arrange(t);
  const until8 = { priority: 1, until: '2026-11-27T20:00:00+08:00', reason: 'Demo' };
  assert.equal((await admin('POST', `${mappings}/1/boost`, until8)).body.boost.until, '2026-11-27T12:00:00.000Z');
  assert.equal(await levelOf(key), '1');
  assert.equal((await admin('DELETE', `${mappings}/1/boost`)).status, 200);
  assert.equal(await levelOf(key), '5');
  for (const id of [1, 99]) assert.equal((await admin('DELETE', `${mappings}/${id}/boost`)).status, 404);
  assert.equal((await admin('POST', `${mappings}/99/boost`, until8)).status, 404);
  await admin('POST', `${mappings}/1/boost`, { ...until8, until: undefined, for: 1 });
  clock.advance(1_000);
  assert.equal((await admin('DELETE', `${mappings}/1/boost`)).status, 404);
  // Deleting a mapping deletes its boost, even if the mapping is restored under its ID.
  await admin('POST', `${mappings}/1/boost`, until8);
  assert.equal((await admin('DELETE', `${mappings}/1`)).status, 200);
});

const badBoosts: [object, string][] = [
  [{ reason: 'r' }, 'priority'],
  [{ priority: 10, for: 60, reason: 'r' }, 'priority'],
  [{ priority: 0, reason: 'r' }, 'until'],
  [{ priority: 0, for: 60, until: '2026-11-28T00:00:00Z', reason: 'r' }, 'until'],
  [{ priority: 0, for: 0, reason: 'r' }, 'for'],
  [{ priority: 0, for: 1.5, reason: 'r' }, 'for'],
  [{ priority: 0, for: 31 * 86_400 + 1, reason: 'r' }, 'for'],
  [{ priority: 0, until: '2026-11-28T00:00:00', reason: 'r' }, 'until'],
  [{ priority: 0, until: '2026-11-31T00:00:00Z', reason: 'r' }, 'until'],
  [{ priority: 0, until: '2026-11-27T09:00:00Z', reason: 'r' }, 'until'],
  [{ priority: 0, until: '2027-11-27T09:00:00Z', reason: 'r' }, 'until'],
  [{ priority: 0, for: 60 }, 'reason'],
  [{ priority: 0, for: 60, reason: ' ' }, 'reason'],
  [{ priority: 0, for: 60, reason: 'x'.repeat(501) }, 'reason'],
  [{ priority: 0, for: 60, reason: 'a\nb' }, 'reason'],
];

const badSchedules: [object, string][] = [
  [{ priority: 10 }, 'priority'],
  [{ weekdays: [] }, 'weekdays'],
  [{ weekdays: ['mon', 'mon'] }, 'weekdays'],
  [{ weekdays: ['noday'] }, 'weekdays'],
  [{ start: '24:00' }, 'start'],
  [{ end: '8:00' }, 'end'],
  [{ zone: '+08:00' }, 'zone'],
  [{ zone: 'Asia/Atlantis' }, 'zone'],
];

test('a bad boost or schedule is a 400 that names the field, and nothing is stored', async t => {
  const { admin, database } = await arrange(t);
  for (const [body, param] of badBoosts) {
    const answer = await admin('POST', `${mappings}/1/boost`, body);
    assert.deepEqual([answer.status, answer.body.error.param], [400, param], JSON.stringify(body));
  }
  for (const [fault, param] of badSchedules) {
    const answer = await admin('POST', schedules, { ...nights, ...fault });
    assert.deepEqual([answer.status, answer.body.error.param], [400, param], JSON.stringify(fault));
  }
  assert.equal((await admin('POST', schedules, { ...nights, mapping_id: 99 })).status, 404);
  const [rows] = await database.query(`SELECT (SELECT count(*) FROM api_key_priority_boosts)
    + (SELECT count(*) FROM api_key_priority_schedules) AS rows`);
  assert.equal(Number(rows?.rows), 0);
});

test('a schedule that would overlap another of its mapping is a 409 that names it, on create and on change', async t => {
  const { admin } = await arrange(t);
  await admin('POST', mappings, { pattern: 'tok_other*', priority: 6, match_type: 'prefix' });
  const created = await admin('POST', schedules, nights);
  const saturday = { ...nights, weekdays: ['sat'], start: '07:00', end: '09:00' };
  const refused = await admin('POST', schedules, saturday);
  assert.equal(refused.status, 409);
  assert.match(refused.body.error.message, new RegExp(`schedule ${created.body.id} `));
  // 23:30 on Friday in UTC is 07:30 on Saturday in Singapore.
  const utc = { ...nights, weekdays: ['fri'], start: '23:30', end: '23:45', zone: 'UTC' };
  assert.equal((await admin('POST', schedules, utc)).status, 409);
  assert.equal((await admin('POST', schedules, { ...saturday, mapping_id: 2 })).status, 201);
  const later = await admin('POST', schedules, { ...saturday, start: '08:00', priority: 2 });
  assert.equal(later.status, 201);
  assert.equal((await admin('PUT', `${schedules}/${later.body.id}`, { start: '07:59' })).status, 409);
  const changed = await admin('PUT', `${schedules}/${later.body.id}`, { end: '10:00', description: 'Weekend' });
  assert.deepEqual([changed.body.start, changed.body.end, changed.body.description], ['08:00', '10:00', 'Weekend']);
  assert.equal((await admin('GET', `${schedules}?mapping_id=1`)).body.total, 2);
  assert.equal((await admin('DELETE', `${schedules}/${later.body.id}`)).status, 200);
  assert.equal((await admin('DELETE', `${schedules}/${later.body.id}`)).status, 404);
  assert.equal((await admin('PUT', `${schedules}/${later.body.id}`, {})).status, 404);
});

test('the preview shows the windows of the next seven days, in UTC and as the clocks of the zone show them', async t => {
  const { admin } = await arrange(t);
  assert.equal((await admin('POST', schedules, nights)).status, 201);
  const { body } = await admin('GET', `${schedules}/preview?mapping_id=1&limit=2`);
  assert.deepEqual([body.from, body.until, body.total], ['2026-11-27T09:00:00.000Z', '2026-12-04T09:00:00.000Z', 5]);
  assert.deepEqual(body.windows[0], {
    schedule_id: 1,
    mapping_id: 1,
    mapping: { pattern: 'tok_ext*', tenant_id: 'ext', tenant_name: null },
    priority: 3,
    start: '2026-11-27T10:00:00.000Z',
    end: '2026-11-28T00:00:00.000Z',
    local_start: '2026-11-27T18:00:00+08:00',
    local_end: '2026-11-28T08:00:00+08:00',
  });
  assert.equal(body.windows[1].start, '2026-11-30T10:00:00.000Z');
});

test('rows by SQL serve like others; one that cannot be used is left out, logged and shown', async t => {
  const { admin, database, levelOf, key, log, clock } = await arrange(t);
  const listed = async () =>
    (await admin('GET', schedules)).body.schedules.map((row: { fault: string | null }) => row.fault);
  const insert = (values: string) =>
    database.query(`INSERT INTO api_key_priority_schedules (mapping_id, priority, weekdays, start_time, end_time, zone)
      VALUES ${values}`);
  await insert(`(1, 2, 'fri', '16:00', '18:00', 'Asia/Singapore'), (1, 4, 'fri', '17:30', '19:00', 'Asia/Singapore'),
    (1, 4, 'someday', '17:30', '19:00', 'UTC'), (99, 4, 'mon', '17:30', '19:00', 'UTC')`);
  clock.advance(1_000);
  await until(async () => {
    clock.advance(100);
    return (await levelOf(key)) === '2';
  });
  const [first, overlap, weekdays, orphan] = await listed();
  assert.deepEqual([first, overlap, orphan], [null, 'overlaps schedule 1', 'there is no mapping 99']);
  assert.match(weekdays, /^weekdays must be/);
  // Log lines are written in batches, by the clock.
  await until(async () => {
    clock.advance(100);
    return log.some(line => line.includes('Skipped schedule 2 of mapping 1: overlaps schedule 1'));
  });
});

test('a boost set on one gateway holds on another, ends on both, and is over for one that was down meanwhile', async t => {
  const { admin, database, clock, levelOf, key, app } = await arrange(t);
  const other = await open(t, database);
  await admin('POST', `${mappings}/1/boost`, { priority: 0, for: 3_600, reason: 'Launch' });
  await until(async () => {
    other.clock.advance(100);
    return (await other.levelOf(key)) === '0';
  });
  assert.deepEqual(await other.shown(), [5, 0, 'boost', 'Launch']);
  clock.advance(hourMs);
  other.clock.advance(hourMs);
  assert.deepEqual([await levelOf(key), await other.levelOf(key)], ['5', '5']);
  await admin('POST', `${mappings}/1/boost`, { priority: 0, for: 3_600, reason: 'Again' });
  await app.stop();
  const within = await open(t, database, friday + 1.5 * hourMs);
  assert.deepEqual([await within.levelOf(key), await within.shown()], ['0', [5, 0, 'boost', 'Again']]);
  await within.app.stop();
  const after = await open(t, database, friday + 2 * hourMs);
  assert.deepEqual([await after.levelOf(key), await after.shown()], ['5', [5, 5, 'row', null]]);
});
