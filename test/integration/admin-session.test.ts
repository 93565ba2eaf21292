import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase } from '../support/postgres.ts';
import { ask, cookieOf, signIn } from '../support/session.ts';
import { until } from '../support/until.ts';

const provider = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const mappings = '/admin/api-key-priority/mappings';
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

interface Wish {
  readonly edition?: 'team' | 'personal';
  readonly ini?: string;
}

/** A gateway on a clock that the test advances. */
async function arrange(t: TestContext, { edition = 'team', ini = '' }: Wish = {}) {
  const database = edition === 'team' ? await freshDatabase(t) : null;
  const clock = new ManualClock();
  const gateway = await startGateway(t, {
    ini: ini + provider,
    overrides: { clock },
    ...(database === null ? {} : { database: database.url }),
  });
  const { admin, url } = gateway;
  const account = async (role: string) => {
    const user = await admin('POST', '/admin/users', { email: `${role}-${crypto.randomUUID()}@x`, role });
    const key = await admin('POST', '/admin/api-keys', { user_id: user.body.id });
    return { userId: user.body.id as number, keyId: key.body.id as number, key: key.body.key as string };
  };
  const statusOf = async (cookie: string) => (await ask(url, 'GET', '/admin/session', { cookie })).status;
  const messageOf = async (cookie: string) =>
    (await ask(url, 'GET', '/admin/session', { cookie })).body.error.message as string;
  const rows = async () => (await database?.query('SELECT * FROM console_sessions ORDER BY created_at')) ?? [];
  return { ...gateway, database, clock, account, statusOf, messageOf, rows };
}

for (const edition of ['team', 'personal'] as const) {
  test(`signing in, being signed in and signing out, in ${edition}`, async t => {
    const { url, log, rows } = await arrange(t, { edition });
    assert.equal((await ask(url, 'GET', '/admin/session')).status, 401);
    const answer = await ask(url, 'POST', '/admin/session', { body: { key: adminKey } });
    assert.equal(answer.status, 201);
    const { version, ...session } = answer.body;
    assert.match(version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(session, {
      user: { id: 1, email: 'admin@local', role: 'root_admin', display_name: null },
      edition,
      signed_in_at: '2026-01-01T00:00:00.000Z',
      idle_expires_at: '2026-01-01T01:00:00.000Z',
      expires_at: '2026-01-01T12:00:00.000Z',
    });
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.match(
      answer.headers.get('set-cookie') ?? '',
      /^tokligence_session=[\w-]{43}; Path=\/admin; HttpOnly; SameSite=Strict$/,
    );
    const cookie = cookieOf(answer);
    const token = cookie.split('=')[1] ?? '';

    const shown = await ask(url, 'GET', '/admin/session', { cookie, fromConsole: false });
    assert.deepEqual([shown.status, shown.body], [200, answer.body]);
    assert.equal(shown.headers.get('cache-control'), 'no-store');
    const read = await ask(url, 'GET', '/admin/scheduler/stats', { cookie, fromConsole: false });
    assert.deepEqual([read.status, read.headers.get('cache-control')], [200, 'no-store']);
    assert.equal((await ask(url, 'HEAD', '/admin/users', { cookie, fromConsole: false })).status, 200);
    assert.ok(!JSON.stringify(await rows()).includes(token), 'the token is stored');

    const out = await ask(url, 'DELETE', '/admin/session', { cookie });
    assert.equal(out.status, 200);
    assert.equal(
      out.headers.get('set-cookie'),
      'tokligence_session=; Path=/admin; HttpOnly; SameSite=Strict; Max-Age=0',
    );
    for (const [method, path] of [
      ['GET', '/admin/session'],
      ['GET', '/admin/users'],
      ['DELETE', '/admin/session'],
      ['DELETE', '/admin/sessions'],
    ] as const) {
      const { status, body } = await ask(url, method, path, { cookie });
      assert.deepEqual([status, body.error.code], [401, 'invalid_api_key'], `${method} ${path} after signing out`);
    }
    const told = () => log.filter(line => line.includes('Console:')).map(line => JSON.parse(line).msg);
    await until(() => told().length === 2);
    assert.deepEqual(told(), [
      'Console: user 1 signed in from 127.0.0.1',
      'Console: user 1 signed out from 127.0.0.1, sessions ended: 1',
    ]);
    assert.ok(!log.some(line => line.includes(token) || line.includes(adminKey)), 'a secret is logged');
  });
}

test('only an admin with a valid key can sign in', async t => {
  const { url, account, log, rows } = await arrange(t);
  const user = await account('gateway_user');
  const { key } = await account('gateway_admin');
  const tried = async (body: unknown) => {
    const answer = await ask(url, 'POST', '/admin/session', { body });
    assert.equal(answer.headers.get('set-cookie'), null);
    return [answer.status, answer.body.error.code, answer.body.error.param];
  };
  assert.deepEqual(await tried({ key: 'tok_nobody_has_this' }), [401, 'invalid_api_key', null]);
  assert.deepEqual(await tried({ key: user.key }), [403, 'forbidden', null]);
  assert.deepEqual(await tried({ key: '' }), [400, 'invalid_request', 'key']);
  assert.deepEqual(await tried({ key: 'x'.repeat(257) }), [400, 'invalid_request', 'key']);
  assert.deepEqual(await tried({ key: 5 }), [400, 'invalid_request', 'key']);
  assert.deepEqual(await tried({ key, remember: true }), [400, 'invalid_request', 'remember']);
  assert.deepEqual(await tried({ key: 'x'.repeat(5_000) }), [413, 'request_too_large', null]);
  assert.deepEqual(await rows(), []);
  const refusals = () => log.filter(line => line.includes('was refused'));
  await until(() => refusals().length === 2);
  assert.ok(refusals().every(line => JSON.parse(line).level === 'warn'));
  assert.ok(!refusals().some(line => line.includes('nobody_has') || line.includes(user.key)));

  const cookie = await signIn(url, key);
  assert.equal((await ask(url, 'GET', '/admin/session', { cookie })).body.user.role, 'gateway_admin');
  await t.test('a form of another site has no JSON to send', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const headers = { 'content-type': type, origin: 'null' };
      const answer = await ask(url, 'POST', '/admin/session', { body: { key }, headers });
      assert.deepEqual([answer.status, answer.headers.get('set-cookie')], [400, null], type);
    }
  });
});

