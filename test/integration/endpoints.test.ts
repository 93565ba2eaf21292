import assert from 'node:assert/strict';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer as createRawServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { HttpProviderConfig } from '../../src/config/config.ts';
import type { EndpointSeats } from '../../src/domain/endpoint.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { type Front, provider, startFront } from '../support/front.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startNameServer } from '../support/name-server.ts';
import { selfSigned } from '../support/self-signed.ts';
import { until } from '../support/until.ts';

const chat = '/v1/chat/completions';
/** No jitter to speak of, and a check at its latest moment. */
const random = () => 0.999_999;

interface Arranged {
  readonly front: Front;
  readonly clock: ManualClock;
  /** The seats as the pool was told last. */
  seats(): readonly number[];
  states(): readonly string[];
  /** Sends a request as one whose seat is at this endpoint; resolves to its status. */
  ask(endpoint: string, flow?: string): Promise<number>;
}

async function arrange(t: TestContext, more: Partial<HttpProviderConfig>, options: object = {}): Promise<Arranged> {
  const clock = new ManualClock();
  const front = await startFront(t, provider('http://unused', more), { clock, random, ...options });
  let last: readonly EndpointSeats[] = [];
  front.upstreams.watchEndpoints((_provider, _pool, endpoints) => {
    last = endpoints;
  });
  return {
    front,
    clock,
    seats: () => last.map(({ seats }) => seats),
    states: () => front.upstreams.endpoints('local').map(({ state }) => state),
    async ask(endpoint, flow = 'flow') {
      const { answer, whole } = await front.post(chat, { headers: { 'x-endpoint': endpoint, 'x-flow': flow } });
      await whole().catch(() => {});
      return answer.statusCode ?? 0;
    },
  };
}

/** Knows how many checks have come to their ends: the next is planned then. */
class CheckClock extends ManualClock {
  planned = 0;

  override after(delayMs: number, action: () => void): () => void {
    if (delayMs === 5_000) this.planned++;
    return super.after(delayMs, action);
  }
}

/** Answers the first request of each connection, and closes it when the second one comes. Returns its port. */
async function startForgetful(t: TestContext): Promise<number> {
  const server = createRawServer(socket => {
    let seen = 0;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (++seen === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
      else socket.destroy();
    });
  });
  const port = await freePort();
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  t.after(() => server.close());
  return port;
}

const urls = (...upstreams: readonly FakeUpstream[]): HttpProviderConfig['baseUrls'] => {
  const [first = '', ...others] = upstreams.map(({ url }) => `${url}/v1`);
  return [first, ...others];
};
const refusing = async () => `http://127.0.0.1:${await freePort()}`;
const chats = ({ requests }: FakeUpstream) => requests.filter(({ method }) => method === 'POST').length;

/** Advances the clock until it is so. */
const untilLater = (clock: ManualClock, claim: () => boolean) =>
  until(() => {
    if (claim()) return true;
    clock.advance(1_000);
    return false;
  });

/** Lets a slow start come to its end. */
const settle = (clock: ManualClock) => clock.advance(5_000);

test('a call goes to the endpoint of its seat, and one without to the first that is up', async t => {
  const [one, two] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const { ask, front } = await arrange(t, { baseUrls: urls(one, two) });
  assert.equal(await ask(two.url), 200);
  assert.deepEqual([chats(one), chats(two)], [0, 1]);
  front.upstreams.drain('local', one.url);
  assert.equal(await ask('http://nobody'), 200);
  assert.deepEqual([chats(one), chats(two)], [0, 2]);
  front.upstreams.resume('local', one.url);
  assert.equal(await ask('http://nobody'), 200);
  assert.deepEqual([chats(one), chats(two)], [1, 2]);
});

test('an endpoint that refuses connections is down after three requests, and its seats are gone', async t => {
  const one = await startFakeUpstream(t);
  const dead = await refusing();
  const { ask, seats, states, front } = await arrange(t, {
    baseUrls: [`${one.url}/v1`, `${dead}/v1`],
    seats: { each: 8 },
  });
  assert.deepEqual(seats(), [8, 8]);
  assert.deepEqual([await ask(dead), await ask(dead)], [502, 502]);
  assert.deepEqual(states(), ['up', 'up']);
  assert.equal(await ask(dead), 502);
  assert.deepEqual(states(), ['up', 'down']);
  assert.deepEqual(seats(), [8, 0]);
  const [, down] = front.upstreams.endpoints('local');
  assert.equal(down?.failures, 3);
  assert.match(down?.why ?? '', /ECONNREFUSED/);
});

