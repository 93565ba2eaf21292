import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { KyselyPlugin } from 'kysely';
import { watchChanges } from '../../src/db/changes/changes.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { FleetStore } from '../../src/fleet/fleet-store.ts';
import type { Listed } from '../../src/fleet/reign/list.ts';
import type { Election } from '../../src/fleet/reign/row.ts';
import { limitedRole } from '../support/limited-role.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { emptyDatabase, freshDatabase, privateServer, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ttlMs = 5_000;

const gateway = (name: string): Listed => ({
  id: randomUUID(),
  name,
  url: `tcp://10.0.0.1:${name.charCodeAt(0)}`,
  version: '1.0.0',
  since: '2026-01-01T00:00:00.000Z',
});

function openStore(t: TestContext, url: string, fleet = 'main', startedRun: string | null = null): FleetStore {
  const { db, close } = openPostgres(url, { maxConnections: 2 });
  t.after(close);
  return new FleetStore({ db, fleet, ttlMs, clock: systemClock, random: randomBytes, startedRun });
}

const electionOf = (candidate: Listed, seen: number, epoch: number, provedGone: string | null = null) => ({
  seen,
  epoch,
  candidate,
  provedGone,
  brings: [],
});

/** A fleet with a conductor. */
async function reigned(t: TestContext, database: TestDatabase) {
  const store = openStore(t, database.url);
  const [a, b] = [gateway('a'), gateway('b')];
  await store.read();
  const won = await store.elect(electionOf(a, 0, 7));
  assert.ok(won);
  const { row } = await store.renew({ epoch: 7, holder: a.id, stamp: won.row.stamp, members: [a, b], mends: false });
  return { store, a, b, row };
}

test('the first who reads makes the row: of no reign, long ago, with a secret that all others find', async t => {
  const { url, query } = await freshDatabase(t);
  const stores = [1, 2, 3, 4].map(() => openStore(t, url));
  const rows = await Promise.all(stores.map(store => store.read()));
  for (const row of rows) {
    assert.deepEqual([row.epoch, row.holder, row.members], [0, null, []]);
    assert.ok(row.ageMs > 1e12);
  }
  const [found] = await query('SELECT secret FROM gateway_fleets');
  assert.equal(found?.secret.length, 32);
  for (const store of stores) assert.deepEqual(Buffer.from(store.secret), found?.secret);
});

test('fleets of one database know nothing of each other', async t => {
  const { url, query } = await freshDatabase(t);
  const [one, other] = [openStore(t, url, 'one'), openStore(t, url, 'other')];
  await Promise.all([one.read(), other.read()]);
  assert.ok(await one.elect(electionOf(gateway('a'), 0, 3)));
  assert.equal((await other.read()).epoch, 0);
  assert.notDeepEqual(one.secret, other.secret);
  assert.deepEqual(await query('SELECT fleet, epoch FROM gateway_fleets ORDER BY 1'), [
    { fleet: 'one', epoch: 3 },
    { fleet: 'other', epoch: 0 },
  ]);
});

test('of many elections at once exactly one succeeds, and is told the list as it was', async t => {
  const { url } = await freshDatabase(t);
  const stores = Array.from({ length: 8 }, () => openStore(t, url));
  await stores[0]?.read();
  const candidates = stores.map((_, at) => gateway(String.fromCharCode(97 + at)));
  const answers = await Promise.all(
    stores.map((store, at) => store.elect(electionOf(candidates[at] ?? gateway('x'), 0, 10 + at))),
  );
  const won = answers.filter(answer => answer !== null);
  assert.equal(won.length, 1);
  assert.deepEqual(won[0]?.before, []);
  const row = await stores[0]?.read();
  assert.equal(row?.epoch, won[0]?.row.epoch);
  assert.equal(row?.stamp, won[0]?.row.stamp);
  assert.equal(row?.members.length, 1);
  assert.equal(row?.holder, row?.members[0]?.id);
});