test('a change made in a session is recorded as made by its user', async t => {
  const { url, account } = await arrange(t);
  const { key } = await account('gateway_admin');
  const cookie = await signIn(url, key);
  const { email } = (await ask(url, 'GET', '/admin/session', { cookie })).body.user;
  const body = { pattern: 'tok_a*', priority: 1, match_type: 'prefix' };
  const created = await ask(url, 'POST', mappings, { cookie, body });
  assert.deepEqual([created.status, created.body.created_by], [201, email]);
  const history = await ask(url, 'GET', '/admin/api-key-priority/history', { cookie });
  assert.deepEqual([history.body.history[0].actor, history.body.history[0].via], [email, 'api']);
  await t.test('and it may do what its user may', async () => {
    const root = { email: 'second@root', role: 'root_admin' };
    const refused = await ask(url, 'POST', '/admin/users', { cookie, body: root });
    assert.deepEqual([refused.status, refused.body.error.code], [403, 'forbidden']);
    const users = (await ask(url, 'GET', '/admin/users', { cookie })).body.users;
    assert.ok(users.every(({ role }: { role: string }) => role === 'gateway_user'));
  });
  await t.test('models are not called in it', async () => {
    const body = { model: 'm', messages: [] };
    assert.equal((await ask(url, 'POST', '/v1/chat/completions', { cookie, body })).status, 401);
  });
});

