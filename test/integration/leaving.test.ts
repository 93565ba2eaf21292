// A stop that loses nothing: which clients learn of it, when, and what is served meanwhile.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Daemon, settingFolder, startDaemon } from '../support/daemon.ts';
import { type Reply, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { type Balancer, startHaproxy, withoutHaproxy } from '../support/haproxy.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { poolIni } from '../support/pool-of-one.ts';
import { until } from '../support/until.ts';
import { openWire, type Wire } from '../support/wire.ts';

const key = `Authorization: Bearer ${adminKey}`;
const head = (line: string, ...more: string[]) => [line, 'Host: x', key, ...more, '', ''].join('\r\n');
const get = (path: string) => head(`GET ${path} HTTP/1.1`);
const post = (path: string, value: object) => {
  const body = JSON.stringify(value);
  return head(`POST ${path} HTTP/1.1`, 'Content-Type: application/json', `Content-Length: ${body.length}`) + body;
};
const chat = (stream = false) => post('/v1/chat/completions', { model: 'm', stream, messages: [] });
const closes = /^connection: close\r$/im;

async function arrange(t: TestContext, delaySec: number, reply: Reply = { hold: true }) {
  const upstream = await startFakeUpstream(t, reply);
  const clock = new ManualClock();
  // A failing test must not wait for the delay of a clock that stands still.
  t.after(() => setInterval(() => clock.advance(10_000), 10).unref());
  const gateway = await startGateway(t, {
    ini: poolIni(upstream, { seats: 4 }),
    env: { TOKLIGENCE_GATEWAY_SHUTDOWN_DELAY_SEC: String(delaySec) },
    overrides: { clock },
  });
  /** Opens a connection; resolves to everything received on it until it was closed. */
  const ask = async (bytes: string) => {
    const wire = await openWire(t, gateway.url);
    wire.send(bytes);
    return wire.closed;
  };
  return { ...gateway, upstream, clock, ask };
}

/** A kept connection on which one request was answered. */
async function idleWire(t: TestContext, url: string): Promise<Wire> {
  const wire = await openWire(t, url);
  wire.send(get('/healthz'));
  assert.doesNotMatch(await wire.said(/"ok"/), closes);
  return wire;
}

test('while it leaves everything is served on an open port, and every answer ends its connection', async t => {
  const { app, url, clock, upstream, ask } = await arrange(t, 5);
  const [idle, late, running] = [await idleWire(t, url), await idleWire(t, url), await openWire(t, url)];
  running.send(chat());
  await upstream.waitForActive(1);
  const stopped = app.stop();

  assert.match(
    await ask(get('/readyz')),
    /^HTTP\/1\.1 503 [\s\S]*\r\nconnection: close\r\n[\s\S]*\{"status":"stopping"\}/i,
  );
  const served: [string, RegExp][] = [
    [get('/healthz'), /^HTTP\/1\.1 200 /],
    [get('/metrics'), /^HTTP\/1\.1 200 /],
    [get('/openapi.json'), /^HTTP\/1\.1 200 /],
    [get('/admin/users'), /^HTTP\/1\.1 200 /],
    [post('/admin/users', { email: 'a@b', role: 'gateway_user' }), /^HTTP\/1\.1 201 /],
    [get('/nothing'), /^HTTP\/1\.1 404 /],
    [post('/v1/chat/completions', { model: 'm', stream: 'x' }).replace(key, 'X: y'), /^HTTP\/1\.1 401 /],
  ];
  for (const [bytes, status] of served) {
    const answer = await ask(bytes);
    assert.match(answer, status);
    assert.match(answer, closes, bytes);
  }
  const newcomer = ask(chat());
  await upstream.waitForActive(2);
  upstream.open();
  for (const answer of [await newcomer, await running.closed]) {
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, closes);
  }
  late.send(get('/v1/models'));
  assert.match(await late.closed, /"ok"[\s\S]*\r\nconnection: close\r\n[\s\S]*"object":"list"/i);

  clock.advance(4_999);
  assert.match(await ask(get('/healthz')), /^HTTP\/1\.1 200 /);
  assert.equal(idle.isOpen, true);
  clock.advance(1);
  assert.doesNotMatch(await idle.closed, closes);
  await assert.rejects(openWire(t, url), 'the port is closed');
  await stopped;
});

test('without a delay, too, what is under way is answered with Connection: close', async t => {
  const { app, url, upstream } = await arrange(t, 0);
  const running = await openWire(t, url);
  running.send(chat());
  await upstream.waitForActive(1);
  const stopped = app.stop();
  upstream.open();
  const answer = await running.closed;
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.match(answer, closes);
  await stopped;
});

test('of requests that were sent ahead all are answered, and the last answer ends the connection', async t => {
  const { app, url, clock, upstream, ask } = await arrange(t, 5);
  const wire = await openWire(t, url);
  wire.send(chat() + chat());
  await upstream.waitForActive(1);
  const stopped = app.stop();
  wire.send(chat());
  // Sent later, on another connection, and answered: so the earlier bytes have arrived.
  assert.match(await ask(get('/healthz')), closes);
  upstream.open();
  const answers = (await wire.closed).split(/(?=HTTP\/1\.1 )/);
  assert.deepEqual(
    answers.map(answer => [answer.slice(9, 12), closes.test(answer)]),
    [
      ['200', false],
      ['200', false],
      ['200', true],
    ],
  );
  clock.advance(5_000);
  await stopped;
});

