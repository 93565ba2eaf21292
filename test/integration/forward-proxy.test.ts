// Providers behind a company's proxy, and fixed headers of a provider.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { selfSigned } from '../support/self-signed.ts';
import { until } from '../support/until.ts';

const answer = '{"choices":[{"message":{"content":"Hello."}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}';
const serve = (_req: IncomingMessage, res: ServerResponse) =>
  res.writeHead(200, { 'content-type': 'application/json' }).end(answer);

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', socket => sockets.add(socket));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Proxy {
  readonly port: number;
  /** The received requests: the parts of the request line and the credentials. */
  readonly asked: { what: string; host: string | undefined; authorization: string | undefined }[];
}

/** Answers requests as configured, and opens tunnels to `target`; without one it refuses them with this status. */
async function startProxy(
  t: TestContext,
  { answers = serve, tunnel = 502, server = createServer() }: ProxyOptions = {},
): Promise<Proxy> {
  const asked: Proxy['asked'] = [];
  const note = ({ method, url, headers }: IncomingMessage) =>
    asked.push({ what: `${method} ${url}`, host: headers.host, authorization: headers['proxy-authorization'] });
  server.on('request', (req, res) => {
    note(req);
    req.resume();
    answers(req, res);
  });
  server.on('connect', (req: IncomingMessage, socket: Socket) => {
    note(req);
    socket.on('error', () => {});
    if (tunnel < 1000) {
      socket.end(`HTTP/1.1 ${tunnel} No\r\ncontent-length: 2\r\n\r\nno`);
      return;
    }
    const through = connect(tunnel, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      through.pipe(socket);
      socket.pipe(through);
    });
    through.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => through.destroy());
  });
  return { port: await listen(t, server), asked };
}

interface ProxyOptions {
  readonly answers?: (req: IncomingMessage, res: ServerResponse) => void;
  /** A port, or the status of a refusal. */
  readonly tunnel?: number;
  readonly server?: Server;
}

const vendor = (keys: string, baseUrl = 'http://vendor.invalid/v1') =>
  `[provider.v]\ntype = openai\nbase_url = ${baseUrl}\n${keys}`;

const trust = (t: TestContext): boolean => {
  if (!('setDefaultCACertificates' in tls)) {
    t.skip('needs Node 24.5, which learns of certificates while it runs');
    return false;
  }
  const known = tls.getCACertificates('default');
  t.after(() => tls.setDefaultCACertificates(known));
  tls.setDefaultCACertificates([...known, selfSigned.cert]);
  return true;
};

test('an http upstream is called through the proxy of the environment, where its provider says so', async t => {
  const proxy = await startProxy(t);
  const env = { HTTP_PROXY: `http://user:hunter2@127.0.0.1:${proxy.port}` };
  const gateway = await startGateway(t, { ini: vendor('proxy = environment\napi_key = sk-1'), env });
  for (let call = 0; call < 2; call++) assert.equal(await (await gateway.chat(adminKey)).text(), answer);
  const expected = {
    what: 'POST http://vendor.invalid/v1/chat/completions',
    host: 'vendor.invalid',
    authorization: `Basic ${Buffer.from('user:hunter2').toString('base64')}`,
  };
  assert.deepEqual(proxy.asked, [expected, expected]);
  await gateway.admin('GET', '/v1/models');
  assert.equal(proxy.asked.at(-1)?.what, 'GET http://vendor.invalid/v1/models');
  const { body } = await gateway.admin('GET', '/admin/providers');
  assert.equal(body.providers[0].proxy, `http://127.0.0.1:${proxy.port}`);
  assert.ok(!JSON.stringify([gateway.log, body]).includes('hunter2'));
});

test('a proxy may be spoken to by TLS, by its name or its address', async t => {
  if (!trust(t)) return;
  const proxy = await startProxy(t, { server: createSecureServer(selfSigned) });
  for (const host of ['localhost', '127.0.0.1']) {
    const gateway = await startGateway(t, { ini: vendor(`proxy = https://${host}:${proxy.port}`) });
    for (let call = 0; call < 2; call++) assert.equal((await gateway.chat(adminKey)).status, 200, host);
  }
  assert.deepEqual(new Set(proxy.asked.map(({ host }) => host)), new Set(['vendor.invalid']));
});

