// The limit of connections and the order in which they yield: over real sockets, up to a process with few files.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { settingFolder, startDaemon } from '../support/daemon.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { poolIni } from '../support/pool-of-one.ts';
import { until } from '../support/until.ts';
import { openWire, type Wire } from '../support/wire.ts';

const loopback = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const half = 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ';
const get = (path: string, ...headers: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');
const key = `Authorization: Bearer ${adminKey}`;
const body = '{"model":"m","max_tokens":5,"messages":[]}';
const post = (path: string) =>
  [`POST ${path} HTTP/1.1`, 'Host: x', key, `Content-Length: ${body.length}`, '', body].join('\r\n');

const limits = (most: number, perAddress = 1_000, more: Record<string, string> = {}) => ({
  TOKLIGENCE_GATEWAY_MAX_CONNECTIONS: String(most),
  TOKLIGENCE_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS: String(perAddress),
  ...more,
});

async function metricsOf(url: string): Promise<(name: string) => number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  return name =>
    Number(
      text
        .split('\n')
        .find(line => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
}
const turnedAway = (outcome: string) => `tokligence_connections_turned_away_total{outcome="${outcome}"}`;

async function wires(t: TestContext, url: string, count: number): Promise<Wire[]> {
  const opened: Wire[] = [];
  for (let index = 0; index < count; index++) opened.push(await openWire(t, url));
  return opened;
}

test('at the limit, connections that never sent a complete head yield first, then idle ones, the longest idle first', async t => {
  const { url, log } = await startGateway(t, { ini: loopback, env: limits(4) });
  const idle = await wires(t, url, 2);
  for (const wire of idle) {
    wire.send(get('/v1/models', key));
    await wire.said(/"object":"list"/);
  }
  const headless = await wires(t, url, 2);
  for (const wire of headless) wire.send(half);
  for (const yielding of [...headless, ...idle]) {
    assert.equal(yielding.isOpen, true);
    const newcomer = await openWire(t, url);
    newcomer.send(get('/v1/models', key));
    await newcomer.said(/"object":"list"/);
    await yielding.closed;
  }
  const metric = await metricsOf(url);
  // The connection of this request has also made the longest idle one yield.
  assert.deepEqual([metric(turnedAway('yielded')), metric(turnedAway('refused'))], [5, 0]);
  assert.deepEqual([metric('tokligence_connections'), metric('tokligence_connections_limit')], [4, 4]);
  await until(() => log.some(line => line.includes('Connections: 4 are open')));
});

test('where all have a request under way, a newcomer is answered 503 until a place is free, and probes are served', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const { url, log } = await startGateway(t, { ini: poolIni(upstream, { seats: 8 }), env: limits(2) });
  const busy = await wires(t, url, 2);
  for (const wire of busy) wire.send(post('/v1/chat/completions'));
  await upstream.waitForActive(2);

  const [openai, anthropic, admin] = await wires(t, url, 3);
  assert.ok(openai && anthropic && admin);
  openai.send(post('/v1/chat/completions'));
  assert.match(
    await openai.said(/"code"/),
    /^HTTP\/1\.1 503 .*retry-after: 1\r\n.*max_connections.*"code":"unavailable"/s,
  );
  anthropic.send(post('/v1/messages'));
  assert.match(await anthropic.said(/overloaded_error/), /^HTTP\/1\.1 503 .*"type":"error"/s);
  admin.send(get('/admin/users', key));
  assert.match(await admin.said(/"code"/), /^HTTP\/1\.1 503 /);
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const probe = await openWire(t, url);
    probe.send(get(path));
    await probe.said(/HTTP\/1\.1 200 .*(ok|ready|tokligence)/s);
  }
  assert.equal(upstream.active, 2, 'nothing that was refused went upstream');
  await until(() => log.some(line => line.includes('"outcome":"unavailable"')));

  upstream.release(1);
  await Promise.race(busy.map(wire => wire.said(/HTTP\/1\.1 200/)));
  openai.send(post('/v1/chat/completions'));
  await upstream.waitForActive(2);
  upstream.open();
  await openai.said(/HTTP\/1\.1 200/);
});

test('an address has a limit of its own, which a trusted proxy has not', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const ini = poolIni(upstream, { seats: 8 });
  const { url } = await startGateway(t, { ini, env: limits(50, 2) });
  const own = await wires(t, url, 2);
  for (const wire of own) wire.send(post('/v1/chat/completions'));
  await upstream.waitForActive(2);
  const refused = await openWire(t, url);
  refused.send(post('/v1/chat/completions'));
  assert.match(await refused.said(/"code"/), /^HTTP\/1\.1 503 .*max_connections_per_address allows one address/s);
  assert.equal((await metricsOf(url))(turnedAway('refused_of_address')), 1);

  const trusting = await startGateway(t, {
    ini,
    env: limits(50, 2, { TOKLIGENCE_GATEWAY_TRUSTED_PROXIES: '127.0.0.0/8' }),
  });
  for (const wire of await wires(t, trusting.url, 5)) wire.send(post('/v1/chat/completions'));
  await upstream.waitForActive(7);
  upstream.open();
});