test('who is in a hurry ends the delay, and then the grace period', async t => {
  const { app, url, clock, upstream, ask } = await arrange(t, 3600, { chunks: 2, gated: true });
  const streaming = await openWire(t, url);
  streaming.send(chat(true));
  await upstream.waitForActive(1);
  await streaming.said(/text\/event-stream/);
  const stopped = app.stop();
  assert.match(await ask(get('/healthz')), /"ok"/);
  app.hurry();
  await until(() =>
    ask(get('/healthz')).then(
      () => false,
      () => true,
    ),
  );
  assert.equal(streaming.isOpen, true, 'the grace period has only begun');
  app.hurry();
  await streaming.said(/data: \{"error":\{.*"code":"unavailable"/);
  // Its connection has a moment for the last bytes, by a clock that stands still.
  await until(() => {
    clock.advance(1_000);
    return !streaming.isOpen;
  });
  await stopped;
});

const settings = (more: string) => `
[gateway]
edition = personal
port = 0
data_dir = "FOLDER/data"
${more}
[auth]
admin_key = ${adminKey}
[log]
format = pretty
[provider.local]
type = loopback
service_ms = 50
chunk_ms = 2
max_concurrent = 50
`;

async function startWith(t: TestContext, ini: string): Promise<Daemon> {
  const folder = await settingFolder(t, ini);
  return startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);
}

test('a gateway that has never been ready stops without a delay', async t => {
  const unreachable = '[database]\nurl = postgres://nobody@127.0.0.1:1/none';
  const ini = settings(`shutdown_delay_sec = 3600\n${unreachable}`).replace('= personal', '= team');
  const daemon = await startWith(t, ini);
  await daemon.said('Cannot use the database yet');
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  assert.doesNotMatch(daemon.output, /Leaving/);
});

test('a second signal skips the delay: what runs is served to its end', async t => {
  const daemon = await startWith(
    t,
    settings('shutdown_delay_sec = 3600').replace('service_ms = 50', 'service_ms = 1500'),
  );
  const url = await daemon.ready();
  const wire = await openWire(t, url);
  daemon.signal('SIGQUIT');
  await daemon.said('Leaving: /readyz answers 503, all else is served for another 3600 s');
  wire.send(chat());
  const start = performance.now();
  await until(() => performance.now() - start > 1_100);
  daemon.signal('SIGTERM');
  await daemon.said('Stopping');
  assert.match(await wire.closed, /^HTTP\/1\.1 200 /);
  assert.equal(await daemon.exited, 0);
});

/** More than HAProxy could send a second time: its buffer is 16 KiB. */
const longBody = (stream: boolean) =>
  JSON.stringify({ model: 'm', stream, max_tokens: 5, messages: [{ role: 'user', content: 'x'.repeat(20_000) }] });

async function keepAsking(balancer: Balancer, served: string[], isOver: () => boolean): Promise<string[]> {
  const lost: string[] = [];
  for (let turn = 0; !isOver(); turn++) {
    const stream = turn % 2 === 0;
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    try {
      const answer = await balancer.send('/v1/chat/completions', { headers, body: longBody(stream) });
      const text = await answer.body.text();
      const isWhole = answer.statusCode === 200 && (stream ? text.endsWith('[DONE]\n\n') : JSON.parse(text).usage);
      if (isWhole) served.push(String(answer.headers['x-server']));
      else lost.push(`${answer.statusCode} ${text.slice(-200)}`);
    } catch (error) {
      lost.push(String(error));
    }
  }
  return lost;
}

test('behind HAProxy one of two gateways stops under load, and nothing is lost', { skip: withoutHaproxy }, async t => {
  const ini = settings('shutdown_delay_sec = 5');
  const daemons = await Promise.all([startWith(t, ini), startWith(t, ini)]);
  const [one = '', other = ''] = await Promise.all(daemons.map(daemon => daemon.ready()));
  const balancer = await startHaproxy(t, [one, other]);
  const served: string[] = [];
  const by = (url: string) => served.filter(name => name === new URL(url).host).length;
  let isOver = false;
  const clients = Array.from({ length: 12 }, () => keepAsking(balancer, served, () => isOver));
  await until(() => by(one) >= 24 && by(other) >= 24);

  const before = by(one);
  daemons[0]?.signal('SIGTERM');
  assert.equal(await daemons[0]?.exited, 0);
  const [whileLeaving, afterwards] = [by(one) - before, by(other)];
  await until(() => by(other) >= afterwards + 24);
  isOver = true;
  const lost = (await Promise.all(clients)).flat();
  assert.deepEqual(lost, []);
  assert.ok(whileLeaving > 0, 'it was asked on until HAProxy had noticed');
  t.diagnostic(`${served.length} served, ${whileLeaving} of them by the gateway that was leaving`);
});