test('a living reign is left alone, unless its holder is proved gone, or its time is over by the clock of the database', async t => {
  const database = await freshDatabase(t);
  const { store, a, b } = await reigned(t, database);
  assert.equal(await store.elect(electionOf(b, 7, 8)), null);
  assert.equal(await store.elect(electionOf(b, 6, 8, a.id)), null, 'with an epoch that is not the row’s');
  const after = await store.elect(electionOf(b, 7, 8, a.id));
  assert.deepEqual(
    after?.before.map(({ id }) => id),
    [a.id, b.id],
  );
  await database.query(`UPDATE gateway_fleets SET renewed_at = renewed_at - interval '5100 milliseconds'`);
  assert.ok((await store.read()).ageMs > 5_000);
  assert.equal((await store.elect(electionOf(a, 8, 9)))?.row.holder, a.id);
});

test('the row tells where its conductor is reached, and is renewed with each write', async t => {
  const database = await freshDatabase(t);
  const { store, a, b, row } = await reigned(t, database);
  const [stored] = await database.query('SELECT holder, url FROM gateway_fleets');
  assert.deepEqual(stored, { holder: a.id, url: a.url });
  assert.deepEqual(row.members, [a, b]);
  assert.ok(row.ageMs < 1_000);
  const again = await store.renew({ epoch: 7, holder: a.id, stamp: row.stamp, members: [a, b], mends: false });
  assert.equal(again.isRenewed, true);
  assert.notEqual(again.row.stamp, row.stamp);
  assert.deepEqual(await store.read().then(({ stamp }) => stamp), again.row.stamp);
});

test('a renewal that comes late changes nothing, and is told what the row is', async t => {
  const database = await freshDatabase(t);
  const { store, a, b, row } = await reigned(t, database);
  const newer = await store.renew({ epoch: 7, holder: a.id, stamp: row.stamp, members: [a, b], mends: false });
  const late = await store.renew({ epoch: 7, holder: a.id, stamp: row.stamp, members: [a], mends: false });
  assert.equal(late.isRenewed, false);
  assert.deepEqual(late.row.members, [a, b]);
  assert.equal(late.row.stamp, newer.row.stamp);
  await store.elect(electionOf(b, 7, 8, a.id));
  const over = await store.renew({ epoch: 7, holder: a.id, stamp: newer.row.stamp, members: [a], mends: false });
  assert.deepEqual([over.isRenewed, over.row.holder], [false, b.id]);
});

test('two writes of the same moment have different stamps', async t => {
  const database = await freshDatabase(t);
  const { a, row } = await reigned(t, database);
  // A clock that stands still, for this database alone.
  await database.query(`CREATE SCHEMA still; CREATE FUNCTION still.clock_timestamp() RETURNS timestamptz LANGUAGE sql
    AS 'SELECT renewed_at FROM public.gateway_fleets LIMIT 1'`);
  const url = `${database.url}?options=${encodeURIComponent('-c search_path=still,pg_catalog,public')}`;
  const still = openStore(t, url);
  const again = await still.renew({ epoch: 7, holder: a.id, stamp: row.stamp, members: [a], mends: false });
  assert.equal(again.isRenewed, true);
  assert.notEqual(again.row.stamp, row.stamp);
  assert.equal(Math.round((Number(again.row.stamp) - Number(row.stamp)) * 1e6), 1);
});

test('a reign that an older copy of the row forgets is lifted again, with its list', async t => {
  const database = await freshDatabase(t);
  const { store, a, b } = await reigned(t, database);
  await database.query('CREATE TABLE copy AS SELECT * FROM gateway_fleets');
  await store.elect(electionOf(b, 7, 20, a.id));
  const { stamp } = await store.read();
  await database.query('DELETE FROM gateway_fleets; INSERT INTO gateway_fleets SELECT * FROM copy');
  const lifted = await store.renew({ epoch: 20, holder: b.id, stamp, members: [a, b], mends: false });
  assert.equal(lifted.isRenewed, true);
  assert.deepEqual([lifted.row.epoch, lifted.row.holder, lifted.row.members], [20, b.id, [a, b]]);
});