test('an endpoint that comes back has all its seats 5 s after its probe, and few at first', async t => {
  const port = await freePort();
  const one = await startFakeUpstream(t);
  const at = { host: '127.0.0.1', port };
  const { ask, seats, states, clock } = await arrange(t, {
    baseUrls: [`${one.url}/v1`, `http://127.0.0.1:${port}/v1`],
    seats: { each: 20 },
  });
  for (let time = 0; time < 3; time++) await ask(`http://127.0.0.1:${port}`);
  const back = await startFakeUpstream(t, {}, { at });
  clock.advance(999);
  assert.deepEqual(states(), ['up', 'down']);
  clock.advance(1);
  assert.deepEqual(states(), ['up', 'probing']);
  await until(() => states()[1] === 'up');
  assert.deepEqual(
    back.requests.map(({ method, url }) => [method, url]),
    [['GET', '/v1/models']],
  );
  assert.deepEqual(seats(), [20, 2]);
  clock.advance(2_000);
  assert.deepEqual(seats(), [20, 10]);
  clock.advance(2_500);
  assert.deepEqual(seats(), [20, 20]);
});

test('an endpoint that was down for an hour has all its seats within 10 s of its return', async t => {
  const port = await freePort();
  const dead = `http://127.0.0.1:${port}`;
  const one = await startFakeUpstream(t);
  const { ask, seats, states, clock, front } = await arrange(t, { baseUrls: [`${one.url}/v1`, `${dead}/v1`] });
  for (let time = 0; time < 3; time++) await ask(dead);
  while (clock.now() < 3_600_000) {
    clock.advance(5_000);
    await until(() => states()[1] === 'down');
  }
  const { since } = front.upstreams.endpoints('local')[1] ?? assert.fail();
  assert.equal(since, 0, 'the outage is told as one');
  await startFakeUpstream(t, {}, { at: { host: '127.0.0.1', port } });
  const backAt = clock.now();
  clock.advance(5_000);
  await until(() => states()[1] === 'up');
  while (seats()[1] !== 8) clock.advance(100);
  const took = clock.now() - backAt;
  t.diagnostic(`full load after ${took} ms`);
  assert.ok(took <= 10_000, `${took} ms`);
});

test('all kinds of failures before an answer count, and 503 with Retry-After does not', async t => {
  for (const [kind, reply] of [
    ['502', { status: 502 }],
    ['503', { status: 503 }],
    ['504', { status: 504 }],
    ['reset', { fault: 'reset' }],
    ['first byte', { fault: 'silence' }],
  ] as const) {
    const [one, bad] = [await startFakeUpstream(t), await startFakeUpstream(t, reply)];
    const { ask, states } = await arrange(t, { baseUrls: urls(one, bad), firstByteTimeoutMs: 20 });
    for (const flow of ['a', 'b', 'c']) await ask(bad.url, flow);
    assert.deepEqual(states(), ['up', 'down'], kind);
  }
  const [one, busy] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  busy.reply({ status: 503, headers: { 'retry-after': '1' } });
  const { ask, states } = await arrange(t, { baseUrls: urls(one, busy) });
  for (const flow of ['a', 'b', 'c', 'd']) await ask(busy.url, flow);
  assert.deepEqual(states(), ['up', 'up']);
});

test('the requests of one tenant that break every connection close nothing for the others', async t => {
  const [one, two] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  two.reply(({ method, headers }) => (method === 'POST' && headers['x-flow'] === 'poison' ? { fault: 'reset' } : {}));
  const { ask, states, front, clock } = await arrange(t, { baseUrls: urls(one, two) });
  for (let time = 0; time < 30; time++) {
    assert.equal(await ask(two.url, 'poison'), 502);
    clock.advance(100);
  }
  const probes = two.requests.filter(({ method }) => method === 'GET');
  assert.deepEqual(states(), ['up', 'up']);
  assert.ok(probes.length >= 1 && probes.length <= 4, `${probes.length} probes in 3 s`);
  assert.equal(front.upstreams.endpoints('local')[1]?.failures, 30);
});

