// Schedules of pool settings, in either edition, over a time that the test advances.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { sqliteFile } from '../../src/db/sqlite/sqlite.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const pool = '/admin/scheduler/pools/main';
const schedules = `${pool}/schedules`;
/** A Friday, 17:00 in Singapore. */
const friday = Date.parse('2026-11-27T09:00:00Z');
const hourMs = 3_600_000;
const ten = (value: number, first = value) => [first, ...Array<number>(9).fill(value)];
const nights = {
  key: 'cap',
  value: ten(1),
  weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'],
  start: '18:00',
  end: '08:00',
  zone: 'Asia/Singapore',
};

const editions = ['Team', 'Personal'] as const;
type Edition = (typeof editions)[number];

/** A gateway of two seats on a clock that the test advances, in front of an upstream that holds its requests. */
async function arrange(t: TestContext, edition: Edition, { sections = '', at = friday, database = '' } = {}) {
  const clock = new ManualClock(at);
  const upstream = await startFakeUpstream(t, { hold: true });
  const url = edition === 'Team' ? database || (await freshDatabase(t)).url : '';
  const ini = poolIni(upstream, { seats: 2, sections });
  const gateway = await startGateway(t, { ini, ...(url ? { database: url } : {}), overrides: { clock } });
  const shown = async () => {
    const { body } = await gateway.admin('GET', pool);
    return [body.cap, body.source.cap];
  };
  const listed = async (): Promise<any[]> => (await gateway.admin('GET', schedules)).body.schedules;
  const create = (fields: object = {}) => gateway.admin('POST', schedules, { ...nights, ...fields });
  return { gateway, admin: gateway.admin, clock, upstream, shown, listed, create, url };
}