test('a stranger who asks without a key, or takes no answer, yields to a client that has one', async t => {
  const { url, createKey, chat } = await startGateway(t, { ini: loopback, env: limits(6) });
  const keyOfOther = await createKey();
  const strangers = await wires(t, url, 6);
  const slowBody =
    'POST /admin/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{';
  for (const wire of strangers) wire.send(slowBody);
  for (let count = 0; count < 3; count++) assert.equal((await chat(keyOfOther)).status, 200);
  await strangers[0]?.closed;
  await until(async () => (await metricsOf(url))(turnedAway('refused')) === 0);
});

test('no body is read of a request for what is not there', async t => {
  const { url } = await startGateway(t, { ini: loopback });
  for (const path of ['/nothing', '/v1/files', '/console/x', '/healthz']) {
    const wire = await openWire(t, url);
    wire.send(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{`);
    assert.match(await wire.said(/not_found/), /^HTTP\/1\.1 404 /, path);
  }
});

test('whatever is sent on a connection, it is forgotten when it closes', async t => {
  const { url, createKey } = await startGateway(t, { ini: loopback });
  await createKey();
  const sent = [
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    get('/healthz', 'Connection: upgrade', 'Upgrade: websocket'),
    get('/healthz', 'Expect: 100-continue'),
    get('/v1/models', key).repeat(20),
    post('/v1/chat/completions').repeat(5),
    get('/nothing').repeat(90),
    get('/healthz').repeat(500),
    'no HTTP\r\n\r\n',
    'GET / HTTP/2.0\r\nHost: x\r\n\r\n',
    half,
    '',
  ];
  for (const text of sent) (await openWire(t, url)).send(text);
  for (const text of sent) {
    const wire = await openWire(t, url);
    wire.send(text);
    wire.leave();
  }
  const left = await wires(t, url, 3);
  for (const wire of left) wire.leave();
  await until(async () => (await metricsOf(url))('tokligence_connections') <= sent.length + 1);
});

test('a process that may open 256 files serves clients with a key, whatever strangers open or do not read', async t => {
  if (process.platform === 'win32') return t.skip('there is no ulimit');
  const folder = await settingFolder(
    t,
    `[gateway]\nport = 0\ndata_dir = "FOLDER/data"\n[auth]\nadmin_key = ${adminKey}\n[log]\nformat = json\n${loopback}`,
  );
  const command = `ulimit -n 256; exec "$0" src/gatewayd.ts --config "$1"`;
  const daemon = startDaemon(t, 'sh', ['-c', command, process.execPath, join(folder, 'setting.ini')]);
  const url = await daemon.ready();
  assert.match(
    daemon.output,
    /Connections: at most 160 at once instead of 16000 \(\[gateway\] max_connections\).* 256 files/,
  );
  const served = async () => {
    for (const [path, text] of [
      ['/healthz', get('/healthz', 'Connection: close')],
      ['a chat', post('/v1/chat/completions')],
    ] as const) {
      const wire = await openWire(t, url);
      wire.send(text);
      assert.match(await wire.said(/HTTP\/1\.1 \d/), /HTTP\/1\.1 200/, path);
    }
  };

  const strangers = await wires(t, url, 300);
  for (const wire of strangers) wire.send(half);
  await served();
  assert.ok(strangers.filter(({ isOpen }) => isOpen).length <= 160);

  await t.test('also those that ask for files and do not take them', { skip: !isConsoleBuilt() }, async () => {
    const asset = readdirSync('ui/dist/assets').find(name => /^first.*\.js$/.test(name));
    const hungry = await wires(t, url, 20);
    for (const wire of hungry) wire.send(get(`/console/assets/${asset}`).repeat(90));
    for (const wire of hungry) await wire.said(/HTTP\/1\.1 200/);
    if (process.platform === 'linux') assert.ok(readdirSync(`/proc/${daemon.pid}/fd`).length < 240);
    await served();
  });
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  assert.ok(!daemon.output.includes('EMFILE'), daemon.output);
});

function isConsoleBuilt(): boolean {
  try {
    return readdirSync('ui/dist/assets').length > 0;
  } catch {
    return false;
  }
}
