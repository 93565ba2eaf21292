// A client that guesses keys is slowed down; a client with a valid key is not, whatever its address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase } from '../support/postgres.ts';
import { ask } from '../support/session.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const trusting = { TOKLIGENCE_GATEWAY_TRUSTED_PROXIES: '127.0.0.1' };

const ways = {
  'model routes': (url: string, key: string, headers = {}) =>
    ask(url, 'POST', '/v1/chat/completions', {
      headers: { authorization: `Bearer ${key}`, ...headers },
      body: { model: 'm', messages: [] },
    }),
  'the Anthropic route': (url: string, key: string, headers = {}) =>
    ask(url, 'POST', '/v1/messages', { headers: { 'x-api-key': key, ...headers }, body: { model: 'm' } }),
  'the list of models': (url: string, key: string, headers = {}) =>
    ask(url, 'GET', '/v1/models', { headers: { authorization: `Bearer ${key}`, ...headers } }),
  'admin routes': (url: string, key: string, headers = {}) =>
    ask(url, 'GET', '/admin/users', { headers: { authorization: `Bearer ${key}`, ...headers } }),
  'signing in': (url: string, key: string, headers = {}) =>
    ask(url, 'POST', '/admin/session', { headers, body: { key } }),
};

const lines = (log: readonly string[], text: string) => log.filter(line => line.includes(text));

/** Sends this many wrong keys at once; resolves to the number of answers by status. */
async function guess(url: string, count: number, headers = {}): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  const all = Array.from({ length: count }, () => ways['admin routes'](url, `tok_${crypto.randomUUID()}`, headers));
  for (const { status } of await Promise.all(all)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  return statuses;
}

for (const [where, present] of Object.entries(ways)) {
  test(`on ${where}, wrong keys are told 401, from the twenty-first in a minute on 429 and later`, async t => {
    const { url, log } = await startGateway(t, { ini });
    for (let count = 0; count < 20; count++) assert.equal((await present(url, `tok_guess_${count}`)).status, 401);
    const begun = performance.now();
    for (let count = 20; count < 30; count++) {
      const { status, headers, body } = await present(url, `tok_guess_${count}`);
      assert.equal(status, 429);
      assert.match(body.error.message, /unknown, expired or revoked.*20 others that came from this address/);
      assert.ok(Number(headers.get('retry-after')) >= 1 && Number(headers.get('retry-after')) <= 59);
      assert.equal(headers.get('x-should-retry'), 'false');
      if (where === 'the Anthropic route') assert.equal(body.error.type, 'rate_limit_error');
      else assert.deepEqual([body.error.code, body.error.type], ['too_many_invalid_keys', 'rate_limit_exceeded']);
    }
    // 25 + 50 + … + 250 ms, rounded by timers to whole milliseconds.
    assert.ok(performance.now() - begun > 1_300, 'none of them is answered at once');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /tokligence_refused_keys_total\{outcome="invalid_api_key"\} 20/);
    assert.match(metrics, /tokligence_refused_keys_total\{outcome="too_many_invalid_keys"\} 10/);
    await until(() => lines(log, 'Keys: more than 20 different wrong ones came from 127.0.0.1').length === 1);
    assert.ok(!log.some(line => line.includes('tok_guess')));
    await t.test('a right key is let in at once', async () => {
      const { status } = await present(url, adminKey);
      assert.ok(status === 200 || status === 201, String(status));
    });
  });
}

for (const edition of ['team', 'personal'] as const) {
  test(`while others' guesses are held back, a key that was never seen is let in at once, in ${edition}`, async t => {
    const database = edition === 'team' ? { database: (await freshDatabase(t)).url } : {};
    const clock = new ManualClock();
    const { url, admin } = await startGateway(t, { ini, overrides: { clock }, ...database });
    const user = await admin('POST', '/admin/users', { email: 'second@x', role: 'root_admin' });
    const keyOf = async () => (await admin('POST', '/admin/api-keys', { user_id: user.body.id })).body.key as string;
    // No chat, because the clock does not advance during its answer.
    const asked = [ways['the list of models'], ways['admin routes'], ways['signing in']];
    const keys = await Promise.all(asked.map(keyOf));
    assert.deepEqual([...(await guess(url, 20))], [[401, 20]]);
    let answered = 0;
    const held = Array.from({ length: 50 }, () => guess(url, 1).finally(() => answered++));
    const statuses = [];
    for (const [index, present] of asked.entries()) statuses.push((await present(url, keys[index] ?? '')).status);
    assert.deepEqual(statuses, [200, 200, 201]);
    assert.equal(answered, 0, 'for the time has not gone on');
    let isOver = false;
    const all = Promise.all(held).finally(() => {
      isOver = true;
    });
    await until(() => {
      clock.advance(25);
      return isOver;
    });
    for (const statuses of await all) assert.deepEqual([...statuses], [[429, 1]]);
  });
}