for (const edition of editions) {
  test(`${edition}: a setting changes when its window begins and is back at its end, and requests go by it`, async t => {
    const { gateway, clock, upstream, shown, listed, create } = await arrange(t, edition);
    const key = await gateway.createKey();
    assert.equal((await create()).status, 201);
    clock.advance(hourMs - 1);
    const early = [gateway.chat(key), gateway.chat(key)];
    await upstream.waitForActive(2);
    assert.deepEqual(await shown(), [null, 'default']);
    assert.equal((await listed())[0].is_open, false);

    clock.advance(1);
    assert.deepEqual(await shown(), [ten(1), 'schedule']);
    assert.equal((await listed())[0].is_open, true);
    const third = gateway.chat(key);
    await until(async () => (await waitingIn(gateway)) === 1);
    upstream.release(1);
    await until(async () => (await gateway.pool()).in_use === 1);
    assert.equal(await waitingIn(gateway), 1, 'a free seat is over the cap of the night');
    upstream.release(1);
    await upstream.waitForRequests(3);
    upstream.release(1);
    for (const answer of [...early, third]) assert.equal((await answer).status, 200);

    // Until 08:00 on Saturday in Singapore.
    clock.advance(14 * hourMs - 1);
    const late = [gateway.chat(key), gateway.chat(key)];
    await until(async () => (await waitingIn(gateway)) === 1);
    assert.deepEqual(await shown(), [ten(1), 'schedule']);
    clock.advance(1);
    await upstream.waitForActive(2);
    assert.deepEqual(await shown(), [null, 'default']);
    upstream.open();
    for (const answer of late) assert.equal((await answer).status, 200);
    await assertQuiet(gateway, upstream, 2);
  });

  test(`${edition}: schedules are created, listed, changed, previewed and deleted, and act at once`, async t => {
    const { admin, clock, shown, listed, create } = await arrange(t, edition);
    clock.advance(hourMs);
    const { status, body } = await create({ description: 'Nights' });
    const { created_at, updated_at, ...row } = body;
    const about = { id: 1, pool: 'main', description: 'Nights', created_by: 'admin@local', is_open: true, fault: null };
    assert.deepEqual([status, row], [201, { ...nights, ...about }]);
    assert.deepEqual([created_at, updated_at], Array(2).fill('2026-11-27T10:00:00.000Z'));
    assert.deepEqual(await listed(), [body]);
    assert.deepEqual(await shown(), [ten(1), 'schedule']);

    const preview = (await admin('GET', `${schedules}/preview?limit=1`)).body;
    assert.deepEqual(
      [preview.from, preview.until, preview.total],
      ['2026-11-27T10:00:00.000Z', '2026-12-04T10:00:00.000Z', 5],
    );
    assert.deepEqual(preview.windows, [
      {
        ...{ schedule_id: 1, key: 'cap', value: ten(1) },
        ...{ start: '2026-11-27T10:00:00.000Z', end: '2026-11-28T00:00:00.000Z' },
        ...{ local_start: '2026-11-27T18:00:00+08:00', local_end: '2026-11-28T08:00:00+08:00' },
      },
    ]);

    assert.equal((await admin('PUT', `${schedules}/1`, { value: ten(1, 2), description: null })).status, 200);
    assert.deepEqual(await shown(), [ten(1, 2), 'schedule']);
    const later = await admin('PUT', `${schedules}/1`, { start: '18:01' });
    assert.deepEqual([later.body.start, later.body.is_open, later.body.description], ['18:01', false, null]);
    assert.deepEqual(await shown(), [null, 'default']);
    clock.advance(60_000);
    assert.deepEqual(await shown(), [ten(1, 2), 'schedule']);
    assert.equal((await admin('DELETE', `${schedules}/1`)).status, 200);
    assert.deepEqual([await shown(), await listed()], [[null, 'default'], []]);
  });

  test(`${edition}: the window's value goes over a stored one and over the file, and both are back after it`, async t => {
    const { admin, clock, gateway, upstream, shown, create } = await arrange(t, edition, {
      sections: '[pool.main]\npolicy = strict\n',
    });
    assert.equal((await create()).status, 201);
    assert.equal((await create({ key: 'policy', value: 'wfq' })).status, 201);
    assert.equal((await create({ key: 'queue_timeout_sec', value: 1.5 })).status, 201);
    await admin('PUT', pool, { cap: ten(2) });
    assert.deepEqual(await shown(), [ten(2), 'database']);
    clock.advance(hourMs);
    const within = (await admin('GET', pool)).body;
    assert.deepEqual([within.policy, within.queue_timeout_sec, within.cap], ['wfq', ten(1.5), ten(1)]);
    assert.deepEqual([within.source.policy, within.source.weights], ['schedule', 'default']);
    // A value stored while the window is open applies after it.
    assert.deepEqual((await admin('PUT', pool, { cap: ten(2, 1) })).body.source.cap, 'schedule');
    gateway.reload(poolIni(upstream, { seats: 2 }));
    assert.equal((await admin('GET', pool)).body.policy, 'wfq');
    clock.advance(14 * hourMs);
    const after = (await admin('GET', pool)).body;
    assert.deepEqual([after.policy, after.source.policy, after.fault], ['hybrid', 'default', null]);
    assert.deepEqual(await shown(), [ten(2, 1), 'database']);
  });

  test(`${edition}: what overlaps is a 409, what is no schedule a 400 that names the field, what is not there a 404`, async t => {
    const { admin, listed, create } = await arrange(t, edition);
    const first = (await create()).body.id;
    const saturday = { weekdays: ['sat'], start: '07:00', end: '09:00' };
    const refused = await create(saturday);
    assert.equal(refused.status, 409);
    assert.match(refused.body.error.message, new RegExp(`schedule ${first} `));
    assert.equal((await create({ ...saturday, key: 'policy', value: 'strict' })).status, 201);
    const later = await create({ ...saturday, start: '08:00' });
    assert.equal(later.status, 201);
    assert.equal((await admin('PUT', `${schedules}/${later.body.id}`, { start: '07:59' })).status, 409);

    for (const [fault, param] of badFields) {
      const answer = await create({ ...saturday, weekdays: ['sun'], ...fault });
      assert.deepEqual([answer.status, answer.body.error.param], [400, param], JSON.stringify(answer.body));
    }
    assert.equal((await admin('PUT', `${schedules}/${first}`, { value: ten(3) })).body.error.param, 'value');
    assert.equal((await admin('PUT', `${schedules}/${first}`, { key: 'policy' })).body.error.param, 'key');
    assert.equal((await admin('PUT', `${schedules}/x`, {})).status, 400);
    assert.equal((await listed()).length, 3);

    const nobody = '/admin/scheduler/pools/nobody/schedules';
    for (const path of [nobody, `${nobody}/preview`]) assert.equal((await admin('GET', path)).status, 404);
    assert.equal((await admin('POST', nobody, nights)).status, 404);
    for (const path of [`${nobody}/${first}`, `${schedules}/99`]) {
      assert.equal((await admin('PUT', path, {})).status, 404);
      assert.equal((await admin('DELETE', path)).status, 404);
    }
  });

  test(`${edition}: a schedule and a setting that would not fit together are refused, whichever comes second`, async t => {
    const { admin, create } = await arrange(t, edition);
    const burst = { key: 'request_burst', value: 10 };
    const refused = await create(burst);
    assert.deepEqual([refused.status, refused.body.error.param], [400, 'value']);
    assert.equal((await admin('PUT', pool, { requests_per_sec: 5 })).status, 200);
    assert.equal((await create(burst)).status, 201);
    const without = await admin('PUT', pool, { requests_per_sec: null });
    assert.deepEqual([without.status, without.body.error.param], [400, 'requests_per_sec']);
  });
}