test('the failures of one tenant alone close an endpoint that does not answer a probe either', async t => {
  const [one, two] = [await startFakeUpstream(t), await startFakeUpstream(t, { fault: 'reset' })];
  const { ask, states } = await arrange(t, { baseUrls: urls(one, two) });
  for (let time = 0; time < 3; time++) await ask(two.url, 'only');
  await until(() => states()[1] === 'down');
});

test('a lone endpoint keeps its seats and refuses as before; nothing but requests is sent to it', async t => {
  const lone = await startFakeUpstream(t, { fault: 'reset' });
  const { ask, seats, states, clock, front } = await arrange(t, { baseUrls: urls(lone) });
  for (const flow of ['a', 'b', 'c', 'd']) assert.equal(await ask(lone.url, flow), 502);
  assert.deepEqual([states(), seats()], [['down'], [8]]);
  const { provider } = front.upstreams.resolve('openai', 'm').targets[0];
  assert.equal(provider.downUntil(clock.now()), null);
  clock.advance(60_000);
  lone.reply({});
  assert.equal(await ask(lone.url), 200);
  assert.deepEqual([states(), seats()], [['up'], [8]]);
  assert.equal(lone.requests.length, 5);
});

test('while all endpoints are down it is known when the next is asked again', async t => {
  const [a, b] = [await refusing(), await refusing()];
  const { ask, front, clock } = await arrange(t, { baseUrls: [`${a}/v1`, `${b}/v1`] });
  const { provider } = front.upstreams.resolve('openai', 'm').targets[0];
  for (let time = 0; time < 3; time++) await ask(a);
  assert.equal(provider.downUntil(clock.now()), null);
  clock.advance(500);
  for (let time = 0; time < 3; time++) await ask(b);
  assert.equal(Math.round(provider.downUntil(clock.now()) ?? 0), 1_000);
  assert.equal(provider.retriesUnsafe, true);
});

test('health_path is asked every 5 s, opens after three failures, and no more once the gateway stops', async t => {
  const [one, two] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  two.reply(({ url }) => ({ status: url === '/health' ? 500 : 200 }));
  const clock = new CheckClock();
  const { states, front } = await arrange(t, { baseUrls: urls(one, two), healthPath: '/health' }, { clock });
  for (let check = 1; check <= 3; check++) {
    assert.deepEqual(states(), ['up', 'up']);
    clock.advance(5_000);
    await until(() => clock.planned === 2 * check);
  }
  assert.deepEqual(states(), ['up', 'down']);
  front.upstreams.stopChecks();
  const before = one.requests.length;
  clock.advance(60_000);
  assert.equal(one.requests.length, before);
  assert.equal(one.requests[0]?.url, '/health');
});

test('a check on an idle connection that the upstream closes just then is tried on a new one', async t => {
  const port = await startForgetful(t);
  const clock = new CheckClock();
  const { states } = await arrange(t, { baseUrls: [`http://127.0.0.1:${port}/v1`], healthPath: '/health' }, { clock });
  for (let check = 1; check <= 24; check++) {
    clock.advance(5_000);
    await until(() => clock.planned === check);
  }
  assert.deepEqual(states(), ['up']);
});

test('an endpoint that goes down while a check is under way is probed all the same', async t => {
  const [one, two] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  two.reply(({ url }) => (url === '/health' ? { fault: 'silence' } : { status: 503 }));
  const { ask, states, clock } = await arrange(t, { baseUrls: urls(one, two), healthPath: '/health' });
  clock.advance(5_000);
  await two.waitForRequests(1);
  for (const flow of ['a', 'b', 'c']) await ask(two.url, flow);
  assert.deepEqual(states(), ['up', 'down']);
  two.reply({});
  clock.advance(1_000);
  await until(() => states()[1] === 'up');
});