test('a request that changes something needs the header beside the cookie', async t => {
  const { url, admin, account, clock, statusOf } = await arrange(t);
  const { key } = await account('gateway_user');
  const cookie = await signIn(url);
  const body = { pattern: 'tok_a*', priority: 1, match_type: 'prefix' };
  const forbidden = async (method: string, path: string, headers: Record<string, string>, sent?: object) => {
    const answer = await ask(url, method, path, { cookie, fromConsole: false, headers, body: sent });
    assert.deepEqual([answer.status, answer.body.error.code], [403, 'forbidden'], `${method} ${path}`);
    assert.match(answer.body.error.message, /X-Tokligence-Console: 1/);
  };
  await t.test('without it, or with another value, nothing happens', async () => {
    await forbidden('POST', mappings, {}, body);
    await forbidden('POST', mappings, { 'x-tokligence-console': '0' }, body);
    await forbidden('POST', mappings, { 'x-tokligence-console': '1, 1' }, body);
    await forbidden('PUT', `${mappings}/1`, { origin: 'null' }, { priority: 2 });
    await forbidden('DELETE', '/admin/api-keys/1', { origin: 'https://evil.example' });
    await forbidden('DELETE', '/admin/session', {});
    await forbidden('DELETE', '/admin/sessions', {});
    await forbidden('PATCH', '/admin/users', {});
    assert.equal((await admin('GET', mappings)).body.total, 0);
  });
  await t.test('a page of a neighbour may not even read by it', async () => {
    const asked = async (site: string) =>
      (await ask(url, 'GET', '/admin/users', { cookie, fromConsole: false, headers: { 'sec-fetch-site': site } }))
        .status;
    assert.deepEqual(await Promise.all(['same-origin', 'none', ''].map(asked)), [200, 200, 200]);
    assert.deepEqual(await Promise.all(['same-site', 'cross-site', 'none, none'].map(asked)), [403, 403, 403]);
    const authorization = `Bearer ${adminKey}`;
    const headers = { 'sec-fetch-site': 'cross-site', authorization };
    assert.equal((await ask(url, 'GET', '/admin/users', { headers })).status, 200, 'by key nothing is sent by itself');
  });
  await t.test('no header and no parameter makes another method of a GET', async () => {
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      await ask(url, 'GET', '/admin/api-keys/1', { cookie, fromConsole: false, headers: { [name]: 'DELETE' } });
    }
    assert.equal((await ask(url, 'GET', '/admin/users?_method=DELETE', { cookie })).status, 400);
    assert.equal((await admin('GET', '/admin/api-keys')).body.total, 2);
  });
  await t.test('no other site is ever told that it may send it', async () => {
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' };
    const asked = await ask(url, 'OPTIONS', '/admin/api-keys/1', { headers, fromConsole: false });
    assert.ok(asked.status >= 400, String(asked.status));
    const read = await ask(url, 'GET', '/admin/session', { cookie, headers });
    for (const { headers } of [asked, read])
      assert.ok(![...headers.keys()].some(name => name.startsWith('access-control')), String([...headers.keys()]));
  });
  await t.test('a key goes without it, and wins over a cookie', async () => {
    assert.equal((await admin('POST', mappings, body)).status, 201);
    const withKey = (key: string) => ({ cookie, headers: { authorization: `Bearer ${key}` } });
    assert.equal((await ask(url, 'GET', '/admin/users', withKey(adminKey))).status, 200);
    assert.equal((await ask(url, 'GET', '/admin/users', withKey(key))).status, 403);
    assert.equal((await ask(url, 'GET', '/admin/users', withKey('tok_nobody'))).status, 401);
    assert.equal((await ask(url, 'GET', '/admin/session', withKey(adminKey))).status, 401);
    assert.equal((await ask(url, 'GET', '/admin/users', { cookie, headers: { authorization: '' } })).status, 200);
  });
  await t.test('what is refused for it does not keep the session from being idle', async () => {
    clock.advance(hourMs - 1);
    await forbidden('POST', mappings, {}, body);
    clock.advance(1);
    assert.equal(await statusOf(cookie), 401);
  });
});

for (const edition of ['team', 'personal'] as const) {
  test(`a session ends when nothing is asked for an hour, and after twelve hours, in ${edition}`, async t => {
    const { url, clock, statusOf, messageOf } = await arrange(t, { edition });
    const [used, idle] = [await signIn(url), await signIn(url)];
    clock.advance(hourMs - 1);
    assert.equal(await statusOf(used), 200);
    clock.advance(1);
    assert.match(await messageOf(idle), /has expired/);
    for (let hours = 1; hours < 12; hours++) {
      assert.equal(await statusOf(used), 200, `after ${hours} h`);
      clock.advance(hours === 11 ? hourMs - 1 : hourMs - minuteMs);
    }
    const { body } = await ask(url, 'GET', '/admin/session', { cookie: used });
    assert.equal(body.expires_at, '2026-01-01T12:00:00.000Z');
    clock.advance(11 * minuteMs);
    assert.equal(await statusOf(used), 401);
    assert.match(await messageOf(used), /Sign in again/);
  });
}

