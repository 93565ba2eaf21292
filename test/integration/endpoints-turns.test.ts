// Endpoints that come and go through the whole gateway: names whose addresses change, an outage of an hour, a dead first
// target of a route.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startNameServer } from '../support/name-server.ts';
import { answered, nth, startReplicas } from '../support/replicas.ts';
import { until } from '../support/until.ts';

const chats = ({ requests }: FakeUpstream) => requests.filter(({ method }) => method === 'POST').length;

test('the addresses of a name change while requests flow: new ones are used, those that are gone end what they began', async t => {
  const port = await freePort();
  const at = (host: string) => startFakeUpstream(t, {}, { at: { host, port } });
  const [one, two, three] = await Promise.all([at('127.0.0.2'), at('127.0.0.3'), at('127.0.0.4')]);
  const names = await startNameServer(t, ['127.0.0.2', '127.0.0.3']);
  const clock = new ManualClock();
  const gateway = await startGateway(t, {
    ini: `[provider.main]\ntype = openai\nbase_url = dns+http://replicas.test:${port}/v1\nmax_concurrent = 2`,
    overrides: { clock, lookup: names.lookup },
  });
  const seats = async () => (await gateway.pool()).seats;
  const lookedUp = async () => {
    const before = names.asked.length;
    clock.advance(5_000);
    await until(() => names.asked.length > before);
  };
  await until(async () => (await seats()) === 4);
  for (const upstream of [one, two]) upstream.reply({ hold: true });
  const first = Array.from({ length: 4 }, () => answered(gateway.chat(adminKey)));
  for (const upstream of [one, two]) await upstream.waitForActive(2);
  assert.equal(one.requests.at(-1)?.headers.host, `replicas.test:${port}`);

  names.answer(['127.0.0.3', '127.0.0.4']);
  await lookedUp();
  const later = answered(gateway.chat(adminKey));
  await three.waitForRequests(1);
  assert.deepEqual([(await later).status, (await later).attempts], [200, 1]);
  assert.equal(chats(one), 2, 'nothing new goes to an address that is gone');
  for (const upstream of [one, two]) upstream.open();
  for (const answer of first) assert.deepEqual([(await answer).status, (await answer).attempts], [200, 1]);
  await until(() => one.connections === 0);

  names.answer(null);
  await lookedUp();
  await until(() => gateway.log.some(line => line.includes('cannot be looked up')));
  clock.advance(5_000);
  assert.equal(await seats(), 4, 'a failed look-up keeps the last addresses');
  assert.equal((await answered(gateway.chat(adminKey))).status, 200);
});

test('an endpoint that was down for an hour has its full load again within 10 s', async t => {
  const { gateway, upstreams, keys, clock, seats, revive } = await startReplicas(t, { count: 2, seats: 4 });
  const [living, dying] = upstreams;
  assert.ok(living !== undefined && dying !== undefined);
  const { url } = dying;
  await dying.close();
  for (let turn = 0; (await seats()) === 8; turn++) await answered(gateway.chat(nth(keys, turn)));
  let requests = 0;
  for (let minute = 0; minute < 60; minute++) {
    for (let step = 0; step < 12; step++) clock.advance(5_000);
    const answer = await answered(gateway.chat(nth(keys, minute)));
    assert.deepEqual([answer.status, answer.attempts], [200, 1]);
    requests++;
  }
  assert.equal(requests, 60);
  assert.equal(await seats(), 4);

  const back = await revive(url);
  const startedAt = clock.now();
  // A probe takes real time, during which the clock stands still.
  await until(async () => {
    if ((await seats()) === 8) return true;
    if (back.requests.length === 0 || (await seats()) > 4) clock.advance(100);
    return false;
  });
  const tookMs = clock.now() - startedAt;
  assert.ok(tookMs <= 10_000, `${tookMs} ms until all seats`);
  for (const upstream of [back, living]) upstream.reply({ hold: true });
  const load = Array.from({ length: 8 }, (_, index) => answered(gateway.chat(nth(keys, index))));
  for (const upstream of [back, living]) await upstream.waitForActive(4);
  for (const upstream of [back, living]) upstream.open();
  for (const answer of load) assert.equal((await answer).status, 200);
});

async function startRoute(t: TestContext, first: string, clock: ManualClock) {
  const alive = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: `
[provider.first]
type = openai
base_url = ${first}/v1
models = a
[provider.second]
type = openai
base_url = ${alive.url}/v1
models = b
[model.m]
targets = first:a, second:b`,
    overrides: { clock },
  });
  const keys = await Promise.all(Array.from({ length: 4 }, () => gateway.createKey()));
  return { gateway, alive, ask: (turn: number) => answered(gateway.chat(nth(keys, turn))) };
}

test('a dead first target is tried until its breaker opens, and again when it is due; all requests are served', async t => {
  const clock = new ManualClock();
  const port = await freePort();
  const { ask } = await startRoute(t, `http://127.0.0.1:${port}`, clock);
  const attempts: number[] = [];
  for (let turn = 0; turn < 20; turn++) {
    const answer = await ask(turn);
    assert.equal(answer.status, 200);
    attempts.push(answer.attempts);
  }
  assert.deepEqual(attempts, [...Array(3).fill(2), ...Array(17).fill(1)]);

  // Still dead: one request finds out each time.
  for (let probes = 0; probes < 3; probes++) {
    clock.advance(5_000);
    const tried = [await ask(0), await ask(1), await ask(2)].map(answer => answer.attempts);
    assert.deepEqual(tried, [2, 1, 1], `probe ${probes}`);
  }

  const back = await startFakeUpstream(t, {}, { at: { host: '127.0.0.1', port } });
  clock.advance(5_000);
  for (let turn = 0; turn < 4; turn++) assert.equal((await ask(turn)).attempts, 1);
  assert.equal(chats(back), 4, 'the first target serves again, as soon as it is tried');
});