test('an endpoint that is drained by hand has no seats until it is resumed, and its running call goes on', async t => {
  const [one, two] = [await startFakeUpstream(t, { hold: true }), await startFakeUpstream(t)];
  const { ask, seats, states, front, clock } = await arrange(t, { baseUrls: urls(one, two) });
  const running = ask(one.url);
  await one.waitForRequests(1);
  front.upstreams.drain('local', one.url);
  assert.deepEqual(
    [states(), seats()],
    [
      ['drained', 'up'],
      [0, 8],
    ],
  );
  assert.equal(front.upstreams.endpoints('local')[0]?.why, 'drained by hand');
  one.release();
  assert.equal(await running, 200);
  front.upstreams.resume('local', one.url);
  settle(clock);
  assert.deepEqual(
    [states(), seats()],
    [
      ['up', 'up'],
      [8, 8],
    ],
  );
  assert.throws(() => front.upstreams.drain('local', 'http://x'), /no endpoint http:\/\/x; it has http:\/\/127/);
  assert.throws(() => front.upstreams.drain('nobody', 'http://x'), /There is no provider nobody\./);
});

test('each address of a name is an endpoint: they come and go, and the Host is the name', async t => {
  const first = await startFakeUpstream(t, {}, { at: { host: '127.0.0.2', port: 0 } });
  const port = Number(new URL(first.url).port);
  const second = await startFakeUpstream(t, {}, { at: { host: '127.0.0.3', port } });
  const names = await startNameServer(t, ['127.0.0.2']);
  const { ask, seats, clock, front } = await arrange(
    t,
    { baseUrls: [`dns+http://vllm-headless.test:${port}/v1`] },
    { lookup: names.lookup },
  );
  const ids = () => front.upstreams.endpoints('local').map(({ id }) => id);
  await until(() => ids().length === 1);
  assert.deepEqual([ids(), seats()], [[first.url], [8]]);

  names.answer(['127.0.0.3', '127.0.0.2']);
  await until(() => clock.pending > 0);
  clock.advance(5_000);
  await until(() => ids().length === 2);
  assert.deepEqual(seats(), [8, 1], 'a new one begins slowly');
  settle(clock);
  assert.deepEqual(seats(), [8, 8]);
  assert.equal(await ask(second.url), 200);
  assert.equal(second.requests[0]?.headers.host, `vllm-headless.test:${port}`);

  names.answer(['127.0.0.3']);
  await untilLater(clock, () => ids().length === 1);
  assert.deepEqual([ids(), seats()], [[second.url], [8]]);
  assert.ok(names.asked.every(name => name === 'vllm-headless.test'));
});