test('a row that is gone is made again by the renewal, with the secret that the fleet knows', async t => {
  const database = await freshDatabase(t);
  const { store, a, row } = await reigned(t, database);
  const secret = Buffer.from(store.secret);
  await database.query('DELETE FROM gateway_fleets');
  const { isRenewed, row: made } = await store.renew({
    epoch: 7,
    holder: a.id,
    stamp: row.stamp,
    members: [a],
    mends: false,
  });
  assert.deepEqual([isRenewed, made.epoch, made.holder], [true, 7, a.id]);
  assert.deepEqual((await database.query('SELECT secret FROM gateway_fleets'))[0]?.secret, secret);
});

test('only its own reign is released, with the list that follows', async t => {
  const database = await freshDatabase(t);
  const { store, a, b } = await reigned(t, database);
  assert.equal(await store.release({ epoch: 6, holder: a.id, members: [b] }), false);
  assert.equal(await store.release({ epoch: 7, holder: b.id, members: [b] }), false);
  assert.equal(await store.release({ epoch: 7, holder: a.id, members: [b, a] }), true);
  const { holder, members } = await store.read();
  assert.deepEqual([holder, members.map(({ id }) => id)], [null, [b.id, a.id]]);
  assert.deepEqual(await database.query('SELECT url FROM gateway_fleets'), [{ url: null }]);
});

test('whoever watches the database hears of an election at once, and not of renewals', async t => {
  const database = await freshDatabase(t);
  const { store, a, b, row } = await reigned(t, database);
  const { pool, close } = openPostgres(database.url);
  t.after(close);
  const changed: string[] = [];
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const watch = watchChanges({
    pool,
    schema: 'public',
    listenUrl: database.url,
    clock: systemClock,
    renew: async () => 'public',
    log,
    onChange: tables => changed.push(...tables),
  });
  t.after(() => watch.stop());
  await until(() => watch.mode === 'listen' && changed.includes('gateway_fleets'));
  const session = await pool.connect();
  const notified: (string | undefined)[] = [];
  session.on('notification', ({ payload }) => notified.push(payload));
  await session.query('LISTEN tokligence_changes');
  changed.length = 0;
  const again = await store.renew({ epoch: 7, holder: a.id, stamp: row.stamp, members: [a, b], mends: false });
  await store.renew({ epoch: 7, holder: a.id, stamp: again.row.stamp, members: [a, b], mends: false });
  await database.query('UPDATE users SET display_name = display_name');
  await until(() => notified.length > 0);
  assert.deepEqual(notified, ['public.users']);
  await store.elect(electionOf(b, 7, 8, a.id));
  await until(() => changed.includes('gateway_fleets') && notified.length > 1);
  assert.deepEqual(notified, ['public.users', 'public.gateway_fleets']);
  session.release(true);
});

test('everybody may not read the secret, whatever the schema gives to everybody', async t => {
  const { url, query } = await emptyDatabase(t);
  await query('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC');
  const { pool, close } = openPostgres(url);
  t.after(close);
  await migratePostgres(pool);
  const mayRead = (table: string) =>
    query(`SELECT has_table_privilege('pg_monitor', '${table}', 'SELECT') AS "mayRead"`).then(([row]) => row?.mayRead);
  assert.equal(await mayRead('users'), true);
  assert.equal(await mayRead('gateway_fleets'), false);
});

test('the role of a gateway needs no more than docs/operate.md grants to it', async t => {
  const database = await freshDatabase(t);
  const { url } = await limitedRole(t, database);
  const store = openStore(t, url);
  await store.read();
  const won = await store.elect(electionOf(gateway('a'), 0, 3));
  assert.ok(won);
  const reign = { epoch: 3, holder: won.row.holder ?? '', members: won.row.members };
  assert.equal((await store.renew({ ...reign, stamp: won.row.stamp, mends: false })).isRenewed, true);
  assert.equal(await store.release(reign), true);
});

test('a role without rights is refused, and nothing is written', async t => {
  const database = await freshDatabase(t);
  const { store } = await reigned(t, database);
  const { url, role } = await limitedRole(t, database);
  await database.query(`REVOKE ALL ON gateway_fleets FROM ${role}`);
  const without = openStore(t, url);
  await assert.rejects(without.read(), /permission denied for table gateway_fleets/);
  await assert.rejects(without.elect(electionOf(gateway('x'), 7, 9)), /permission denied/);
  assert.equal((await store.read()).epoch, 7);
});

