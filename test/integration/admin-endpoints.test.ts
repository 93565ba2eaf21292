import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { cliOf } from '../support/gateway-cli.ts';
import { until } from '../support/until.ts';

const iniOf = (urls: string, more = '') => `
[provider.gpu]
type = openai
base_url = ${urls}
max_concurrent = 2
${more}
[provider.lo]
type = loopback
service_ms = 0`;

test('endpoints are shown in the API, the metrics and the CLI, and are drained and resumed by a root admin', async t => {
  const [one, two] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await startGateway(t, { ini: iniOf(`${one.url}/v1, ${two.url}/v1`) });
  const key = await gateway.createKey();
  assert.equal((await gateway.chat(key)).status, 200);
  const list = async () => (await gateway.admin('GET', '/admin/providers')).body.providers;
  const [gpu, lo] = await list();
  assert.equal(gpu.base_url, `${one.url}/v1, ${two.url}/v1`);
  assert.deepEqual(lo.endpoints, []);
  const [first, second] = gpu.endpoints;
  assert.deepEqual([first.id, first.state, first.why, first.seats, first.in_use], [one.url, 'up', null, 2, 0]);
  assert.ok(first.first_byte_ms.p50 > 0 && first.first_byte_ms.p95 >= first.first_byte_ms.p50);
  assert.deepEqual(second.first_byte_ms, { p50: null, p95: null });

  const at = (id: string, act: string) => `/admin/providers/gpu/endpoints/${encodeURIComponent(id)}/${act}`;
  const drained = await gateway.admin('POST', at(one.url, 'drain'));
  assert.deepEqual([drained.status, drained.body.state, drained.body.seats], [200, 'drained', 0]);
  assert.equal((await gateway.chat(key)).status, 200);
  assert.equal(two.requests.length, 1);
  await until(() => gateway.log.some(line => line.includes(`the endpoint ${one.url} is drained by `)));
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  assert.match(metrics, new RegExp(`tokligence_endpoint_up\\{provider="gpu",endpoint="${one.url}"\\} 0`));
  assert.match(metrics, new RegExp(`tokligence_endpoint_seats\\{provider="gpu",endpoint="${two.url}"\\} 2`));
  assert.match(metrics, new RegExp(`tokligence_endpoint_failures_total\\{provider="gpu",endpoint="${two.url}"\\} 0`));

  const cli = cliOf(gateway.url);
  const shown = await cli('providers', 'list');
  assert.match(shown.out, new RegExp(`gpu +gpu +${one.url} +drained .*drained by hand`));
  const resumed = await cli('providers', 'resume', 'gpu', one.url);
  assert.deepEqual([resumed.code, resumed.out], [0, `Resumed ${one.url} of gpu: up\n`]);
  assert.equal((await cli('providers', 'drain', 'gpu', 'http://nobody')).code, 6);

  const unknown = await gateway.admin('POST', at('http://nobody', 'drain'));
  assert.equal(unknown.status, 404);
  assert.match(unknown.body.error.message, /The provider gpu has no endpoint http:\/\/nobody; it has http:\/\/127/);
  assert.equal((await gateway.admin('POST', '/admin/providers/lo/endpoints/x/drain')).status, 404);
  const { body: user } = await gateway.admin('POST', '/admin/users', { email: 'a@b', role: 'gateway_admin' });
  const { body: own } = await gateway.admin('POST', '/admin/api-keys', { user_id: user.id });
  assert.equal((await gateway.admin('POST', at(one.url, 'drain'), undefined, own.key)).status, 403);
  assert.notEqual(own.key, adminKey);
});

test('an endpoint that goes down and comes back is told in the log, once each', async t => {
  const one = await startFakeUpstream(t);
  const port = await freePort();
  const dead = `http://127.0.0.1:${port}`;
  const gateway = await startGateway(t, { ini: iniOf(`${dead}/v1, ${one.url}/v1`) });
  const key = await gateway.createKey();
  const isTold = (what: string) => gateway.log.some(line => line.includes(`the endpoint ${dead} is ${what}`));
  // Each is made again at the other one, so that no client sees it.
  for (let time = 0; time < 20; time++) assert.equal((await gateway.chat(key)).status, 200);
  await until(() => isTold('down'));
  await startFakeUpstream(t, {}, { at: { host: '127.0.0.1', port } });
  await until(() => isTold('up again'));
  const told = gateway.log.filter(line => line.includes(`the endpoint ${dead} is`));
  assert.equal(told.length, 2);
  assert.match(told[0] ?? '', /is down: .*ECONNREFUSED/);
});

test('a file read again changes URLs and seats at once, and nothing is lost', async t => {
  const [one, two] = [await startFakeUpstream(t, { hold: true }), await startFakeUpstream(t)];
  const gateway = await startGateway(t, { ini: iniOf(`${one.url}/v1`) });
  const key = await gateway.createKey();
  const running = gateway.chat(key);
  await one.waitForRequests(1);
  gateway.reload(`${iniOf(`${two.url}/v1`)}\n[pool.gpu]\nmax_concurrent = 1\n[provider.new]\ntype = loopback`);
  await until(() => gateway.log.some(line => line.includes('only a restart takes it')));
  assert.ok(gateway.log.some(line => /restart takes it: \[provider\.new\]("|$)/.test(line)));
  assert.equal((await gateway.pool('gpu')).seats, 1);
  one.release();
  assert.equal((await running).status, 200);
  assert.equal((await gateway.chat(key)).status, 200);
  assert.equal(two.requests.length, 1);
  const { body } = await gateway.admin('GET', '/admin/providers');
  assert.equal(body.providers[0].base_url, `${two.url}/v1`);
  const put = await gateway.admin('PUT', '/admin/scheduler/pools/gpu', { max_concurrent: 2 });
  assert.deepEqual([put.status, put.body.max_concurrent, put.body.seats], [200, 2, 2]);
  const wrong = await gateway.admin('PUT', '/admin/scheduler/pools/gpu', { max_concurrent: 0 });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body.error.message, /max_concurrent must be a whole number from 1 to 100000, or null/);
});