test('an unattended request is answered, and keeps no session from being idle', async t => {
  const { url, clock, statusOf } = await arrange(t);
  const cookie = await signIn(url);
  clock.advance(hourMs - 1);
  const unattended = { cookie, headers: { 'x-tokligence-unattended': '1' } };
  const { status, body } = await ask(url, 'GET', '/admin/session', unattended);
  assert.deepEqual([status, body.idle_expires_at], [200, '2026-01-01T01:00:00.000Z']);
  clock.advance(1);
  assert.equal(await statusOf(cookie), 401);
});

test('how long sessions last is configured', async t => {
  const { url, clock, statusOf } = await arrange(t, {
    ini: '[console]\nsession_idle_min = 5\nsession_max_hours = 1\n',
  });
  const [used, idle] = [await signIn(url), await signIn(url)];
  clock.advance(5 * minuteMs - 1);
  assert.equal(await statusOf(used), 200);
  clock.advance(1);
  assert.deepEqual([await statusOf(used), await statusOf(idle)], [200, 401]);
  for (let minute = 5; minute < 57; minute += 4) {
    clock.advance(4 * minuteMs);
    const { status, body } = await ask(url, 'GET', '/admin/session', { cookie: used });
    assert.equal(status, 200, `after ${minute + 4} min`);
    const left = Math.min(Date.parse(body.expires_at), clock.date().getTime() + 5 * minuteMs);
    assert.equal(body.idle_expires_at, new Date(left).toISOString());
  }
  clock.advance(3 * minuteMs);
  assert.equal(await statusOf(used), 401);
});

test('when a session was last used is written once a minute, and what is over is cleared away', async t => {
  const { url, clock, statusOf, rows, database } = await arrange(t);
  const cookie = await signIn(url);
  const lastSeen = async () => (await rows())[0]?.last_seen_at;
  /** Writes run beside the answers; the next statement of this connection comes after them. */
  const seenAt = async (moment: string) => {
    for (let tries = 0; (await lastSeen()) !== moment && tries < 500; tries++);
    assert.equal(await lastSeen(), moment);
  };
  await database?.query(`CREATE TABLE writes (at TIMESTAMPTZ);
    CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO writes VALUES (NEW.last_seen_at); RETURN NEW; END';
    CREATE TRIGGER counting AFTER UPDATE ON console_sessions FOR EACH ROW EXECUTE FUNCTION count_write()`);
  for (let second = 0; second < 120; second += 10) {
    assert.equal(await statusOf(cookie), 200);
    if (second === 60) await seenAt('2026-01-01T00:01:00.000Z');
    clock.advance(10_000);
  }
  assert.equal(await statusOf(cookie), 200);
  await seenAt('2026-01-01T00:02:00.000Z');
  assert.deepEqual(await database?.query('SELECT count(*) AS n FROM writes'), [{ n: 2 }]);

  clock.advance(13 * hourMs);
  await signIn(url);
  assert.deepEqual(
    (await rows()).map(row => row.created_at),
    ['2026-01-01T13:02:00.000Z'],
  );
});

test('a user has at most twenty sessions: the oldest ends', async t => {
  const { url, account, clock, statusOf, rows } = await arrange(t);
  const other = await signIn(url, (await account('gateway_admin')).key);
  const cookies: string[] = [];
  for (let count = 0; count < 22; count++) {
    cookies.push(await signIn(url));
    clock.advance(1_000);
  }
  const statuses = await Promise.all(cookies.map(statusOf));
  assert.deepEqual(statuses, [401, 401, ...Array<number>(20).fill(200)]);
  assert.equal(await statusOf(other), 200);
  assert.equal((await rows()).length, 21);
  await t.test('also of those that are opened at the same moment', async () => {
    const opened = await Promise.all(Array.from({ length: 20 }, () => signIn(url)));
    const good = (await Promise.all(opened.map(statusOf))).filter(status => status === 200);
    assert.equal(good.length, 20);
    assert.deepEqual([await statusOf(cookies.at(-1) ?? ''), await statusOf(other)], [401, 200]);
    assert.equal((await rows()).length, 21);
  });
});

