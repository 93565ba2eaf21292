// The stream of the lanes, the search for requests, and the providers, all through a whole gateway.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HistoryEvent, LanesEvent, PointEvent, TenantShare } from '../../src/http/admin/contract/live.ts';
import { mostStreams } from '../../src/http/admin/pools/live-stream.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { openStream, readLanes } from '../support/live.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { poolIni, waitingIn } from '../support/pool-of-one.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const findPath = (id: string) => `/admin/scheduler/requests/${encodeURIComponent(id)}`;

/** A gateway whose upstream holds every request, on a clock that only the test advances. */
async function arrange(t: TestContext, { seats = 1, database = '' } = {}) {
  const upstream = await startFakeUpstream(t, { hold: true });
  t.after(() => upstream.open());
  const clock = new ManualClock();
  const ini = poolIni(upstream, { seats });
  const gateway = await startGateway(t, { ini, overrides: { clock }, ...(database === '' ? {} : { database }) });
  const chat = (id: string, key = adminKey) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(key), 'content-type': 'application/json', 'x-request-id': id },
      body: '{"model":"m","messages":[]}',
    });
  return { upstream, clock, gateway, chat };
}

const openingOf = async (reader: Awaited<ReturnType<typeof readLanes>>) => {
  await until(() => reader.events.length >= 2);
  const [history, lanes] = reader.events;
  assert.deepEqual([history?.event, lanes?.event], ['history', 'lanes']);
  return { history: history?.data as HistoryEvent, lanes: lanes?.data as LanesEvent };
};

test('a client that opens the stream gets the history and the lanes at once', async t => {
  const { gateway, clock } = await arrange(t, { seats: 4 });
  clock.advance(20_000);
  const reader = await readLanes(t, gateway.url);
  const { history, lanes } = await openingOf(reader);
  assert.match(String(reader.answer.headers['content-type']), /^text\/event-stream/);
  assert.match(String(reader.answer.headers['cache-control']), /no-store/);
  assert.ok(reader.lines.includes('retry: 2000'), String(reader.lines));
  assert.deepEqual(
    [history.step_ms, history.pools.map(pool => [pool.name, pool.points.length])],
    [10_000, [['main', 2]]],
  );
  const [pool] = lanes.pools;
  assert.deepEqual([lanes.at, lanes.database, lanes.boosts], [clock.date().toISOString(), 'ready', []]);
  assert.deepEqual([pool?.seats, pool?.free, pool?.levels.length, pool?.closed_until], [4, 4, 10, null]);
});

test('every second the lanes as they are, and a point when a step has ended', async t => {
  const { gateway, upstream, clock, chat } = await arrange(t);
  const reader = await readLanes(t, gateway.url);
  await openingOf(reader);
  const answers = [chat('one'), chat('two')];
  await upstream.waitForActive(1);
  await until(async () => (await waitingIn(gateway)) === 1);
  const [next, point] = [reader.next('lanes'), reader.next('point')];
  clock.advance(1000);
  const lanes: LanesEvent = await next;
  const [pool] = lanes.pools;
  assert.deepEqual([pool?.in_use, pool?.free, pool?.granted_per_sec], [1, 0, 0.1]);
  const { waiting, running, free } = pool?.levels[7] ?? assert.fail();
  assert.deepEqual([waiting, running, free], [1, 1, 0]);
  const [share] = pool?.tenants ?? [];
  assert.deepEqual([share?.flow_id, share?.tenant_name, share?.waiting, share?.entitled_share], ['user:1', null, 1, 1]);
  clock.advance(9000);
  const { pool: name, point: told }: PointEvent = await point;
  assert.deepEqual([name, told.granted, told.waiting, told.in_use, told.levels[7]?.p95], ['main', 1, 1, 1, 0]);
  upstream.open();
  for (const answer of answers) assert.equal((await answer).status, 200);
});

test('two readers are told of a step once each, whenever they came', async t => {
  const { gateway, clock } = await arrange(t);
  clock.advance(500);
  const first = await readLanes(t, gateway.url);
  await openingOf(first);
  clock.advance(9000);
  clock.advance(600);
  // The step is over, and the second of the stream is not.
  const second = await readLanes(t, gateway.url);
  assert.equal((await openingOf(second)).history.pools[0]?.points.length, 1);
  const lanes = [first.next('lanes'), second.next('lanes')];
  clock.advance(1000);
  await Promise.all(lanes);
  const points = ({ events }: typeof first) => events.filter(({ event }) => event === 'point').length;
  assert.deepEqual([points(first), points(second)], [1, 0]);
});