test('an https upstream is called through a tunnel, which is kept and outlives the time for connecting', async t => {
  if (!trust(t)) return;
  const upstream = await listen(
    t,
    createSecureServer(selfSigned, (req, res) => {
      setTimeout(() => serve(req, res), 400);
    }),
  );
  for (const server of [createServer(), createSecureServer(selfSigned)]) {
    const proxy = await startProxy(t, { tunnel: upstream, server });
    const scheme = server instanceof tls.Server ? 'https' : 'http';
    const keys = `connect_timeout_sec = 0.3\nproxy = ${scheme}://u:p@localhost:${proxy.port}`;
    const gateway = await startGateway(t, { ini: vendor(keys, `https://localhost:${upstream}/v1`) });
    for (let call = 0; call < 2; call++) assert.equal(await (await gateway.chat(adminKey)).text(), answer, scheme);
    const target = `localhost:${upstream}`;
    const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`;
    assert.deepEqual(proxy.asked, [{ what: `CONNECT ${target}`, host: target, authorization }]);
  }
});

test('a refusal of the proxy is a 502 that says so, and a refusal of the upstream passes', async t => {
  let status = 200;
  let headers: Record<string, string> = {};
  const answers = (_req: IncomingMessage, res: ServerResponse) => res.writeHead(status, headers).end('<html>');
  const proxy = await startProxy(t, { answers, tunnel: 407 });
  const url = `http://user:hunter2@127.0.0.1:${proxy.port}`;
  const plain = await startGateway(t, { ini: vendor(`proxy = ${url}`) });
  const refusals: [number, Record<string, string>][] = [
    [407, { 'proxy-authenticate': 'Basic realm="x"' }],
    [403, { 'x-squid-error': 'ERR_ACCESS_DENIED 0' }],
    [503, { 'proxy-status': 'corp; error=destination_unavailable' }],
  ];
  for (const refusal of refusals) {
    [status, headers] = refusal;
    const refused = await plain.chat(adminKey);
    assert.equal(refused.status, 502);
    assert.match(await refused.text(), /The proxy on the way to the upstream refused to pass the call on/);
  }
  [status, headers] = [403, {}];
  assert.equal((await plain.chat(adminKey)).status, 403);

  const tunnelled = await startGateway(t, { ini: vendor(`proxy = ${url}`, 'https://vendor.invalid/v1') });
  const refused = await tunnelled.chat(adminKey);
  assert.equal(refused.status, 502);
  assert.match(await refused.text(), /The proxy on the way to the upstream refused/);
  await until(() => tunnelled.log.some(line => line.includes('answered 407 to CONNECT vendor.invalid:443')));
  for (const gateway of [plain, tunnelled]) assert.ok(!gateway.log.join().includes('hunter2'));
});

test('a proxy that is not there or says nothing is a 502 that says so', async t => {
  for (const baseUrl of ['http://vendor.invalid/v1', 'https://vendor.invalid/v1']) {
    // Nothing listens on port 9.
    const gateway = await startGateway(t, { ini: vendor('proxy = http://127.0.0.1:9', baseUrl) });
    const failed = await gateway.chat(adminKey);
    assert.equal(failed.status, 502);
    assert.match(await failed.text(), /The proxy on the way to the upstream could not be reached/);
  }
  const silent = await listen(
    t,
    createServer().on('connect', () => {}),
  );
  const keys = `connect_timeout_sec = 0.2\nproxy = http://127.0.0.1:${silent}`;
  const gateway = await startGateway(t, { ini: vendor(keys, 'https://vendor.invalid/v1') });
  const late = await gateway.chat(adminKey);
  assert.equal(late.status, 502);
  assert.match(await late.text(), /The proxy on the way to the upstream did not answer in time/);
});

test('nothing goes through a proxy that nobody asked for', async t => {
  const proxy = await startProxy(t);
  const upstream = await startFakeUpstream(t);
  const address = `http://127.0.0.1:${proxy.port}`;
  const env = { HTTP_PROXY: address, HTTPS_PROXY: address };
  const local = vendor('proxy = environment', `${upstream.url}/v1`);
  const gateway = await startGateway(t, { ini: local, env });
  assert.equal((await gateway.chat(adminKey)).status, 200, 'nothing of this machine goes through it');
  const direct = await startGateway(t, { ini: vendor(''), env });
  assert.equal((await direct.chat(adminKey)).status, 502);
  assert.deepEqual(proxy.asked, []);
});

test('fixed headers go upstream with every call, in the place of the client’s, and are shown nowhere', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: vendor('header.Api-Key = hunter2\nheader.x-route = blue\nheader.anthropic-beta = a', `${upstream.url}/v1`),
    env: { TOKLIGENCE_PROVIDER_V_HEADER_OPENAI_PROJECT: 'hunter2-p' },
  });
  await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${adminKey}`,
      'x-route': 'red',
      'api-key': 'mine',
      'anthropic-beta': 'b',
      'openai-project': 'mine',
      'x-other': 'kept',
    },
    body: '{"model":"m"}',
  });
  await gateway.admin('GET', '/v1/models');
  for (const { headers } of upstream.requests) {
    const { 'api-key': key, 'x-route': route, 'anthropic-beta': beta, 'openai-project': project } = headers;
    assert.deepEqual([key, route, beta, project], ['hunter2', 'blue', 'a', 'hunter2-p']);
  }
  assert.deepEqual(
    upstream.requests.map(({ headers }) => headers['x-other']),
    ['kept', undefined],
  );
  const { body } = await gateway.admin('GET', '/admin/providers');
  assert.ok(!JSON.stringify([body, gateway.log]).includes('hunter2'));
});