test('over TLS the name is asked for, whichever address is connected to, and no trust is a failure', async t => {
  const asked: string[] = [];
  const server = createSecureServer({
    ...selfSigned,
    SNICallback: (name, done) => {
      asked.push(name);
      done(null);
    },
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.2', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const names = await startNameServer(t, ['127.0.0.2']);
  const { ask, states, front } = await arrange(
    t,
    { baseUrls: [`dns+https://vllm.test:${port}/v1`] },
    { lookup: names.lookup },
  );
  await until(() => states().length === 1);
  for (let time = 0; time < 3; time++) assert.equal(await ask(`https://127.0.0.2:${port}`), 502);
  assert.deepEqual(asked, ['vllm.test', 'vllm.test', 'vllm.test']);
  assert.deepEqual(states(), ['down']);
  assert.match(front.upstreams.endpoints('local')[0]?.why ?? '', /self-signed certificate/);
});

test('a look-up that fails keeps the last addresses, and is said once', async t => {
  const one = await startFakeUpstream(t, {}, { at: { host: '127.0.0.2', port: 0 } });
  const names = await startNameServer(t, ['127.0.0.2']);
  const said: string[] = [];
  const port = Number(new URL(one.url).port);
  const { ask, clock, front } = await arrange(
    t,
    { baseUrls: [`dns+http://gone.test:${port}/v1`] },
    { lookup: names.lookup, onEndpointFault: (_name: string, fault: string) => said.push(fault) },
  );
  await until(() => front.upstreams.endpoints('local').length === 1);
  names.answer(null);
  const before = names.asked.length;
  await untilLater(clock, () => names.asked.length >= before + 3);
  assert.equal(await ask(one.url), 200);
  assert.deepEqual(said, ['gone.test cannot be looked up: ESERVFAIL']);
});

test('of a name with a thousand addresses a hundred are taken, and that is said', async t => {
  const addresses = Array.from({ length: 1_000 }, (_, at) => `10.0.${Math.floor(at / 250)}.${(at % 250) + 1}`);
  const said: string[] = [];
  const { front } = await arrange(
    t,
    { baseUrls: ['dns+http://many.test/v1'] },
    { lookup: async () => addresses, onEndpointFault: (_name: string, fault: string) => said.push(fault) },
  );
  await until(() => front.upstreams.endpoints('local').length > 0);
  assert.equal(front.upstreams.endpoints('local').length, 100);
  assert.deepEqual(said, ['many.test has 1000 addresses, of which only 100 are used']);
});

test('a name without an address yet makes a request wait or fail clearly, and nobody else', async t => {
  const asked = Promise.withResolvers<readonly string[]>();
  const { front, clock, ask } = await arrange(
    t,
    { baseUrls: ['dns+http://none.test/v1'] },
    { lookup: () => asked.promise },
  );
  const { provider } = front.upstreams.resolve('openai', 'm').targets[0];
  assert.equal(provider.downUntil(clock.now()), null, 'it may be known in a moment');
  asked.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
  await until(() => clock.pending > 0);
  assert.equal(provider.downUntil(clock.now()), 5_000);
  assert.equal(await ask('http://nobody'), 502);
});

test('an address that is refused is never connected to, whether written or looked up', async t => {
  const said: string[] = [];
  for (const [baseUrls, options] of [
    [['http://169.254.169.254/v1'], {}],
    [['http://[::ffff:169.254.169.254]/v1'], {}],
    [['dns+http://evil.test/v1'], { lookup: async () => ['169.254.169.254'] }],
  ] as const) {
    const { front } = await arrange(t, { baseUrls }, options);
    await until(() => front.upstreams.endpoints('local').length === 1);
    const { answer, whole } = await front.post(chat);
    assert.equal(answer.statusCode, 502);
    said.push(JSON.parse(await whole()).error.message);
    assert.match(String((front.ends[0] as Error).cause), /169\.254\.169\.254|a9fe:a9fe/);
  }
  assert.deepEqual([...new Set(said)], ['The upstream has an address that this gateway may not call.']);
});

test('providers are replaced while requests flow: what is unchanged keeps its state, what is gone ends its calls', async t => {
  const [one, two] = [await startFakeUpstream(t, { hold: true }), await startFakeUpstream(t)];
  const { ask, front, seats, states, clock } = await arrange(t, { baseUrls: urls(one, two) });
  front.upstreams.drain('local', two.url);
  const running = ask(one.url);
  await one.waitForRequests(1);
  const next = (more: Partial<HttpProviderConfig>) => front.upstreams.configure([provider('http://unused', more)]);

  next({ baseUrls: urls(one, two), apiKey: 'sk-new', seats: { each: 4 } });
  assert.deepEqual(
    [states(), seats()],
    [
      ['up', 'drained'],
      [4, 0],
    ],
  );
  front.upstreams.resume('local', two.url);
  settle(clock);
  assert.equal(await ask(two.url), 200);
  assert.equal(two.requests[0]?.headers.authorization, 'Bearer sk-new');

  next({ baseUrls: urls(two) });
  assert.equal(front.upstreams.endpoints('local').length, 1);
  one.release();
  assert.equal(await running, 200, 'the call at the removed endpoint comes to its end');
  await until(() => one.connections === 0);

  const held = await startFakeUpstream(t, { hold: true });
  next({ baseUrls: urls(held) });
  const last = ask(held.url);
  await held.waitForRequests(1);
  front.upstreams.configure([provider(two.url, { name: 'other', pool: 'other' })]);
  assert.deepEqual(seats(), [8], 'the last word was of the new provider');
  held.open();
  assert.equal(await last, 200);
  await until(() => held.connections === 0);
});

test('an idle connection that the upstream closes as a request goes out is no failure of the endpoint', async t => {
  const port = await startForgetful(t);
  const one = await startFakeUpstream(t);
  const url = `http://127.0.0.1:${port}`;
  const { ask, states, front } = await arrange(t, { baseUrls: [`${one.url}/v1`, `${url}/v1`] });
  const statuses: number[] = [];
  for (const flow of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) statuses.push(await ask(url, flow));
  // Each call finds such a connection but the first, and is sent again over a new one.
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.deepEqual(states(), ['up', 'up']);
  assert.equal(front.upstreams.endpoints('local')[1]?.failures, 0);
});
