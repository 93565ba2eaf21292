import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase, privateServer } from '../support/postgres.ts';
import { ask, signIn } from '../support/session.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const path = '/admin/session';

test('a session is the same on every gateway of a database', async t => {
  const database = await freshDatabase(t);
  const one = await startGateway(t, { ini, database: database.url });
  const two = await startGateway(t, { ini, database: database.url });
  const statusAt = async ({ url }: { url: string }, cookie: string) => (await ask(url, 'GET', path, { cookie })).status;
  const account = async () => {
    const email = `admin-${crypto.randomUUID()}@x`;
    const user = await one.admin('POST', '/admin/users', { email, role: 'gateway_admin' });
    const key = await one.admin('POST', '/admin/api-keys', { user_id: user.body.id });
    const cookie = await signIn(one.url, key.body.key);
    assert.deepEqual([await statusAt(one, cookie), await statusAt(two, cookie)], [200, 200]);
    return { cookie, userId: user.body.id as number, keyId: key.body.id as number };
  };
  const endsEverywhere = async (cookie: string) => {
    for (const gateway of [one, two]) await until(async () => (await statusAt(gateway, cookie)) === 401);
  };

  await t.test('it is told alike, and what is asked on one keeps it on the other', async () => {
    const cookie = await signIn(one.url);
    const [here, there] = [await ask(one.url, 'GET', path, { cookie }), await ask(two.url, 'GET', path, { cookie })];
    const { idle_expires_at: _here, ...first } = here.body;
    const { idle_expires_at: _there, ...second } = there.body;
    assert.deepEqual(first, second);
  });

  await t.test('signed out on one, it is over there at once and soon on the other', async () => {
    const { cookie } = await account();
    assert.equal((await ask(two.url, 'DELETE', path, { cookie })).status, 200);
    assert.equal(await statusAt(two, cookie), 401);
    await endsEverywhere(cookie);
  });

  await t.test('signed out everywhere, all of the user are over', async () => {
    const cookies = [await signIn(one.url), await signIn(two.url), await signIn(two.url)];
    for (const cookie of cookies)
      assert.deepEqual([await statusAt(one, cookie), await statusAt(two, cookie)], [200, 200]);
    assert.equal((await ask(one.url, 'DELETE', '/admin/sessions', { cookie: cookies[1] ?? '' })).status, 200);
    for (const cookie of cookies) assert.equal(await statusAt(one, cookie), 401);
    for (const cookie of cookies) await endsEverywhere(cookie);
  });

  await t.test('a key that is revoked on one ends it on both', async () => {
    const { cookie, keyId } = await account();
    await one.admin('DELETE', `/admin/api-keys/${keyId}`);
    assert.equal(await statusAt(one, cookie), 401);
    await endsEverywhere(cookie);
  });

  const bySql: [what: string, change: (ids: { userId: number; keyId: number }) => string][] = [
    ['a key deleted', ({ keyId }) => `DELETE FROM api_keys WHERE id = ${keyId}`],
    ['a key that has expired', ({ keyId }) => `UPDATE api_keys SET expires_at = '2000-01-01' WHERE id = ${keyId}`],
    ['a key given to somebody else', ({ keyId }) => `UPDATE api_keys SET user_id = 1 WHERE id = ${keyId}`],
    ['a user deactivated', ({ userId }) => `UPDATE users SET status = 'inactive' WHERE id = ${userId}`],
    ['a user demoted', ({ userId }) => `UPDATE users SET role = 'gateway_user' WHERE id = ${userId}`],
    ['a user deleted', ({ userId }) => `DELETE FROM users WHERE id = ${userId}`],
    ['the session deleted', ({ userId }) => `DELETE FROM console_sessions WHERE user_id = ${userId}`],
    ['its end moved', ({ userId }) => `UPDATE console_sessions SET expires_at = now() WHERE user_id = ${userId}`],
  ];
  for (const [what, change] of bySql) {
    await t.test(`by SQL: ${what}`, async () => {
      const { cookie, ...ids } = await account();
      await database.query(change(ids));
      await endsEverywhere(cookie);
    });
  }

  await t.test('by SQL: a user who was demoted for a moment has to sign in again', async () => {
    const { cookie, userId } = await account();
    await database.query(`UPDATE users SET role = 'gateway_user' WHERE id = ${userId}`);
    const left = async () => (await database.query('SELECT FROM console_sessions WHERE user_id = $1', [userId])).length;
    await until(async () => (await left()) === 0);
    await database.query(`UPDATE users SET role = 'gateway_admin' WHERE id = ${userId}`);
    await until(async () => (await one.admin('GET', '/admin/users')).status === 200);
    await endsEverywhere(cookie);
  });

  await t.test('and outlives a restart', async t => {
    const cookie = await signIn(one.url);
    await one.app.stop();
    const three = await startGateway(t, { ini, database: database.url });
    assert.equal(await statusAt(three, cookie), 200);
  });
});