test('signing in anew ends the session of this browser, and a planted cookie is not taken over', async t => {
  const { url, statusOf, rows } = await arrange(t);
  const planted = `tokligence_session=${'A'.repeat(43)}`;
  const first = await signIn(url, adminKey, { cookie: planted });
  assert.notEqual(first, planted);
  assert.equal(await statusOf(planted), 401);
  const second = await signIn(url, adminKey, { cookie: first });
  assert.deepEqual([await statusOf(first), await statusOf(second)], [401, 200]);
  assert.equal((await rows()).length, 1);
  await t.test('a sign-in that fails leaves it as it is', async () => {
    assert.equal((await ask(url, 'POST', '/admin/session', { cookie: second, body: { key: 'tok_x' } })).status, 401);
    assert.equal(await statusOf(second), 200);
  });
});

test('the cookie is for https only where the browser came by https', async t => {
  const { url } = await arrange(t, { edition: 'personal' });
  const setBy = async (headers: Record<string, string>) => {
    const { headers: answered } = await ask(url, 'POST', '/admin/session', { headers, body: { key: adminKey } });
    return answered.get('set-cookie')?.includes('; Secure');
  };
  assert.equal(await setBy({}), false);
  assert.equal(await setBy({ 'x-forwarded-proto': 'http' }), false);
  assert.equal(await setBy({ 'x-forwarded-proto': 'https' }), true);
  assert.equal(await setBy({ 'x-forwarded-proto': 'HTTPS, http' }), true);
  const out = await ask(url, 'DELETE', '/admin/sessions', {
    headers: { authorization: `Bearer ${adminKey}`, 'x-forwarded-proto': 'https' },
  });
  assert.match(out.headers.get('set-cookie') ?? '', /; Secure; Max-Age=0$/);
  assert.match(out.body.message, /sessions ended: 4/);
});

test('a cookie that is not ours is 401, whatever it is', async t => {
  const { url, log } = await arrange(t);
  const cookie = await signIn(url);
  const token = cookie.split('=')[1] ?? '';
  const tampered = `${token[0] === 'A' ? 'B' : 'A'}${token.slice(1)}`;
  const bad = [
    tampered,
    `${token}A`,
    token.slice(1),
    `"${token}"`,
    encodeURIComponent(`${token} `),
    '%00',
    "' OR 1=1--",
  ];
  for (const value of bad) {
    const answer = await ask(url, 'GET', '/admin/users', { cookie: `tokligence_session=${value}` });
    assert.deepEqual([answer.status, answer.body.error.code], [401, 'invalid_api_key'], value);
    assert.ok(!answer.body.error.message.includes(value));
  }
  const statusWith = async (cookie: string) => (await ask(url, 'GET', '/admin/users', { cookie })).status;
  assert.equal(await statusWith('tokligence_session='), 401);
  assert.equal(await statusWith('tokligence_sessions=x; Tokligence_Session=x; other'), 401);
  assert.equal(await statusWith(`theme=dark;${cookie};x=y`), 200);
  assert.equal(await statusWith(`tokligence_session=${'x'.repeat(10_000)}`), 401);
  assert.equal(await statusWith(`tokligence_session=${'x'.repeat(20_000)}`), 431);
  await t.test('two that differ are refused, the same one twice is one', async () => {
    assert.equal(await statusWith(`${cookie}; ${cookie}`), 200);
    const other = await signIn(url);
    assert.equal(await statusWith(`${cookie}; ${other}`), 401);
    assert.equal(await statusWith(`tokligence_session=; ${cookie}`), 401);
  });
  assert.ok(!log.some(line => line.includes(token) || line.includes(tampered)));
});

