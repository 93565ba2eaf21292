// The traces of a request that no model route accepted: its ID, a log line, a count.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { errorKinds, errors, GatewayError } from '../../src/domain/errors.ts';
import { errorAnswer } from '../../src/http/errors.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { openWire } from '../support/wire.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const uuid = /^[0-9a-f-]{36}$/;

async function lineOf({ log }: TestGateway, requestId: string) {
  const find = () => log.filter(line => line.includes(`"request_id":"${requestId}"`));
  await until(() => find().length > 0);
  assert.equal(find().length, 1, 'one line a request');
  return JSON.parse(find()[0] ?? '');
}

async function counts({ url }: TestGateway): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter(line => line.startsWith('tokligence_requests_total{'));
  return Object.fromEntries(
    lines.map(line => [line.slice(line.indexOf('{'), line.indexOf('}') + 1), Number(line.split(' ')[1])]),
  );
}

test('an unknown route leaves its id, a line and a count', async t => {
  const gateway = await startGateway(t, { ini });
  const headers = { authorization: `Bearer ${adminKey}` };
  const paths = ['/v1/files?key=secret', '/v1/messages/batches', '/anthropic/v1/nothing', '/admin/nothing', '/x'];
  for (const path of paths) {
    const answer = await fetch(gateway.url + path, { method: 'POST', headers, body: '{}' });
    assert.equal(answer.status, 404, path);
    assert.equal(answer.headers.get('x-should-retry'), 'false', path);
    const name = /messages|anthropic/.test(path) ? 'request-id' : 'x-request-id';
    const id = answer.headers.get(name) ?? '';
    assert.match(id, uuid);
    const { outcome, status, method, path: shown, msg } = await lineOf(gateway, id);
    assert.deepEqual([outcome, status, method, shown], ['not_found', 404, 'POST', path.split('?')[0]]);
    assert.equal(msg, `POST ${path.split('?')[0]} 404 not_found`);
  }
  const wrong = await fetch(`${gateway.url}/v1/messages`, { headers });
  assert.match(await wrong.text(), /There is no route GET \/v1\/messages; there is POST \/v1\/messages\./);
  for (let count = 1; count < 20; count++) await fetch(`${gateway.url}/nothing/${count}`, { headers });
  assert.deepEqual(await counts(gateway), { '{outcome="not_found"}': paths.length + 20 });
});

test('the id of an answer is that of the client, and no key of a path is logged', async t => {
  const gateway = await startGateway(t, { ini });
  const known = await fetch(`${gateway.url}/v1/models/tok_secret_secret_secret`, {
    headers: { 'x-request-id': 'mine' },
  });
  assert.equal(known.headers.get('x-request-id'), 'mine');
  assert.equal((await lineOf(gateway, 'mine')).path, '/v1/models/tok_secr...');
  const health = await fetch(`${gateway.url}/healthz`, { headers: { 'request-id': 'other' } });
  assert.equal(health.headers.get('x-request-id'), 'other', 'answers that refuse nothing have one, too');
  assert.ok(!gateway.log.join('\n').includes('secret_secret'));
});

