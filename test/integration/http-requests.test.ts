import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/domain/clock.ts';
import { unreadableRefuser } from '../../src/http/unreadable.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const secret = 'tok_a_secret_that_nobody_may_repeat';

function open(t: TestContext, url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  return socket;
}

/** Resolves to all bytes until the other side closes. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  for await (const part of socket.setEncoding('utf8')) text += part;
  return text;
}

function read(answer: string) {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [statusLine = '', ...headers] = head.toLowerCase().split('\r\n');
  return { status: Number(statusLine.split(' ')[1]), headers, body: JSON.parse(body) };
}

const post = (path: string, ...headers: string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');

test('an unreadable request is answered in the shape of every error, and the connection is closed', async t => {
  const { url, admin, log } = await startGateway(t, { ini });
  const chat = '/v1/chat/completions';
  const cases: [string, string, number, string][] = [
    ['no HTTP at all', `${secret}\r\n\r\n`, 400, 'invalid_request'],
    ['a malformed request line', `GET /${secret} x HTTP/1.1\r\n\r\n`, 400, 'invalid_request'],
    ['a malformed header', post(chat, `${secret} : x`), 400, 'invalid_request'],
    ['two lengths', post(chat, 'Content-Length: 1', 'Content-Length: 2'), 400, 'invalid_request'],
    ['a length and chunks', post(chat, 'Content-Length: 1', 'Transfer-Encoding: chunked'), 400, 'invalid_request'],
    ['no Host', `POST ${chat} HTTP/1.1\r\nAuthorization: Bearer ${secret}\r\n\r\n`, 400, 'invalid_request'],
    ['headers of 17 KiB', post(chat, `x-much: ${secret.repeat(500)}`), 431, 'request_too_large'],
    ['headers of 5 MiB', post(chat, `x-much: ${secret.repeat(150_000)}`), 431, 'request_too_large'],
    [
      'a malformed chunk of a body',
      post(chat, `Authorization: Bearer ${adminKey}`, 'Transfer-Encoding: chunked') + secret,
      400,
      'invalid_request',
    ],
  ];
  for (const [what, bytes, status, code] of cases) {
    await t.test(what, async () => {
      const socket = open(t, url);
      socket.write(bytes);
      const text = await untilClosed(socket);
      const answer = read(text);
      assert.deepEqual([answer.status, answer.body.error.code], [status, code]);
      assert.deepEqual(Object.keys(answer.body.error), ['message', 'type', 'param', 'code']);
      assert.ok(answer.headers.includes('content-type: application/json'));
      assert.ok(answer.headers.includes('connection: close'));
      assert.ok(!text.includes(secret.slice(0, 9)));
    });
  }

  await t.test('on an Anthropic route in its shape', async () => {
    const socket = open(t, url);
    socket.write(post('/v1/messages', `x-much: ${secret.repeat(500)}`));
    const { status, body } = read(await untilClosed(socket));
    assert.equal(status, 431);
    assert.deepEqual([body.type, body.error.type], ['error', 'request_too_large']);
  });

  await t.test('none of it is logged, and the gateway serves on', async () => {
    assert.ok(!log.join('\n').includes(secret.slice(0, 9)));
    assert.equal((await admin('GET', '/admin/users')).status, 200);
  });
});

test('a request that does not come to its end in time is a 408 in the same shape', async t => {
  const server = createServer({ headersTimeout: 1_000, requestTimeout: 1_500, connectionsCheckingInterval: 50 });
  const codes: string[] = [];
  const events = { requestRefused: ({ code }: { code: string }) => void codes.push(code) };
  server.on('clientError', unreadableRefuser({ clock: systemClock, events, gatewayName: null }));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  for (const slow of ['POST /v1/mess', post('/v1/messages', 'Content-Length: 9')]) {
    const socket = open(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    socket.write(slow);
    const { status, headers, body } = read(await untilClosed(socket));
    assert.equal(status, 408);
    assert.match((body.error as { message: string }).message, /did not arrive in time/);
    assert.ok(!headers.includes('x-should-retry: false'), 'the next try may be faster');
  }
  assert.deepEqual(codes, ['request_timeout'], 'who sent a whole head tells of its own end');
});

test('a Host that is not one host, and a version that is not spoken here, are 400', async t => {
  const { url } = await startGateway(t, { ini });
  const lines: Record<string, string> = {
    'two hosts': 'GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n',
    'the same host twice': 'GET /healthz HTTP/1.1\r\nHost: x\r\nhost: x\r\n',
    'two hosts in one header': 'GET /healthz HTTP/1.1\r\nHost: x,y\r\n',
    'an empty host': 'GET /healthz HTTP/1.1\r\nHost:\r\n',
    'a host with a user': 'GET /healthz HTTP/1.1\r\nHost: a@x\r\n',
    'a host with a path': 'GET /healthz HTTP/1.1\r\nHost: x/y\r\n',
    'a host with a blank': 'GET /healthz HTTP/1.1\r\nHost: x y\r\n',
    'a host with a port that is none': 'GET /healthz HTTP/1.1\r\nHost: x:y\r\n',
    'a host with two ports': 'GET /healthz HTTP/1.1\r\nHost: x:1:2\r\n',
    'a host with half a bracket': 'GET /healthz HTTP/1.1\r\nHost: [::1\r\n',
    'a host of HTTP/1.0 that is none': 'GET /healthz HTTP/1.0\r\nHost: x/y\r\n',
    'HTTP/2.0': 'GET /healthz HTTP/2.0\r\nHost: x\r\n',
    'HTTP/2.0 on a model route': 'POST /v1/messages HTTP/2.0\r\nHost: x\r\n',
    'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n',
    'HTTP/1.2': 'GET /healthz HTTP/1.2\r\nHost: x\r\n',
    'HTTP/0.9': 'GET /healthz HTTP/0.9\r\nHost: x\r\n',
    'HTTP/0.9 without a version': 'GET /healthz\r\n',
  };
  for (const [what, head] of Object.entries(lines)) {
    await t.test(what, async () => {
      const socket = open(t, url);
      socket.write(`${head}Connection: close\r\n\r\n`);
      const { status, body } = read(await untilClosed(socket));
      assert.deepEqual([status, body.error?.type], [400, 'invalid_request_error']);
      assert.equal(body.type, head.includes('/v1/messages') ? 'error' : undefined);
    });
  }
  const good = [
    'x',
    'x:8081',
    'x:',
    '127.0.0.1:8081',
    '[::1]',
    '[::1]:8081',
    'my_gateway.svc.cluster.local.',
    'X%20y!~',
  ];
  for (const host of good) {
    await t.test(`the host ${host} is one`, async () => {
      const socket = open(t, url);
      socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assert.equal(read(await untilClosed(socket)).status, 200);
    });
  }
  await t.test('HTTP/1.0 needs none', async () => {
    const socket = open(t, url);
    socket.write('GET /healthz HTTP/1.0\r\n\r\n');
    assert.equal(read(await untilClosed(socket)).status, 200);
  });
});

test('a client that sends no complete head within ten seconds is disconnected, however it sends it', async t => {
  const { url } = await startGateway(t, { ini });
  const half = 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ';
  const whole = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  const senders: Record<string, (socket: Socket) => void> = {
    'half a head': socket => socket.write(half),
    'a byte at a time': socket => {
      socket.write(half);
      const dripping = setInterval(() => socket.write('x'), 200);
      socket.once('close', () => clearInterval(dripping));
    },
    'nothing at all': () => {},
    'line breaks only': socket => {
      const dripping = setInterval(() => socket.write('\r\n'), 200);
      socket.once('close', () => clearInterval(dripping));
    },
    'half a head after a whole one': socket => socket.write(whole + half),
  };
  const ends = Object.entries(senders).map(async ([what, send]) => {
    const socket = open(t, url);
    const begun = performance.now();
    send(socket);
    const text = await untilClosed(socket);
    return { what, text, tookMs: performance.now() - begun };
  });
  for (const { what, text, tookMs } of await Promise.all(ends)) {
    // One second is the interval of the check; the rest is for busy machines.
    assert.ok(tookMs > 9_000 && tookMs < 20_000, `${what}: ${tookMs} ms`);
    if (what === 'nothing at all') assert.equal(text, '', 'nothing was asked, so nothing is answered');
    else assert.match(text, /HTTP\/1\.1 408 .*did not arrive in time/s, what);
  }
});

test('nothing is written into the middle of an answer that is being given', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 1, fault: 'stall' });
  const { url, createKey } = await startGateway(t, {
    ini: `[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\n`,
  });
  const body = '{"model":"m","stream":true}';
  const socket = open(t, url).setEncoding('utf8');
  let text = '';
  const begun = new Promise<void>(resolve => {
    socket.on('data', (part: string) => {
      text += part;
      if (text.includes('data: ')) resolve();
    });
  });
  const closed = new Promise(resolve => socket.once('close', resolve));
  const key = `Authorization: Bearer ${await createKey()}`;
  socket.write(post('/v1/chat/completions', key, `Content-Length: ${body.length}`) + body);
  await begun;
  socket.write('no HTTP\r\n\r\n');
  await closed;
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(text, /HTTP\/1\.1 400|invalid_request/);
  await upstream.waitForEnded(1);
});

test('a URL that is sent whole is served by its path', async t => {
  const { url } = await startGateway(t, { ini });
  for (const target of [`${url}/v1/models?x=1`, 'HTTP://elsewhere/v1/models', 'http://elsewhere/v1']) {
    const socket = open(t, url);
    socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${adminKey}\r\n\r\n`);
    const { status } = read(await untilClosed(socket));
    assert.equal(status, target.includes('/v1/models') ? 200 : 404, target);
  }
});

test('of two Authorization headers that differ none counts, on model and admin routes', async t => {
  const { url } = await startGateway(t, { ini });
  for (const path of ['/v1/models', '/admin/users']) {
    const socket = open(t, url);
    const keys = [adminKey, secret].map(key => `Authorization: Bearer ${key}\r\n`).join('');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${keys}\r\n`);
    const { status, body } = read(await untilClosed(socket));
    assert.deepEqual([status, body.error.code], [401, 'invalid_api_key']);
  }
});