test('a session dies with its key, its user and their role, and stays dead', async t => {
  const { url, admin, account, statusOf, messageOf, rows, clock } = await arrange(t);
  const opened = async (role = 'gateway_admin') => {
    const owner = await account(role);
    return { ...owner, cookie: await signIn(url, owner.key) };
  };
  await t.test('the key is revoked', async () => {
    const { cookie, keyId, userId } = await opened();
    const { body } = await admin('POST', '/admin/api-keys', { user_id: userId });
    const other = await signIn(url, body.key);
    assert.equal(await statusOf(cookie), 200);
    await admin('DELETE', `/admin/api-keys/${keyId}`);
    assert.match(await messageOf(cookie), /ended/);
    assert.equal(await statusOf(other), 200);
  });
  await t.test('the user is deactivated', async () => {
    const { cookie, userId } = await opened();
    assert.equal(await statusOf(cookie), 200);
    await admin('PUT', `/admin/users/${userId}`, { status: 'inactive' });
    assert.equal(await statusOf(cookie), 401);
    await admin('PUT', `/admin/users/${userId}`, { status: 'active' });
    assert.equal(await statusOf(cookie), 401);
  });
  await t.test('the user is no admin any more', async () => {
    const { cookie, userId } = await opened('root_admin');
    await admin('PUT', `/admin/users/${userId}`, { role: 'gateway_admin' });
    assert.equal((await ask(url, 'GET', '/admin/session', { cookie })).body.user.role, 'gateway_admin');
    await admin('PUT', `/admin/users/${userId}`, { role: 'gateway_user' });
    assert.equal(await statusOf(cookie), 401);
    await admin('PUT', `/admin/users/${userId}`, { role: 'root_admin' });
    assert.equal(await statusOf(cookie), 401);
  });
  await t.test('the key expires', async () => {
    const { userId } = await account('gateway_admin');
    const expires_at = '2026-01-01T00:10:00Z';
    const { body } = await admin('POST', '/admin/api-keys', { user_id: userId, expires_at });
    const cookie = await signIn(url, body.key);
    const session = await ask(url, 'GET', '/admin/session', { cookie });
    assert.equal(session.body.expires_at, '2026-01-01T00:10:00.000Z');
    clock.advance(10 * minuteMs - 1);
    assert.equal(await statusOf(cookie), 200);
    clock.advance(1);
    assert.equal(await statusOf(cookie), 401);
  });
  await signIn(url);
  const left = (await rows()).map(row => Number(row.user_id));
  assert.deepEqual(left.toSorted(), [1, 2]);
});

test('signing out everywhere ends all sessions of a user and of nobody else', async t => {
  const { url, account, statusOf } = await arrange(t);
  const { key } = await account('gateway_admin');
  const other = await signIn(url, key);
  const mine = await Promise.all(Array.from({ length: 5 }, () => signIn(url)));
  const [first = ''] = mine;
  const out = await ask(url, 'DELETE', '/admin/sessions', { cookie: first });
  assert.deepEqual([out.status, out.body.success], [200, true]);
  assert.match(out.headers.get('set-cookie') ?? '', /Max-Age=0/);
  assert.deepEqual(await Promise.all(mine.map(statusOf)), [401, 401, 401, 401, 401]);
  assert.equal(await statusOf(other), 200);
  await t.test('by a key too, for whoever has lost the browser', async () => {
    const cookie = await signIn(url);
    const headers = { authorization: `Bearer ${adminKey}` };
    assert.equal((await ask(url, 'DELETE', '/admin/sessions', { headers, fromConsole: false })).status, 200);
    assert.equal(await statusOf(cookie), 401);
  });
  await t.test('and what was under way while it happened is not taken for a session afterwards', async () => {
    for (let round = 0; round < 20; round++) {
      const cookie = await signIn(url);
      const [, , ended] = await Promise.all([
        statusOf(cookie),
        statusOf(cookie),
        ask(url, 'DELETE', '/admin/sessions', { cookie }),
        statusOf(cookie),
        statusOf(cookie),
      ]);
      assert.equal(ended.status, 200);
      assert.equal(await statusOf(cookie), 401);
    }
  });
});

test('where the console is switched off there is no signing in', async t => {
  const { url, admin } = await arrange(t, { edition: 'personal', ini: '[console]\nenabled = false\n' });
  for (const [method, path] of [
    ['POST', '/admin/session'],
    ['GET', '/admin/session'],
    ['DELETE', '/admin/session'],
    ['DELETE', '/admin/sessions'],
  ] as const) {
    const { status, body } = await ask(url, method, path, method === 'POST' ? { body: { key: adminKey } } : {});
    assert.deepEqual([status, body.error.code], [404, 'not_found'], `${method} ${path}`);
  }
  const cookie = `tokligence_session=${'A'.repeat(43)}`;
  const { status, body } = await ask(url, 'GET', '/admin/users', { cookie });
  assert.deepEqual([status, body.error.message.includes('No API key')], [401, true]);
  assert.equal((await admin('GET', '/admin/users')).status, 200);
});