test('tenants are shown by their names', async t => {
  const { url: database } = await freshDatabase(t);
  const { gateway, upstream, chat } = await arrange(t, { seats: 2, database });
  const mapping = {
    pattern: 'tok_prod*',
    match_type: 'prefix',
    priority: 0,
    tenant_id: 'prod',
    tenant_name: 'Production',
  };
  await gateway.admin('PUT', '/admin/api-key-priority/config', { enabled: true });
  await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping);
  await gateway.admin('POST', '/admin/api-key-priority/mappings', {
    ...mapping,
    pattern: 'tok_prodx*',
    tenant_name: 'No',
  });
  const answer = chat('one', await gateway.createKey('prod'));
  await upstream.waitForActive(1);
  const { lanes } = await openingOf(await readLanes(t, gateway.url));
  const [share] = lanes.pools[0]?.tenants ?? [];
  const expected: Partial<TenantShare> = { flow_id: 'prod', tenant_name: 'Production', level: 0, running: 1 };
  assert.partialDeepStrictEqual(share, expected);
  upstream.open();
  assert.equal((await answer).status, 200);
});

test('while nobody looks nothing ticks', async t => {
  const { gateway, clock } = await arrange(t);
  const before = clock.pending;
  const readers = [await readLanes(t, gateway.url), await readLanes(t, gateway.url)];
  for (const reader of readers) await openingOf(reader);
  assert.equal(clock.pending, before + 1, 'one timer for all');
  for (const reader of readers) reader.leave();
  await until(() => clock.pending === before);
});

test('a comment keeps the stream alive', async t => {
  const { gateway, clock } = await arrange(t);
  const reader = await readLanes(t, gateway.url);
  await openingOf(reader);
  clock.advance(15_000);
  await until(() => reader.lines.includes(': still here'));
});

test('no key is 401, a user’s is 403, and neither gets a stream', async t => {
  const { gateway } = await arrange(t);
  assert.equal((await openStream(t, gateway.url, {})).statusCode, 401);
  assert.equal((await openStream(t, gateway.url, bearer(await gateway.createKey()))).statusCode, 403);
  const head = await fetch(`${gateway.url}/admin/scheduler/stream`, { method: 'HEAD', headers: bearer(adminKey) });
  assert.equal(head.status, 404);
});

test('a key that is revoked ends its stream within five seconds, and no other', async t => {
  const { gateway, clock } = await arrange(t);
  const user = await gateway.admin('POST', '/admin/users', { email: 'ops@example.com', role: 'gateway_admin' });
  const { body: drawn } = await gateway.admin('POST', '/admin/api-keys', { user_id: user.body.id });
  const [own, other] = [await readLanes(t, gateway.url, bearer(drawn.key)), await readLanes(t, gateway.url)];
  await openingOf(own);
  await openingOf(other);
  clock.advance(5000);
  await until(() => own.events.length > 6);
  await gateway.admin('DELETE', `/admin/api-keys/${drawn.id}`);
  clock.advance(5000);
  await own.ended;
  assert.ok(own.answer.complete, 'an end, not a break');
  const still = other.next('lanes');
  clock.advance(1000);
  await still;
});

test('a role that is taken away ends the stream too', async t => {
  const { gateway, clock } = await arrange(t);
  const user = await gateway.admin('POST', '/admin/users', { email: 'ops@example.com', role: 'gateway_admin' });
  const { body: drawn } = await gateway.admin('POST', '/admin/api-keys', { user_id: user.body.id });
  const reader = await readLanes(t, gateway.url, bearer(drawn.key));
  await openingOf(reader);
  await gateway.admin('PUT', `/admin/users/${user.body.id}`, { role: 'gateway_user' });
  clock.advance(5000);
  await reader.ended;
});

