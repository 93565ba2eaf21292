/** Whether the row of a fleet can tell that nobody has brought back an older one. */
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { serverRun } from '../../src/db/postgres/server-run.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { FleetStore } from '../../src/fleet/fleet-store.ts';
import type { Listed } from '../../src/fleet/reign/list.ts';
import type { FleetRow } from '../../src/fleet/reign/row.ts';
import { limitedRole } from '../support/limited-role.ts';
import { freshDatabase, privateServer } from '../support/postgres.ts';

const a: Listed = { id: randomUUID(), name: 'a', url: 'tcp://10.0.0.1:1', version: '1.0.0', since: '' };

function openStore(t: TestContext, url: string, startedRun: string | null = null): FleetStore {
  const { db, close } = openPostgres(url, { maxConnections: 2 });
  t.after(close);
  return new FleetStore({ db, fleet: 'main', ttlMs: 5_000, clock: systemClock, random: randomBytes, startedRun });
}

/** A fleet with a conductor. */
async function reigned(t: TestContext, url: string) {
  const store = openStore(t, url);
  const { isWhole } = await store.read();
  const won = await store.elect({ seen: 0, epoch: 7, candidate: a, provedGone: null, brings: [] });
  assert.ok(won);
  return { store, isWhole, won: won.row };
}

const renewalOf = ({ stamp }: FleetRow, mends = false) => ({ epoch: 7, holder: a.id, stamp, members: [a], mends });

test('a row is whole from when it is made, through every write of a gateway', async t => {
  const { url, query } = await freshDatabase(t);
  const { store, isWhole, won } = await reigned(t, url);
  assert.deepEqual([isWhole, won.isWhole], [true, true]);
  const { row } = await store.renew(renewalOf(won));
  assert.equal(row.isWhole, true);
  await query('VACUUM (FULL, FREEZE) gateway_fleets');
  await query('VACUUM (FREEZE) gateway_fleets');
  assert.equal((await store.read()).isWhole, true);
  await store.release({ epoch: 7, holder: a.id, members: [] });
  assert.equal((await openStore(t, url).read()).isWhole, true);
});

const copies: Readonly<Record<string, string>> = {
  'restored by rows': `CREATE TABLE copy AS SELECT * FROM gateway_fleets; DELETE FROM gateway_fleets;
    INSERT INTO gateway_fleets SELECT * FROM copy`,
  'restored by a table': `CREATE TABLE copy (LIKE gateway_fleets INCLUDING ALL); INSERT INTO copy SELECT * FROM gateway_fleets;
    DROP TABLE gateway_fleets; ALTER TABLE copy RENAME TO gateway_fleets`,
  'written by a gateway of an older version': `UPDATE gateway_fleets SET renewed_at = clock_timestamp()`,
};
for (const [what, statements] of Object.entries(copies)) {
  test(`a row that was ${what} is not whole, and no write makes it so before its conductor says that it has lasted`, async t => {
    const { url, query } = await freshDatabase(t);
    const { store } = await reigned(t, url);
    await query(statements);
    const found = await store.read();
    assert.deepEqual([found.isWhole, found.epoch], [false, 7]);
    const lifted = await store.renew(renewalOf(found));
    assert.deepEqual([lifted.isRenewed, lifted.row.isWhole], [true, false]);
    await store.release({ epoch: 7, holder: a.id, members: [a] });
    const b = { ...a, id: randomUUID() };
    const won = await store.elect({ seen: 7, epoch: 9, candidate: b, provedGone: null, brings: [] });
    assert.equal(won?.row.isWhole, false);
    const { epoch, holder, stamp, members } = won.row;
    const mended = await store.renew({ epoch, holder: holder ?? '', stamp, members, mends: true });
    assert.equal(mended.row.isWhole, true);
    assert.equal((await store.read()).isWhole, true);
  });
}

test('in a copy of the whole database the row is not whole', async t => {
  const server = await privateServer(t);
  const { url, query } = await server.migrated('one');
  const { store, close } = await closable(url);
  await store.elect({ seen: (await store.read()).epoch, epoch: 7, candidate: a, provedGone: null, brings: [] });
  assert.equal((await store.read()).isWhole, true);
  await close();
  await query('SELECT 1');
  await server.query('CREATE DATABASE two TEMPLATE one');
  const copy = openStore(t, url.replace(/one$/, 'two'));
  assert.deepEqual([(await copy.read()).isWhole, (await copy.read()).epoch], [false, 7]);
});

async function closable(url: string) {
  const { db, close } = openPostgres(url, { maxConnections: 1 });
  const parts = { fleet: 'main', ttlMs: 5_000, clock: systemClock, random: randomBytes, startedRun: null };
  return { store: new FleetStore({ db, ...parts }), close };
}

test('once the server was started again the row is whole only for the one that has started it', async t => {
  const server = await privateServer(t);
  const { url, query } = await server.migrated('one');
  const { store } = await reigned(t, url);
  assert.equal((await store.read()).isWhole, true);
  await server.stop();
  await server.start();
  const [now] = await query(`SELECT ${serverRun} AS run`);
  assert.equal((await openStore(t, url).read()).isWhole, false);
  assert.equal((await openStore(t, url, 'another run').read()).isWhole, false);
  const starter = openStore(t, url, now?.run);
  assert.equal((await starter.read()).isWhole, true);
  await query(`CREATE TABLE copy AS SELECT * FROM gateway_fleets; DELETE FROM gateway_fleets;
    INSERT INTO gateway_fleets SELECT * FROM copy`);
  assert.equal((await starter.read()).isWhole, false);
});

test('without the column a fleet works, and no row is whole', async t => {
  const database = await freshDatabase(t);
  await database.query('ALTER TABLE gateway_fleets DROP COLUMN proof');
  const { store, isWhole, won } = await reigned(t, (await limitedRole(t, database)).url);
  const { isRenewed, row } = await store.renew(renewalOf(won, true));
  assert.deepEqual([isWhole, won.isWhole, isRenewed, row.isWhole], [false, false, true, false]);
});

test('what a gateway has written is on the disk, even if the server confirms before by default', async t => {
  const server = await privateServer(t, { synchronous_commit: 'off' });
  const { url, query } = await server.migrated('one');
  await query('CREATE TABLE seen (value TEXT)');
  await query(`CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
    INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END$$`);
  await query('CREATE TRIGGER see AFTER UPDATE ON gateway_fleets FOR EACH ROW EXECUTE FUNCTION see()');
  await reigned(t, url);
  assert.deepEqual(await query('SELECT value FROM seen'), [{ value: 'on' }]);
});
