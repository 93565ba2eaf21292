import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Kysely } from 'kysely';
import { migrateSqlite } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import type { Database } from '../../src/db/schema.ts';
import { openSqlite } from '../../src/db/sqlite/sqlite.ts';
import type { Identity } from '../../src/domain/vocabulary.ts';
import { Identities } from '../../src/identity/identity.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase } from '../support/postgres.ts';

const databases: Record<string, (t: TestContext) => Promise<Kysely<Database>>> = {
  async PostgreSQL(t) {
    const { url } = await freshDatabase(t);
    const { db, close } = openPostgres(url);
    t.after(close);
    return db;
  },
  async SQLite(t) {
    const folder = await mkdtemp(join(tmpdir(), 'identity-test-'));
    const { db, close } = openSqlite(join(folder, 'gateway.db'));
    t.after(async () => {
      await close();
      await rm(folder, { recursive: true });
    });
    await migrateSqlite(db);
    return db;
  },
};

const adminEmail = 'admin@local';
const adminKey = 'a-configured-admin-key-0123456789';
const code = (wanted: string) => (error: unknown) => (error as { code: string }).code === wanted;
const fault = (text: RegExp) => (error: unknown) => {
  assert.equal((error as Error).name, 'IdentityFault');
  assert.match((error as Error).message, text);
  return true;
};