test('a request without a well-formed key is 401, however often it comes', async t => {
  const { url } = await startGateway(t, { ini });
  const bad: Record<string, string>[] = [
    {},
    { authorization: 'Basic eDp5' },
    { authorization: 'Bearer' },
    { authorization: 'Bearer a', 'x-api-key': 'b' },
  ];
  for (const headers of bad) {
    for (let count = 0; count < 30; count++) {
      assert.equal((await ask(url, 'GET', '/v1/models', { headers })).status, 401);
    }
  }
});

test('behind a trusted proxy the address counts that it tells, in the log too', async t => {
  const { url, log } = await startGateway(t, { ini, env: trusting });
  const from = (address: string) => ({ 'x-forwarded-for': `198.51.100.99, ${address}` });
  assert.deepEqual([...(await guess(url, 20, from('203.0.113.5')))], [[401, 20]]);
  assert.deepEqual([...(await guess(url, 1, from('203.0.113.5')))], [[429, 1]]);
  assert.deepEqual([...(await guess(url, 1, from('203.0.113.6')))], [[401, 1]]);
  assert.deepEqual([...(await guess(url, 19, from('2001:db8::1')))], [[401, 19]]);
  assert.deepEqual([...(await guess(url, 2, from('2001:db8::2'))).keys()].toSorted(), [401, 429]);
  assert.equal((await ways['signing in'](url, adminKey, from('203.0.113.5'))).status, 201);
  await ways['signing in'](url, 'tok_wrong', from('203.0.113.7'));
  await until(() => lines(log, 'Console: user 1 signed in from 203.0.113.5').length === 1);
  await until(() => lines(log, 'Console: a sign-in from 203.0.113.7 was refused').length === 1);
  await until(() => lines(log, 'Keys: more than 20 different wrong ones came from 203.0.113.5 ').length === 1);
});

test('a client that is no trusted proxy cannot change its address', async t => {
  const { url } = await startGateway(t, { ini });
  const statuses = new Map<number, number>();
  for (let host = 0; host < 30; host++) {
    for (const [status, count] of await guess(url, 1, { 'x-forwarded-for': `203.0.113.${host}` })) {
      statuses.set(status, (statuses.get(status) ?? 0) + count);
    }
  }
  assert.deepEqual(
    [...statuses],
    [
      [401, 20],
      [429, 10],
    ],
  );
});

test('a flood of sign-ins is told of twenty times, and then once', async t => {
  const { url, log } = await startGateway(t, { ini });
  await Promise.all(Array.from({ length: 60 }, (_, count) => ways['signing in'](url, `tok_guess_${count}`)));
  await until(() => lines(log, 'Keys: more than 20').length === 1);
  assert.equal(lines(log, 'Console: a sign-in from').length, 20);
});

test('a key that is good no longer counts as wrong, but once; requests end as they were answered', async t => {
  const gateway = await startGateway(t, { ini });
  const key = await gateway.createKey();
  const { body } = await gateway.admin('GET', '/admin/api-keys');
  const { id } = body.api_keys.find((one: { key_prefix: string }) => one.key_prefix === key.slice(0, 12));
  assert.equal((await gateway.chat(key)).status, 200);
  await gateway.admin('DELETE', `/admin/api-keys/${id}`);
  assert.deepEqual([...(await guess(gateway.url, 19))], [[401, 19]]);
  for (let count = 0; count < 30; count++) assert.equal((await gateway.chat(key)).status, 401);
  assert.equal((await gateway.chat('tok_other')).status, 429);
  await until(() => lines(gateway.log, '"outcome":"too_many_invalid_keys"').length === 1);
});
