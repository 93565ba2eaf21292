// Web pages that may call the model routes, by `[gateway] cors_origins`; everything else is closed to them.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { openWire } from '../support/wire.ts';

const page = 'https://app.example.com';
const authorization = `Bearer ${adminKey}`;

async function start(t: TestContext, origins: string | null) {
  const upstream = await startFakeUpstream(t);
  // As OpenAI and vLLM answer.
  upstream.reply({
    body: { ok: true },
    headers: { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true', vary: 'Accept' },
  });
  const env: Record<string, string> = origins === null ? {} : { TOKLIGENCE_GATEWAY_CORS_ORIGINS: origins };
  const ini = `[provider.v]\ntype = openai\nbase_url = ${upstream.url}/v1\n`;
  return { upstream, ...(await startGateway(t, { ini, env })) };
}

const corsIn = (answer: Response) =>
  Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));

const chat = (url: string, origin: string | null, key = authorization, body = '{"model":"m"}') =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: key, 'content-type': 'application/json', ...(origin === null ? {} : { origin }) },
    body,
  });

const preflight = (url: string, path: string, headers: Record<string, string> = {}) =>
  fetch(url + path, {
    method: 'OPTIONS',
    headers: { origin: page, 'access-control-request-method': 'POST', ...headers },
  });

test('a page of an allowed origin may read answers, errors too, and the headers of the gateway', async t => {
  const { url } = await start(t, `http://localhost:3000, ${page}`);
  for (const [answer, status] of [
    [await chat(url, page), 200],
    [await chat(url, page, 'Bearer wrong'), 401],
    [await chat(url, page, authorization, 'no JSON'), 400],
    [await fetch(`${url}/v1/models`, { headers: { authorization, origin: page } }), 200],
    [await fetch(`${url}/v1/responses/resp_x`, { headers: { authorization, origin: page } }), 404],
    [await fetch(`${url}/v1/realtime`, { headers: { origin: page } }), 501],
  ] as const) {
    assert.equal(answer.status, status);
    const { vary, ...others } = corsIn(answer);
    assert.match(vary ?? '', /\bOrigin\b/);
    assert.deepEqual(Object.keys(others).sort(), ['access-control-allow-origin', 'access-control-expose-headers']);
    assert.equal(others['access-control-allow-origin'], page);
    for (const name of ['x-request-id', 'x-tokligence-priority', 'x-tokligence-wait-time-ms', 'retry-after'])
      assert.ok(others['access-control-expose-headers']?.split(', ').includes(name), name);
  }
  assert.match(corsIn(await chat(url, page)).vary ?? '', /Accept/, 'what the upstream says of it stays');
});

test('another page, and a program, is told nothing, whatever the upstream says of origins', async t => {
  const { url } = await start(t, page);
  for (const origin of ['https://evil.example', 'http://app.example.com', `${page}:8443`, 'null', null]) {
    const { vary, ...others } = corsIn(await chat(url, origin));
    assert.match(vary ?? '', /\bOrigin\b/);
    assert.deepEqual(others, {}, String(origin));
  }
});

test('a preflight is answered without a key and without a seat', async t => {
  const { url, upstream, pool, log } = await start(t, page);
  const asked = { 'access-control-request-headers': 'authorization, content-type,x-priority' };
  for (const [path, methods] of [
    ['/v1/chat/completions', 'POST'],
    ['/openai/v1/audio/transcriptions/', 'POST'],
    ['/v1/models', 'GET'],
    ['/v1/responses/resp_1', 'GET, DELETE'],
    ['/v1/messages?beta=true', 'POST'],
  ] as const) {
    const answer = await preflight(url, path, asked);
    assert.deepEqual([answer.status, await answer.text()], [204, ''], path);
    assert.deepEqual(corsIn(answer), {
      'access-control-allow-origin': page,
      'access-control-allow-methods': methods,
      'access-control-allow-headers': 'authorization, content-type,x-priority',
      'access-control-max-age': '7200',
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    });
  }
  const odd = await preflight(url, '/v1/ocr', { 'access-control-request-headers': 'x y; z' });
  assert.equal(corsIn(odd)['access-control-allow-headers'], undefined);
  assert.equal(upstream.requests.length, 0);
  assert.equal(
    (await pool('v')).levels.every(({ dispatched }: { dispatched: number }) => dispatched === 0),
    true,
  );
  assert.ok(!log.some(line => line.includes('OPTIONS')));
});

test('a preflight of another page is refused with a line in the log', async t => {
  const { url, log } = await start(t, page);
  const answer = await preflight(url, '/v1/chat/completions', { origin: 'https://evil.example' });
  assert.equal(answer.status, 403);
  assert.match(((await answer.json()) as any).error.message, /https:\/\/evil\.example/);
  assert.deepEqual(corsIn(answer), {});
  await until(() => log.some(line => line.includes('"method":"OPTIONS"') && line.includes('"forbidden"')));
});

test('with * any page may, and still without credentials', async t => {
  const { url } = await start(t, '*');
  for (const origin of ['https://evil.example', 'null']) {
    const cors = corsIn(await chat(url, origin));
    assert.equal(cors['access-control-allow-origin'], '*');
    assert.equal(cors['access-control-allow-credentials'], undefined);
  }
});

test('admin routes, the console and the open routes are never opened to pages', async t => {
  const { url } = await start(t, '*');
  for (const path of [
    '/admin/users',
    '/admin/session',
    '/console',
    '/metrics',
    '/healthz',
    '/openapi.json',
    '/v1/files',
  ]) {
    const asked = await preflight(url, path);
    assert.ok([401, 404].includes(asked.status), path);
    assert.deepEqual(corsIn(asked), {}, path);
    const answer = await fetch(url + path, { headers: { origin: page, authorization }, redirect: 'manual' });
    assert.deepEqual(
      Object.keys(corsIn(answer)).filter(name => name !== 'vary'),
      [],
      path,
    );
  }
});

test('while it is off, answers are the same bytes with an Origin as without, and a preflight gets 404', async t => {
  const { url } = await start(t, null);
  const bytes = async (origin: string) => {
    const wire = await openWire(t, url);
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nx-request-id: r\r\nAuthorization: ${authorization}\r\n`;
    wire.send(`${head}${origin}Connection: close\r\nContent-Length: 13\r\n\r\n{"model":"m"}`);
    return (await wire.closed).replace(/^Date: .*$/im, '').replace(/\r\ndate: [^\r]*/i, '');
  };
  const without = await bytes('');
  assert.match(without, /^HTTP\/1.1 200 OK[\s\S]*access-control-allow-origin: \*/);
  assert.equal(await bytes(`Origin: ${page}\r\n`), without);
  assert.equal((await preflight(url, '/v1/chat/completions')).status, 404);
});
