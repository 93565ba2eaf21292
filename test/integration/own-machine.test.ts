// auth.disabled opens the model routes to programs of this machine, but to no web page.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { openWire } from '../support/wire.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const open = { TOKLIGENCE_AUTH_DISABLED: 'true' };

function asker(t: TestContext, url: string) {
  /** Returns status and answer of a list of models (or another path) with exactly these headers. */
  return async (headers: Record<string, string>, path = '/v1/models', method = 'GET') => {
    const wire = await openWire(t, url);
    const given = Object.entries({ connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    wire.send(`${method} ${path} HTTP/1.1\r\n${given.join('')}\r\n`);
    const text = await wire.closed;
    const [, status = '', body = ''] = /^HTTP\/1\.1 (\d+).*?\r\n\r\n(.*)$/s.exec(text) ?? [];
    return { status: Number(status), body };
  };
}

test('names of this machine pass, on any port, and any other is 403', async t => {
  const { url, log } = await startGateway(t, { ini, env: open });
  const ask = asker(t, url);
  const own = [
    'localhost',
    'LocalHost:8081',
    'localhost.:1',
    'app.localhost:3000',
    '127.0.0.1',
    '127.8.9.10:80',
    '127.1',
    '[::1]:8081',
    '[::ffff:127.0.0.1]',
  ];
  for (const host of own) assert.equal((await ask({ host })).status, 200, host);
  const foreign = [
    'evil.example',
    'localhost.evil.example',
    'evillocalhost',
    '0.0.0.0',
    '192.168.1.5:8081',
    'host.docker.internal',
    '127.0.0.1.nip.io',
    '[::2]',
    '1270.0.0.1',
  ];
  for (const host of foreign) {
    const { status, body } = await ask({ host });
    assert.deepEqual([status, JSON.parse(body).error.code], [403, 'forbidden'], host);
    assert.match(body, /the Host header names another host.*\[auth\] allowed_hosts/);
  }
  const { status, body } = await ask({ host: 'evil.example' }, '/v1/messages', 'POST');
  assert.deepEqual([status, JSON.parse(body).error.type], [403, 'permission_error']);
  await until(() => log.some(line => line.includes('"outcome":"forbidden"')));
});

test('a page of another host or of another site is refused, whatever it calls this machine', async t => {
  const { url } = await startGateway(t, { ini, env: open });
  const ask = asker(t, url);
  const host = 'localhost:8081';
  for (const origin of ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:9', 'tauri://localhost', '']) {
    assert.equal((await ask({ host, origin })).status, 200, origin);
  }
  for (const origin of [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'file://',
    'http://localhost, http://localhost',
    'localhost',
    'http://evil.example#localhost',
    'http://user@localhost',
  ]) {
    const { status, body } = await ask({ host, origin });
    assert.equal(status, 403, origin);
    assert.match(body, /Origin header/);
  }
  for (const site of ['same-origin', 'same-site', 'none', '']) {
    assert.equal((await ask({ host, 'sec-fetch-site': site })).status, 200, site);
  }
  for (const site of ['cross-site', 'none, cross-site', 'anything']) {
    const { status, body } = await ask({ host, 'sec-fetch-site': site });
    assert.equal(status, 403, site);
    assert.match(body, /Sec-Fetch-Site header/);
  }
});

test('further hosts pass by allowed_hosts', async t => {
  const env = { ...open, TOKLIGENCE_AUTH_ALLOWED_HOSTS: 'Host.Docker.Internal, my_box, 192.168.1.5, fd00::1' };
  const { url } = await startGateway(t, { ini, env });
  const ask = asker(t, url);
  for (const host of [
    'host.docker.internal:8081',
    'HOST.docker.internal',
    'my_box',
    '192.168.1.5:80',
    '[fd00:0::1]:8081',
    'localhost',
  ]) {
    assert.equal((await ask({ host })).status, 200, host);
    assert.equal((await ask({ host, origin: `http://${host}` })).status, 200, host);
  }
  for (const host of ['docker.internal', 'x.host.docker.internal', 'evil.example']) {
    assert.equal((await ask({ host })).status, 403, host);
  }
});

test('where keys are needed, and where none is asked for anyway, any host may be named', async t => {
  const headers = { host: 'gateway.example', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const disabled = await startGateway(t, { ini, env: open });
  for (const path of ['/healthz', '/metrics', '/openapi.json']) {
    assert.equal((await asker(t, disabled.url)(headers, path)).status, 200, path);
  }
  assert.equal((await asker(t, disabled.url)(headers, '/admin/users')).status, 401);
  const keyed = await startGateway(t, { ini });
  const authorization = `Bearer ${await keyed.createKey()}`;
  assert.equal((await asker(t, keyed.url)({ ...headers, authorization })).status, 200);
});
