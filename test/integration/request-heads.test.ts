// The head of a request, over real sockets: its body, its expectations, its key.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { openWire } from '../support/wire.ts';

const loopback = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const auth = `Authorization: Bearer ${adminKey}`;
const body = '{"model":"m","max_tokens":1,"messages":[]}';
const sized = (bytes = body.length) => `Content-Length: ${bytes}`;
const head = (request: string, lines: readonly string[]) =>
  [`${request} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n');
const post = (lines: readonly string[], path = '/v1/chat/completions') => head(`POST ${path}`, lines);

/** Sends bytes; resolves to the whole answer, after which the gateway closes the connection. */
async function whole(t: TestContext, { url }: TestGateway, bytes: string) {
  const wire = await openWire(t, url);
  wire.send(bytes);
  return read(await wire.closed);
}

function read(text: string) {
  const [top = '', content = ''] = text.split('\r\n\r\n');
  const [line = '', ...lines] = top.split('\r\n');
  const headers = new Map(lines.map(one => [one.split(':')[0]?.toLowerCase(), one.slice(one.indexOf(':') + 2)]));
  return { status: Number(line.split(' ')[1]), headers, body: content.startsWith('{') ? JSON.parse(content) : content };
}

test('an encoded body is a 415 that names its encoding, on every route that takes a body', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  const close = 'Connection: close';
  for (const encoding of ['gzip', 'GZIP', 'identity, br', 'zstd', 'x'.repeat(3000), 'gzip\r\nContent-Encoding: gzip']) {
    for (const path of ['/v1/chat/completions', '/v1/messages', '/v1/embeddings', '/admin/users']) {
      const lines = [auth, close, 'Content-Type: application/json', `Content-Encoding: ${encoding}`, sized()];
      const answer = await whole(t, gateway, post(lines, path) + body);
      assert.equal(answer.status, 415, `${path} ${encoding}`);
      assert.equal(answer.headers.get('accept-encoding'), 'identity');
      assert.equal(answer.headers.get('x-should-retry'), 'false');
      const named = encoding.replace('\r\nContent-Encoding:', ',').slice(0, 64);
      assert.ok(answer.body.error.message.includes(`Content-Encoding: ${named}`), answer.body.error.message);
      if (path !== '/v1/messages') assert.equal(answer.body.error.code, 'unsupported_media_type');
      else assert.deepEqual([answer.body.type, answer.body.error.type], ['error', 'invalid_request_error']);
    }
  }
  for (const encoding of ['identity', 'Identity', '', ' , identity', 'identity\r\nContent-Encoding: identity']) {
    const lines = [auth, close, `Content-Encoding: ${encoding}`, sized()];
    assert.equal((await whole(t, gateway, post(lines) + body)).status, 200, encoding);
  }
  const unknown = await whole(t, gateway, post([close, 'Content-Encoding: gzip', sized()]) + body);
  assert.equal(unknown.status, 401, 'who may ask comes first');
});

test('a Content-Type that is sent twice, or is none, reaches the upstream as the JSON that the body is', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: `[provider.up]\ntype = openai\nbase_url = ${upstream.url}/v1\n` });
  const json = 'application/json';
  const cases: Record<string, string | undefined> = {
    [json]: json,
    'Application/JSON; charset=utf-8': 'Application/JSON; charset=utf-8',
    'application/json ;charset=utf-8;': 'application/json ;charset=utf-8;',
    'application/vnd.api+json; profile="a b"': 'application/vnd.api+json; profile="a b"',
    'text/plain': 'text/plain',
    [`${json}\r\nContent-Type: ${json}`]: json,
    [`${json}\r\ncontent-type: text/plain; charset=utf-8`]: json,
    [`${json}, ${json}`]: json,
    'application/json; charset=utf-8, application/json; charset=utf-8': 'application/json; charset=utf-8',
    'application/json, application/json; charset=utf-8': json,
    json: json,
    'application/': json,
    'application/json charset=utf-8': json,
    '"application/json"': json,
    '': json,
  };
  for (const [sent, expected] of Object.entries(cases)) {
    const lines = [auth, 'Connection: close', `Content-Type: ${sent}`, sized()];
    assert.equal((await whole(t, gateway, post(lines) + body)).status, 200, sent);
    const seen = upstream.requests.at(-1);
    assert.equal(seen?.headers['content-type'], expected, sent);
    assert.equal(seen?.body.toString(), body);
  }
  await whole(t, gateway, post([auth, 'Connection: close', sized()]) + body);
  assert.equal(upstream.requests.at(-1)?.headers['content-type'], undefined, 'what was not sent is not made up');

  const user = '{"email":"twice@example.com","role":"gateway_user"}';
  const twice = [auth, 'Connection: close', `Content-Type: ${json}`, `Content-Type: ${json}`, sized(user.length)];
  assert.equal((await whole(t, gateway, post(twice, '/admin/users') + user)).status, 201);
});

test('a body that waits for a 100 is asked for where nothing stands in its way', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  for (const [path, content, answered] of [
    ['/v1/chat/completions', body, 200],
    ['/v1/messages', body, 200],
    ['/admin/users', '{"email":"a@b","role":"gateway_user"}', 201],
  ] as const) {
    const wire = await openWire(t, gateway.url);
    const lines = [auth, 'Content-Type: application/json', 'Expect: 100-Continue', sized(content.length)];
    wire.send(post(lines, path));
    assert.equal(await wire.said(/\r\n\r\n/), 'HTTP/1.1 100 Continue\r\n\r\n');
    wire.send(content);
    const text = await wire.said(new RegExp(`HTTP/1\\.1 ${answered} `));
    assert.doesNotMatch(text, /connection: close/i, 'the connection goes on');
    wire.send(head('GET /healthz', ['Connection: close']));
    assert.match(await wire.closed, /"status":"ok"/);
  }
});

test('a body that waits for a 100 is refused instead where that is known, and its connection closes', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  const much = sized(64 * 2 ** 20);
  const cases: [string, string, readonly string[], number][] = [
    ['no key', '/v1/messages', [sized()], 401],
    ['a wrong key', '/v1/chat/completions', ['Authorization: Bearer tok_wrong', sized()], 401],
    ['a body that is too large', '/v1/chat/completions', [auth, much], 413],
    ['a body that is too large, in an admin route', '/admin/users', [auth, much], 413],
    ['an encoded body', '/v1/chat/completions', [auth, 'Content-Encoding: gzip', sized()], 415],
    ['a level that is none', '/v1/chat/completions', [auth, 'X-Priority: 11', sized()], 400],
    ['an unknown route', '/v1/files', [auth, sized()], 404],
    ['an unknown admin route', '/admin/nothing', [auth, sized()], 404],
    ['an admin route without a key', '/admin/users', [sized()], 401],
    ['no host', '/v1/chat/completions', [auth, 'Host: y', sized()], 400],
  ];
  for (const [what, path, lines, status] of cases) {
    // No byte of the body is ever sent.
    const wire = await openWire(t, gateway.url);
    wire.send(post([...lines, 'Expect: 100-continue'], path));
    const answer = read(await wire.closed);
    assert.deepEqual([answer.status, answer.headers.get('connection')], [status, 'close'], what);
    assert.equal(answer.headers.get('x-should-retry'), 'false', what);
  }
});

test('any other expectation is a 417, and HTTP/1.0 may expect anything', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  for (const path of ['/v1/chat/completions', '/v1/messages', '/healthz']) {
    for (const expected of ['much', '200-ok', 'much, 100-continue', '100-continue-not', '100-continue\r\nExpect: x']) {
      const answer = await whole(t, gateway, post([auth, `Expect: ${expected}`, sized()], path) + body);
      assert.equal(answer.status, 417, `${path} ${expected}`);
      assert.match(answer.body.error.message, /100-continue/);
    }
  }
  const old = `POST /v1/chat/completions HTTP/1.0\r\n${auth}\r\nExpect: much\r\n${sized()}\r\n\r\n${body}`;
  assert.equal((await whole(t, gateway, old)).status, 200);
});

test('a key beyond ASCII is the same key in both headers, in JSON and in SQL', async t => {
  const { url: database } = await freshDatabase(t);
  const gateway = await startGateway(t, {
    database,
    env: { TOKLIGENCE_API_KEY_PRIORITY_ENABLED: 'true' },
    ini: loopback,
  });
  const key = 'tok_schlüssel_測試_mit_à';
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(
    `INSERT INTO api_keys (user_id, key_hash, key_prefix) VALUES (1, encode(sha256(convert_to($1, 'UTF8')), 'hex'), 'tok_')`,
    [key],
  );
  await client.end();
  const mapping = { pattern: 'tok_schlü*', match_type: 'prefix', priority: 2 };
  assert.equal((await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping)).status, 201);

  const bytes = Buffer.from(key).toString('latin1');
  const ways = [`Authorization: Bearer ${bytes}`, `authorization: bearer  ${bytes}`, `x-api-key: ${bytes}`];
  for (const way of [...ways, `${ways[0]}\r\n${ways[2]}`]) {
    const answer = await whole(t, gateway, post([way, 'Connection: close', sized()]) + body);
    assert.deepEqual([answer.status, answer.headers.get('x-tokligence-priority')], [200, '2'], way);
    assert.equal((await whole(t, gateway, head('GET /admin/users', [way, 'Connection: close']))).status, 200);
  }
  assert.equal((await gateway.admin('POST', '/admin/session', { key })).status, 201);
  assert.equal(hash('sha256', key), hash('sha256', Buffer.from(bytes, 'latin1')));

  for (const wrong of [`${bytes}\xff`, bytes.replace('\xc3\xbc', '\xfc'), `${bytes}\xc3`]) {
    for (const way of [`Authorization: Bearer ${wrong}`, `x-api-key: ${wrong}`]) {
      const answer = await whole(t, gateway, post([way, 'Connection: close', sized()]) + body);
      assert.deepEqual([answer.status, answer.body.error.code], [401, 'invalid_api_key'], way);
    }
  }
});

test('HEAD is answered like GET, without the body', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  const headers = { authorization: `Bearer ${adminKey}` };
  const paths = ['/healthz', '/health', '/readyz', '/metrics', '/openapi.json', '/v1/models', '/admin/users'];
  for (const path of [...paths, '/v1/models?limit=3', '/console/', '/v1/nothing']) {
    const [get, asked] = await Promise.all(
      ['GET', 'HEAD'].map(method => fetch(gateway.url + path, { method, headers, redirect: 'manual' })),
    );
    assert.equal(asked?.status, get?.status, path);
    assert.equal(asked?.headers.get('content-type'), get?.headers.get('content-type'), path);
    assert.equal(await asked?.text(), '', path);
  }
  const models = await fetch(`${gateway.url}/v1/models`, { method: 'HEAD', headers });
  assert.ok(Number(models.headers.get('content-length')) > 0);
  assert.equal((await fetch(`${gateway.url}/v1/models`, { method: 'HEAD' })).status, 401);
  assert.equal((await fetch(`${gateway.url}/v1/messages`, { method: 'HEAD', headers })).status, 404);
  await until(() => gateway.log.some(line => line.includes('"method":"HEAD","path":"/v1/models"')));
});

test('streams ask nginx not to hold them back, whatever the upstream says of that; other answers do not', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 1, headers: { 'x-accel-buffering': 'yes' } });
  const gateway = await startGateway(t, {
    ini: `${loopback}models = local\n[provider.up]\ntype = openai\nbase_url = ${upstream.url}/v1\nmodels = far\n`,
  });
  for (const model of ['local', 'far']) {
    const answer = await gateway.chat(adminKey, { model, stream: true });
    assert.equal(answer.headers.get('x-accel-buffering'), 'no', model);
    await answer.text();
  }
  upstream.reply({ headers: { 'x-accel-buffering': 'yes' } });
  const plain = await gateway.chat(adminKey, { model: 'far' });
  assert.equal(plain.headers.get('x-accel-buffering'), 'yes', 'that of the upstream passes');
});