test('what cannot be read, or is refused by its head, leaves them, too', async t => {
  const gateway = await startGateway(t, { ini });
  const cases: [string, string, string, number, string | null][] = [
    ['no HTTP', 'no HTTP at all\r\n\r\n', 'invalid_request', 400, null],
    [
      'long headers',
      `GET /healthz HTTP/1.1\r\nHost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      'request_too_large',
      431,
      null,
    ],
    ['two hosts', 'GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 'invalid_request', 400, '/healthz'],
    [
      'an expectation',
      'GET /v1/models HTTP/1.1\r\nHost: x\r\nExpect: y\r\n\r\n',
      'expectation_failed',
      417,
      '/v1/models',
    ],
  ];
  for (const [what, bytes, code, status, path] of cases) {
    const wire = await openWire(t, gateway.url);
    wire.send(bytes);
    const [, id = ''] = /^x-request-id: (\S+)\r$/im.exec(await wire.closed) ?? [];
    assert.match(id, uuid, what);
    const line = await lineOf(gateway, id);
    assert.deepEqual([line.outcome, line.status, line.path], [code, status, path ?? '-'], what);
  }
  assert.deepEqual(await counts(gateway), {
    '{outcome="invalid_request"}': 2,
    '{outcome="request_too_large"}': 1,
    '{outcome="expectation_failed"}': 1,
  });
});

test('a request that becomes unreadable while it is under way has one id and one line', async t => {
  const gateway = await startGateway(t, { ini });
  const wire = await openWire(t, gateway.url);
  const auth = `Authorization: Bearer ${adminKey}`;
  wire.send(`POST /v1/embeddings HTTP/1.1\r\nHost: x\r\n${auth}\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n`);
  const text = await wire.closed;
  assert.match(text, /^HTTP\/1\.1 400 /);
  const [, id = ''] = /^x-request-id: (\S+)\r$/im.exec(text) ?? [];
  assert.equal((await lineOf(gateway, id)).path, '/v1/embeddings');
});

test('a refused admin request is in the log and not in the counts of requests for models', async t => {
  const gateway = await startGateway(t, { ini });
  const user = await gateway.createKey();
  const asked: [string, string, Record<string, string>, number, string][] = [
    ['GET', '/admin/users', {}, 401, 'invalid_api_key'],
    ['GET', '/admin/users', { authorization: 'Bearer tok_wrong' }, 401, 'invalid_api_key'],
    ['GET', '/admin/users', { authorization: `Bearer ${user}` }, 403, 'forbidden'],
    ['GET', '/admin/users?x=1', { authorization: `Bearer ${adminKey}` }, 400, 'invalid_request'],
    [
      'POST',
      '/admin/users',
      { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      400,
      'invalid_request',
    ],
    ['GET', '/admin/api-key-priority/mappings', { authorization: `Bearer ${adminKey}` }, 501, 'not_implemented'],
  ];
  for (const [method, path, headers, status, code] of asked) {
    const answer = await fetch(gateway.url + path, { method, headers });
    assert.deepEqual([answer.status, answer.headers.get('x-should-retry')], [status, 'false']);
    const line = await lineOf(gateway, answer.headers.get('x-request-id') ?? '');
    assert.deepEqual([line.outcome, line.status, line.method], [code, status, method]);
  }
  assert.deepEqual(await counts(gateway), {});
});

test('only what another try may mend is left to be tried again, and nobody is told to wait for a minute', () => {
  const final = Object.keys(errorKinds).filter(code => {
    const thrown = new GatewayError(code as keyof typeof errorKinds, 'text');
    return errorAnswer('openai', thrown, 'id').headers['x-should-retry'] === 'false';
  });
  assert.deepEqual(
    Object.keys(errorKinds).filter(code => !final.includes(code)),
    ['request_timeout', 'tenant_limit', 'internal', 'upstream_failed', 'queue_full', 'queue_timeout', 'unavailable'],
  );
  const told = [0, 0.2, 1, 58.1, 59, 59.2, 3600].map(waitSec => errors.queueFull('text', waitSec).retryAfterSec);
  assert.deepEqual(told, [1, 1, 1, 59, 59, 59, 59]);
});

test('an SDK that tries again does so once where it is told not to, and upstreams say that for themselves', async t => {
  const upstream = await startFakeUpstream(t, { status: 401, body: {} });
  const gateway = await startGateway(t, { ini: `[provider.up]\ntype = openai\nbase_url = ${upstream.url}/v1\n` });
  const client = new OpenAI({ baseURL: `${gateway.url}/admin`, apiKey: adminKey, maxRetries: 5 });
  // It would retry after any 5xx.
  await assert.rejects(client.get('/api-key-priority/mappings'), { status: 501 });
  await until(() => gateway.log.some(line => line.includes('not_implemented')));
  assert.equal(gateway.log.filter(line => line.includes('not_implemented')).length, 1);

  const passed = await gateway.chat(adminKey);
  assert.deepEqual([passed.status, passed.headers.get('x-should-retry')], [401, null]);
  upstream.reply({ status: 500, headers: { 'x-should-retry': 'true', 'retry-after': '600' }, body: {} });
  const other = await gateway.chat(adminKey);
  assert.deepEqual([other.headers.get('x-should-retry'), other.headers.get('retry-after')], ['true', '600']);
});