test('a row that somebody locks costs a bounded time', async t => {
  const database = await freshDatabase(t);
  const { store, b } = await reigned(t, database);
  const { pool, close } = openPostgres(database.url);
  t.after(close);
  const operator = await pool.connect();
  await operator.query('BEGIN; SELECT * FROM gateway_fleets FOR UPDATE');
  const startedAt = performance.now();
  await assert.rejects(store.elect(electionOf(b, 7, 8)), /lock timeout|statement timeout/);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs > 1_900 && tookMs < 3_500, `${tookMs} ms`);
  // Reading waits for no lock.
  assert.equal((await store.read()).epoch, 7);
  await operator.query('ROLLBACK');
  operator.release();
});

test('a process that is stopped between two statements holds the row for two seconds', async t => {
  const database = await freshDatabase(t);
  const { store, a, b } = await reigned(t, database);
  const { db, close } = openPostgres(database.url);
  const [reached, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stops: KyselyPlugin = {
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      if (result.rows.some(row => 'stamp' in row)) {
        reached.resolve();
        await resumed.promise;
      }
      return result;
    },
  };
  const parts = { fleet: 'main', ttlMs, clock: systemClock, random: randomBytes, startedRun: null };
  const stopped = new FleetStore({ ...parts, db: db.withPlugin(stops) });
  const answer = assert.rejects(stopped.elect(electionOf(a, 7, 9, a.id)));
  await reached.promise;
  assert.ok(await untilElected(store, electionOf(b, 7, 8, a.id)));
  resumed.resolve();
  await answer;
  await close();
  assert.equal((await store.read()).epoch, 8);
});

async function untilElected(store: FleetStore, election: Election): Promise<boolean> {
  for (let tries = 0; tries < 3; tries++) {
    if (
      await store.elect(election).then(
        won => won !== null,
        () => false,
      )
    )
      return true;
  }
  return false;
}

test('a database that says nothing is given up after three seconds', async t => {
  const database = await freshDatabase(t);
  const { b } = await reigned(t, database);
  const [{ pool, close: leave }, { db, close }] = [openPostgres(database.url), openPostgres(database.url)];
  const clock = new ManualClock();
  const store = new FleetStore({ db, fleet: 'main', ttlMs, clock, random: randomBytes, startedRun: null });
  const operator = await pool.connect();
  await operator.query('BEGIN; SELECT * FROM gateway_fleets FOR UPDATE');
  const given = assert.rejects(store.elect(electionOf(b, 7, 8)), /has not answered within 3000 ms/);
  clock.advance(3_000);
  await given;
  assert.equal(clock.pending, 0);
  await operator.query('ROLLBACK');
  operator.release();
  await Promise.all([leave(), close()]);
});

test('a database that is away is told of, and the row is used again once it is back', async t => {
  const server = await privateServer(t);
  const database = await server.migrated('fleet');
  const { store, row } = await reigned(t, database);
  await server.stop();
  await assert.rejects(store.read());
  await server.start();
  await until(() =>
    store.read().then(
      found => found.stamp === row.stamp,
      () => false,
    ),
  );
});

for (const [what, change, told] of [
  ['a list that is none', `members = '{}'`, /members must be array/],
  ['a member without an address', `members = '[{"id":"x"}]'`, /members/],
  ['an empty secret', `secret = ''`, /secret/],
  ['a negative epoch', 'epoch = -1', /epoch must be >= 0/],
] as const) {
  test(`a row that was written by hand is refused with its fault: ${what}`, async t => {
    const database = await freshDatabase(t);
    const { store } = await reigned(t, database);
    await database.query(`UPDATE gateway_fleets SET ${change}`);
    await assert.rejects(store.read(), error => {
      assert.ok(error instanceof Error);
      assert.match(error.message, told);
      assert.match(error.message, /fleet main in gateway_fleets cannot be used/);
      return true;
    });
  });
}

test('a moment that is none is long ago', async t => {
  const database = await freshDatabase(t);
  const { store } = await reigned(t, database);
  await database.query(`UPDATE gateway_fleets SET renewed_at = 'infinity'`);
  assert.ok((await store.read()).ageMs > 1e11);
});