test('signing out ends the stream of the session', async t => {
  const { gateway, clock } = await arrange(t);
  const signedIn = await fetch(`${gateway.url}/admin/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: adminKey }),
  });
  assert.equal(signedIn.status, 201);
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const reader = await readLanes(t, gateway.url, { cookie });
  await openingOf(reader);
  clock.advance(5000);
  await until(() => reader.events.length >= 7);
  const headers = { cookie, 'x-tokligence-console': '1' };
  assert.equal((await fetch(`${gateway.url}/admin/session`, { method: 'DELETE', headers })).status, 200);
  clock.advance(5000);
  await reader.ended;
});

test('so many streams and no more; one that ends makes room', async t => {
  const { gateway } = await arrange(t);
  const readers = await Promise.all(Array.from({ length: mostStreams }, () => readLanes(t, gateway.url)));
  const refused = await gateway.admin('GET', '/admin/scheduler/stream');
  assert.deepEqual([refused.status, refused.body.error.code], [503, 'unavailable']);
  readers[0]?.leave();
  await until(async () => (await openStream(t, gateway.url)).statusCode === 200);
});

test('a stop ends the streams and does not wait for them', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 1 }) });
  const reader = await readLanes(t, gateway.url);
  await openingOf(reader);
  const stopped = gateway.app.stop();
  await reader.ended;
  assert.ok(reader.answer.complete);
  await stopped;
});

test('a request is found by the id that its client sent, waiting and running, and says why it waits', async t => {
  const { gateway, upstream, clock, chat } = await arrange(t);
  const find = (id: string) => gateway.admin('GET', findPath(id));
  const strange = `a/b?c%d#${'x'.repeat(120)}`;
  const first = chat('first');
  await upstream.waitForActive(1);
  const second = chat(strange);
  await until(async () => (await waitingIn(gateway)) === 1);
  clock.advance(2500);
  const { body: waiting } = await find(strange);
  assert.deepEqual(waiting, {
    request_id: strange,
    state: 'waiting',
    pool: 'main',
    level: 7,
    flow_id: 'user:1',
    waited_ms: 2500,
    position: 1,
    ahead: { better_levels: 0, own_level: 0, worse_levels: 0, own_flow: 0 },
    reason: { code: 'seats_busy', message: 'The only seat is in use; it is next.' },
    expected_wait_ms: null,
    gives_up_in_ms: 57_500,
  });
  assert.deepEqual((await gateway.admin('GET', '/admin/scheduler/requests')).body, { requests: [waiting], total: 1 });
  assert.equal((await find('first')).body.state, 'running');
  upstream.release(1);
  await first;
  await until(async () => (await find(strange)).body.state === 'running');
  upstream.open();
  assert.equal((await second).headers.get('x-request-id'), strange);
  const gone = await find(strange);
  assert.equal(gone.status, 404);
  assert.match(gone.body.error.message, /it has ended, or it is another gateway's/);
});

test('the list of those that wait takes a pool and a level that there are', async t => {
  const { gateway } = await arrange(t);
  const list = (query: string) => gateway.admin('GET', `/admin/scheduler/requests?${query}`);
  assert.deepEqual((await list('pool=main&level=7&limit=5')).body, { requests: [], total: 0 });
  for (const [query, param] of [
    ['pool=none', 'pool'],
    ['level=10', 'level'],
    ['limit=501', 'limit'],
  ] as const) {
    const { status, body } = await list(query);
    assert.deepEqual([status, body.error.param], [400, param]);
  }
});

test('requests of several pools are one list, and of two with the same id the one that waits is found', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  t.after(() => upstream.open());
  const clock = new ManualClock();
  const other = `\n[provider.other]\ntype = openai\nbase_url = ${upstream.url}/v1\nmodels = b*\nmax_concurrent = 1\n`;
  const ini = poolIni(upstream, { seats: 2, provider: 'models = a*' }) + other;
  const gateway = await startGateway(t, { ini, overrides: { clock } });
  const answers: Promise<Response>[] = [];
  const send = (model: string, requestId: string) => answers.push(gateway.chat(adminKey, { model, requestId }));
  send('a', 'twin');
  send('a', 'x');
  send('b', 'y');
  await upstream.waitForActive(3);
  const list = async (query = '') => {
    const { requests, total } = (await gateway.admin('GET', `/admin/scheduler/requests?${query}`)).body;
    return [requests.map((one: { request_id: string }) => one.request_id), total];
  };
  for (const [model, id, total] of [
    ['b', 'first', 1],
    ['a', 'second', 2],
    ['b', 'twin', 3],
  ] as const) {
    send(model, id);
    await until(async () => (await list())[1] === total);
    clock.advance(100);
  }
  assert.deepEqual(await list(), [['first', 'second', 'twin'], 3]);
  assert.deepEqual(await list('limit=2'), [['first', 'second'], 3]);
  assert.deepEqual(await list('pool=other'), [['first', 'twin'], 2]);
  const { state, pool } = (await gateway.admin('GET', findPath('twin'))).body;
  assert.deepEqual([state, pool], ['waiting', 'other']);
  upstream.open();
  for (const answer of answers) assert.equal((await answer).status, 200);
});

test('providers are shown without secrets, with how they do', async t => {
  const upstream: FakeUpstream = await startFakeUpstream(t);
  const ini = poolIni(upstream, { seats: 3, provider: 'api_key = sk-secret-of-the-provider\nmodels = a, b*' });
  const sections = '\n[provider.other]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
  const gateway = await startGateway(t, { ini: ini + sections });
  const providers = async () => (await gateway.admin('GET', '/admin/providers')).body.providers;
  const [main, other] = await providers();
  assert.deepEqual(
    [main.base_url, main.models, main.max_concurrent, main.health.state],
    [`${upstream.url}/v1`, ['a', 'b*'], 3, 'unknown'],
  );
  assert.deepEqual([other.type, other.base_url, other.health.closed_until], ['loopback', null, null]);
  assert.ok(!JSON.stringify(await providers()).includes('secret'));
  await (await gateway.chat(adminKey, { model: 'a' })).text();
  await until(async () => (await providers())[0].health.state === 'ok');
  await upstream.close();
  assert.equal((await gateway.chat(adminKey, { model: 'a' })).status, 502);
  await until(async () => (await providers())[0].health.state === 'failing');
  const { last_failure, requests, failures } = (await providers())[0].health;
  assert.match(last_failure, /^The upstream /);
  assert.deepEqual([requests, failures], [2, 1]);
});