const badFields: [object, string][] = [
  [{ key: 'polcy' }, 'key'],
  [{ key: 'seats', value: 3 }, 'key'],
  [{ key: 'constructor' }, 'key'],
  [{ value: ten(3) }, 'value'],
  [{ value: [1, 2] }, 'value'],
  [{ value: null }, 'value'],
  [{ value: 'x'.repeat(501) }, 'value'],
  [{ key: 'policy', value: 'fair' }, 'value'],
  [{ weekdays: [] }, 'weekdays'],
  [{ weekdays: ['mon', 'mon'] }, 'weekdays'],
  [{ start: '24:00' }, 'start'],
  [{ end: '8:00' }, 'end'],
  [{ zone: 'Asia/Atlantis' }, 'zone'],
  [{ zone: '+08:00' }, 'zone'],
  [{ description: 'x'.repeat(2_001) }, 'description'],
  [{ nonsense: 1 }, 'nonsense'],
];

test('a schedule reaches the other gateways of the database, and holds at once in one that starts within its window', async t => {
  const one = await arrange(t, 'Team');
  const other = await arrange(t, 'Team', { database: one.url });
  assert.equal((await one.create()).status, 201);
  await until(async () => {
    other.clock.advance(100);
    return (await other.listed()).length === 1;
  });
  other.clock.advance(hourMs);
  assert.deepEqual(await other.shown(), [ten(1), 'schedule']);
  const within = await arrange(t, 'Team', { database: one.url, at: friday + 2 * hourMs });
  assert.deepEqual(await within.shown(), [ten(1), 'schedule']);
});

test('rows by hand that cannot be used are left out and shown with why, and the others act', async t => {
  const { gateway, clock, listed, shown, admin } = await arrange(t, 'Personal');
  const database = new DatabaseSync(sqliteFile(gateway.dataDir));
  t.after(() => database.close());
  const times = `'fri', '18:00', '20:00', 'Asia/Singapore'`;
  database.exec(`INSERT INTO scheduler_pool_schedules (pool, key, value, weekdays, start_time, end_time, zone) VALUES
    ('main', 'cap', ' 1,1,1,1,1,1,1,1,1,1 ', ${times}), ('main', 'cap', '2,2,2,2,2,2,2,2,2,1', ${times}),
    ('main', 'polcy', 'wfq', ${times}), ('main', 'policy', 'fair', ${times}),
    ('main', 'aimd', 'true', 'someday', '18:00', '20:00', 'UTC'), ('main', 'aimd', '', ${times})`);
  await until(async () => {
    clock.advance(100);
    return (await listed()).length === 6;
  });
  clock.advance(hourMs);
  assert.deepEqual(await shown(), [ten(1), 'schedule']);
  const faults = (await listed()).map(({ fault }) => fault);
  assert.deepEqual(faults.slice(0, 3), [null, 'overlaps schedule 1', '"polcy" is no setting of pools']);
  assert.match(faults[3], /^policy must be strict or wfq or hybrid/);
  assert.match(faults[4], /^weekdays must be/);
  assert.match(faults[5], /^aimd must be/);
  assert.match((await admin('GET', pool)).body.fault, /^schedule 2: overlaps schedule 1; schedule 3: /);
});