test('a request on one gateway keeps the session from being idle on another', async t => {
  const database = await freshDatabase(t);
  const open = async () => {
    const clock = new ManualClock();
    return { clock, ...(await startGateway(t, { ini, database: database.url, overrides: { clock } })) };
  };
  const [one, two] = [await open(), await open()];
  const cookie = await signIn(one.url);
  assert.equal((await ask(two.url, 'GET', path, { cookie })).status, 200);
  const seen = async () => (await database.query('SELECT last_seen_at FROM console_sessions'))[0]?.last_seen_at;
  for (let round = 1; round <= 5; round++) {
    for (const { clock } of [one, two]) clock.advance(40 * 60_000);
    assert.equal((await ask(one.url, 'GET', path, { cookie })).status, 200, `round ${round}`);
    await until(async () => (await seen()) === one.clock.date().toISOString());
  }
  assert.equal((await ask(two.url, 'GET', path, { cookie })).status, 200);
});

test('while the database is away, sessions in use go on and everything else is told to come again', async t => {
  const server = await privateServer(t);
  const { url } = await startGateway(t, { ini, database: server.url });
  const [known, unseen] = [await signIn(url), `tokligence_session=${'A'.repeat(43)}`];
  await server.stop();
  const asked = async (method: string, path: string, cookie: string, body?: object) => {
    const { status, body: answered } = await ask(url, method, path, { cookie, ...(body ? { body } : {}) });
    return status === 200 ? 200 : `${status} ${answered.error.code}`;
  };
  assert.equal(await asked('GET', '/admin/scheduler/stats', known), 200);
  assert.equal(await asked('GET', path, known), 200);
  assert.equal(await asked('GET', '/admin/users', known), '503 unavailable');
  assert.equal(await asked('GET', path, unseen), '503 unavailable');
  assert.equal(await asked('POST', path, known, { key: adminKey }), '503 unavailable');
  // The session is not reported as over while it may come back.
  assert.equal(await asked('DELETE', path, known), '503 unavailable');
  assert.equal(await asked('DELETE', '/admin/sessions', known), '503 unavailable');
  for (let tries = 0; tries < 25; tries++) await asked('POST', path, known, { key: adminKey });
  await server.start();
  await until(async () => (await asked('GET', path, unseen)) === '401 invalid_api_key');
  await until(async () => (await asked('GET', '/admin/users', known)) === 200);
  assert.equal(await asked('GET', path, known), 200);
  await signIn(url);
  assert.equal(await asked('DELETE', path, known), 200);
  assert.equal(await asked('GET', path, known), '401 invalid_api_key');
});

test('a session in use goes on for as long as keys do, and not longer', async t => {
  const server = await privateServer(t);
  const clock = new ManualClock();
  const stale = '[console]\nsession_idle_min = 1440\nsession_max_hours = 168\n';
  const { url } = await startGateway(t, { ini: ini + stale, database: server.url, overrides: { clock } });
  const cookie = await signIn(url);
  await server.kill();
  const status = async () => (await ask(url, 'GET', path, { cookie })).status;
  clock.advance(3_600_000);
  assert.equal(await status(), 200);
  clock.advance(1);
  assert.equal(await status(), 503);
});

test('the lanes are watched by the cookie, until the session ends; watching keeps none from being idle', async t => {
  const clock = new ManualClock();
  const { url } = await startGateway(t, { ini: `[console]\nsession_idle_min = 5\n${ini}`, overrides: { clock } });
  const watch = async (cookie: string) => {
    const { status, body } = await fetch(`${url}/admin/scheduler/stream`, { headers: { cookie } });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const over = (async () => {
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) text += part.value;
    })();
    return { status, over, text: () => text };
  };
  const signedOut = await signIn(url);
  const first = await watch(signedOut);
  await until(() => first.text().includes('event: lanes'));
  assert.equal((await ask(url, 'DELETE', path, { cookie: signedOut })).status, 200);
  clock.advance(5_000);
  await first.over;
  assert.equal((await watch(signedOut)).status, 401);

  const idle = await signIn(url);
  const second = await watch(idle);
  await until(() => second.text().includes('event: lanes'));
  // In small steps, with a request after each: it ends because it is idle, not because it is slow.
  for (let seconds = 5; seconds <= 300; seconds += 5) {
    const before = second.text().length;
    clock.advance(5_000);
    if (seconds < 300) await until(() => second.text().length > before);
  }
  await second.over;
  assert.equal((await watch(idle)).status, 401);
});