for (const [name, open] of Object.entries(databases)) {
  /** Several gateways on one database, each with its own memory. */
  const arrange = async (t: TestContext, matching: (key: string) => number | null = () => null) => {
    const db = await open(t);
    const clock = new ManualClock(Date.now());
    const warnings: string[] = [];
    const say = (message: string) => void warnings.push(message);
    const events = { info: say, warn: say, error: say };
    const gateway = () =>
      new Identities({
        db,
        clock,
        events,
        matching,
        console: { idleMs: 3_600_000, maxMs: 43_200_000 },
        auth: { cacheTtlMs: 30_000, staleMaxMs: 3_600_000 },
      });
    const identities = gateway();
    const root = async (): Promise<Identity> => {
      await identities.ensureAdmin({ adminEmail, adminKey });
      return identities.authenticate(adminKey);
    };
    const users = () => db.selectFrom('users').selectAll().orderBy('id').execute();
    const keys = () => db.selectFrom('api_keys').selectAll().orderBy('id').execute();
    return { db, clock, warnings, gateway, identities, root, users, keys };
  };

  describe(`the first admin, on ${name}`, () => {
    test('has at most four characters of a configured key stored in clear, whatever was stored before', async t => {
      const { db, gateway, keys } = await arrange(t);
      await gateway().ensureAdmin({ adminEmail, adminKey });
      assert.equal((await keys())[0]?.key_prefix, adminKey.slice(0, 4));
      await db
        .updateTable('api_keys')
        .set({ key_prefix: adminKey.slice(0, 12) })
        .execute();
      await gateway().ensureAdmin({ adminEmail, adminKey });
      assert.equal((await keys())[0]?.key_prefix, adminKey.slice(0, 4));
    });

    test('with a configured key exists once, however often and by however many gateways it is ensured', async t => {
      const { gateway, users, keys } = await arrange(t);
      await Promise.all([1, 2, 3].map(() => gateway().ensureAdmin({ adminEmail, adminKey })));
      assert.equal(await gateway().ensureAdmin({ adminEmail: ' Admin@LOCAL', adminKey }), null);
      assert.deepEqual(
        (await users()).map(({ email, role, status }) => ({ email, role, status })),
        [{ email: adminEmail, role: 'root_admin', status: 'active' }],
      );
      assert.equal((await keys()).length, 1);
      assert.equal((await gateway().authenticate(adminKey)).role, 'root_admin');
    });

    test('with a changed configured key has both keys', async t => {
      const { gateway, identities } = await arrange(t);
      await identities.ensureAdmin({ adminEmail, adminKey });
      await identities.ensureAdmin({ adminEmail, adminKey: `${adminKey}-new` });
      assert.ok(await gateway().authenticate(adminKey));
      assert.ok(await gateway().authenticate(`${adminKey}-new`));
    });

    test('without a configured key gets one drawn, by one of the gateways that start at once', async t => {
      const { gateway, keys } = await arrange(t);
      const drawn = await Promise.all([1, 2, 3].map(() => gateway().ensureAdmin({ adminEmail, adminKey: null })));
      const [key, ...others] = drawn.filter(one => one !== null);
      assert.match(key ?? '', /^tok_[\w-]{43}$/);
      assert.deepEqual(others, []);
      assert.equal((await keys()).length, 1);
      assert.equal((await gateway().authenticate(key ?? '')).role, 'root_admin');
      assert.equal(await gateway().ensureAdmin({ adminEmail, adminKey: null }), null);
    });

    test('that exists without any key is told of, and no key is drawn', async t => {
      const { db, identities, warnings, keys } = await arrange(t);
      await db.insertInto('users').values({ email: 'root@x', role: 'root_admin', display_name: null }).execute();
      assert.equal(await identities.ensureAdmin({ adminEmail, adminKey: null }), null);
      assert.match(warnings.join(), /no active root_admin has a key; set auth\.admin_key/);
      assert.deepEqual(await keys(), []);
    });

    test('that is inactive becomes active by the configured key, with a warning', async t => {
      const { db, gateway, identities, warnings } = await arrange(t);
      const values = { email: 'Admin@local', role: 'root_admin', display_name: null, status: 'inactive' };
      await db.insertInto('users').values(values).execute();
      await identities.ensureAdmin({ adminEmail, adminKey });
      assert.equal((await gateway().authenticate(adminKey)).role, 'root_admin');
      assert.match(warnings.join(), /admin@local was inactive/);
    });

    test('whose configured key was stored with an expiry has it without one', async t => {
      const { db, identities, gateway, keys } = await arrange(t);
      await identities.ensureAdmin({ adminEmail, adminKey });
      await db.updateTable('api_keys').set({ expires_at: '2020-01-01T00:00:00.000Z' }).execute();
      await identities.ensureAdmin({ adminEmail, adminKey });
      assert.equal((await keys())[0]?.expires_at, null);
      assert.ok(await gateway().authenticate(adminKey));
    });

    for (const key of [adminKey, null]) {
      test(`is a fault where the e-mail has another role (${key ? 'key configured' : 'no key'})`, async t => {
        const { db, identities, keys } = await arrange(t);
        const values = { email: adminEmail, role: 'gateway_user', display_name: null };
        await db.insertInto('users').values(values).execute();
        const ensured = identities.ensureAdmin({ adminEmail, adminKey: key });
        await assert.rejects(ensured, fault(/admin@local, who is a gateway_user/));
        assert.deepEqual(await keys(), []);
      });
    }

    test('is a fault where the configured key belongs to somebody else, and then nothing is written', async t => {
      const { identities, users } = await arrange(t);
      await identities.ensureAdmin({ adminEmail: 'other@local', adminKey });
      const ensured = identities.ensureAdmin({ adminEmail, adminKey });
      await assert.rejects(ensured, fault(/already the key of user 1/));
      assert.equal((await users()).length, 1);
    });

    test('is a fault where the configured e-mail or key cannot be one', async t => {
      const { identities } = await arrange(t);
      await assert.rejects(identities.ensureAdmin({ adminEmail: 'nobody', adminKey }), fault(/auth\.admin_email/));
      const long = identities.ensureAdmin({ adminEmail, adminKey: 'k'.repeat(257) });
      await assert.rejects(long, fault(/longer than 256 bytes/));
    });
  });

  describe(`users and keys, on ${name}`, () => {
    test('a created key authenticates as its user, and only its hash is stored', async t => {
      const { identities, root, keys } = await arrange(t);
      const admin = await root();
      const user = await identities.createUser(admin, { email: ' Ann@Example.com', role: 'gateway_user' });
      assert.equal(user.email, 'ann@example.com');
      const drawn = await identities.createKey(admin, { user_id: user.id, prefix: 'prod', scopes: ['chat'] });
      assert.match(drawn.key, /^tok_prod_[\w-]{43}$/);
      assert.equal(drawn.key_prefix, drawn.key.slice(0, 12));
      assert.deepEqual(drawn.scopes, ['chat']);
      assert.ok(!('key_hash' in drawn));
      assert.deepEqual(await identities.authenticate(drawn.key), {
        keyId: drawn.id,
        userId: user.id,
        role: 'gateway_user',
      });
      assert.ok(!JSON.stringify(await keys()).includes(drawn.key));
    });

    test('a deleted key is refused by the very next request on this gateway, and elsewhere after a refresh', async t => {
      const { gateway, identities, root } = await arrange(t);
      const admin = await root();
      const other = gateway();
      const user = await identities.createUser(admin, { email: 'a@b', role: 'gateway_user' });
      const { id, key } = await identities.createKey(admin, { user_id: user.id });
      await identities.authenticate(key);
      await other.authenticate(key);
      await identities.deleteKey(admin, id);
      await assert.rejects(async () => identities.authenticate(key), code('invalid_api_key'));
      assert.ok(await other.authenticate(key));
      await other.refresh();
      await assert.rejects(async () => other.authenticate(key), code('invalid_api_key'));
      await assert.rejects(identities.deleteKey(admin, id), code('not_found'));
    });

    test('a user made inactive is refused by the next request, and served again when active', async t => {
      const { identities, root } = await arrange(t);
      const admin = await root();
      const user = await identities.createUser(admin, { email: 'a@b', role: 'gateway_user' });
      const { key } = await identities.createKey(admin, { user_id: user.id });
      await identities.authenticate(key);
      await identities.updateUser(admin, user.id, { status: 'inactive' });
      await assert.rejects(async () => identities.authenticate(key), code('invalid_api_key'));
      await identities.updateUser(admin, user.id, { status: 'active', role: 'gateway_admin' });
      assert.equal((await identities.authenticate(key)).role, 'gateway_admin');
    });

    test('a key expires at its moment, in whatever zone it was written', async t => {
      const { identities, root, clock } = await arrange(t);
      const admin = await root();
      const end = new Date(Math.ceil(clock.date().getTime() / 1000) * 1000 + 60_000);
      const inParis = `${new Date(end.getTime() + 7_200_000).toISOString().slice(0, 19)}+02:00`;
      const drawn = await identities.createKey(admin, { user_id: 1, expires_at: inParis });
      assert.equal(drawn.expires_at, end.toISOString());
      await identities.authenticate(drawn.key);
      clock.advance(end.getTime() - clock.date().getTime());
      await assert.rejects(async () => identities.authenticate(drawn.key), code('invalid_api_key'));
    });

    test('an e-mail is taken in whatever case it was written', async t => {
      const { db, identities, root } = await arrange(t);
      const admin = await root();
      await db.insertInto('users').values({ email: 'Bob@X', role: 'gateway_user', display_name: null }).execute();
      const created = identities.createUser(admin, { email: 'bob@x', role: 'gateway_user' });
      await assert.rejects(created, code('conflict'));
    });

    test('of two requests for one e-mail at once, one is told that it is taken', async t => {
      const { identities, root } = await arrange(t);
      const admin = await root();
      const both = [1, 2].map(() => identities.createUser(admin, { email: 'a@b', role: 'gateway_user' }));
      const results = await Promise.allSettled(both);
      assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
      const refused = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
      assert.equal(refused.reason.code, 'conflict');
    });

    test('the last active root admin stays, also when two demote each other at once', async t => {
      const { identities, root, users } = await arrange(t);
      const admin = await root();
      const last = async (change: object) => assert.rejects(identities.updateUser(admin, 1, change), code('conflict'));
      await last({ role: 'gateway_admin' });
      await last({ status: 'inactive' });
      assert.equal((await identities.updateUser(admin, 1, { display_name: 'Root' })).display_name, 'Root');

      await identities.createUser(admin, { email: 'second@x', role: 'root_admin' });
      await Promise.allSettled([1, 2].map(id => identities.updateUser(admin, id, { status: 'inactive' })));
      assert.equal((await users()).filter(({ status }) => status === 'active').length, 1);
    });

    test('lists come in pages, with the number of all', async t => {
      const { identities, root } = await arrange(t);
      const admin = await root();
      for (const email of ['a@x', 'b@x', 'c@x']) await identities.createUser(admin, { email, role: 'gateway_user' });
      const { users, total } = await identities.listUsers(admin, {}, { limit: 2, offset: 1 });
      assert.deepEqual([users.map(({ email }) => email), total], [['a@x', 'b@x'], 4]);
      for (const user_id of [2, 2, 3]) await identities.createKey(admin, { user_id });
      const all = await identities.listKeys(admin, {}, { limit: 10, offset: 0 });
      assert.deepEqual([all.api_keys.length, all.total], [4, 4]);
      const ofOne = await identities.listKeys(admin, { user_id: 2 }, { limit: 1, offset: 0 });
      assert.deepEqual([ofOne.api_keys.map(({ user_id }) => user_id), ofOne.total], [[2], 2]);
    });

    test('scopes written by hand are shown, whatever they are', async t => {
      const { db, identities, root } = await arrange(t);
      const admin = await root();
      for (const scopes of ['chat,embeddings', '"x"', '["a",1]', null]) {
        await db.updateTable('api_keys').set({ scopes }).execute();
        const { api_keys } = await identities.listKeys(admin, {}, { limit: 1, offset: 0 });
        const expected = { 'chat,embeddings': ['chat,embeddings'], '"x"': ['"x"'], '["a",1]': ['a', '1'] }[`${scopes}`];
        assert.deepEqual(api_keys[0]?.scopes, expected ?? null);
      }
    });
  });

  describe(`drawing a key, on ${name}`, () => {
    test('is repeated while a mapping matches by chance', async t => {
      let asked = 0;
      const matching = () => (++asked === 1 ? 5 : null);
      const { identities, root } = await arrange(t, matching);
      assert.ok((await identities.createKey(await root(), { user_id: 1 })).key);
      assert.equal(asked, 4);
    });

    test('accepts a mapping that matches every such key', async t => {
      const { identities, root } = await arrange(t, key => (key.startsWith('tok_prod') ? 3 : null));
      assert.ok((await identities.createKey(await root(), { user_id: 1, prefix: 'prod' })).key);
    });

    test('is given up after 16 times, naming the mapping, and stores nothing', async t => {
      let asked = 0;
      const { identities, root, keys } = await arrange(t, () => (++asked % 2 === 0 ? 12 : null));
      const admin = await root();
      await assert.rejects(identities.createKey(admin, { user_id: 1 }), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'conflict');
        assert.match(error.message, /Mapping 12 /);
        return true;
      });
      assert.equal(asked, 32);
      assert.equal((await keys()).length, 1);
    });
  });
}
