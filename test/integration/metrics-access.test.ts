// Who may read the metrics, and where; which seats they say are wanted.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { poolIni } from '../support/pool-of-one.ts';
import { until } from '../support/until.ts';

const metricsKey = 'a-metrics-key-of-24-characters';
const loopback = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const telemetry = (lines: string) => `[telemetry]\n${lines}\n`;

const get = async (url: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url, { headers });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** The requests of each tenant that is named. */
const requestsByTenant = (text: string): Map<string, number> => {
  const sums = new Map<string, number>();
  for (const [, tenant = '', value] of text.matchAll(
    /^tokligence_tenant_requests_total\{tenant="([^"]*)",outcome="\w+"\} (\d+)$/gm,
  ))
    sums.set(tenant, (sums.get(tenant) ?? 0) + Number(value));
  return sums;
};

test('with a key the metrics are for those who have it, and name the busiest tenants', async t => {
  const gateway = await startGateway(t, {
    ini: `${loopback}${telemetry(`metrics_key = ${metricsKey}\nmetrics_tenants = 1`)}`,
  });
  const url = `${gateway.url}/metrics`;
  for (const key of [await gateway.createKey(), await gateway.createKey()])
    assert.equal((await gateway.chat(key)).status, 200);
  for (const headers of [{}, bearer(`${metricsKey}x`), bearer(adminKey), { 'x-api-key': 'other' }]) {
    const refused = await get(url, headers);
    assert.equal(refused.status, 401);
    assert.equal(JSON.parse(refused.text).error.code, 'invalid_api_key');
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer');
    assert.ok(!refused.text.includes('tokligence_'));
  }
  const scraped = await get(url, bearer(metricsKey));
  assert.equal(scraped.status, 200);
  assert.deepEqual(
    [...requestsByTenant(scraped.text)].map(([tenant, count]) => [tenant.replace(/\d+/, 'ID'), count]),
    [
      ['user:ID', 1],
      ['other', 1],
    ],
  );
  assert.match(scraped.text, /^tokligence_tenant_served_share\{tenant="user:\d+",pool="local",level="7"\} /m);
  assert.doesNotMatch(
    scraped.text,
    /^tokligence_requests_total\{outcome="invalid_api_key"\}/m,
    'no request for a model',
  );
  for (const path of ['/healthz', '/readyz']) assert.equal((await get(gateway.url + path)).status, 200, path);
});

test('an open /metrics names no tenant', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  assert.equal((await gateway.chat(await gateway.createKey())).status, 200);
  const { status, text } = await get(`${gateway.url}/metrics`);
  assert.equal(status, 200);
  assert.doesNotMatch(text, /tenant/);
  assert.match(text, /^tokligence_seats_wanted\{pool="local",level="9"\} 0$/m);
});

test('a listener of its own has the metrics and nothing else, and the port of clients has them no more', async t => {
  const gateway = await startGateway(t, {
    ini: `${loopback}${telemetry('metrics_listen = 127.0.0.1:0\nmetrics_tenants = 5')}`,
  });
  await until(() => gateway.log.some(line => line.includes('Metrics on')));
  const [, listener = ''] = /Metrics on (http:\S+)\/metrics/.exec(gateway.log.join('\n')) ?? [];
  assert.equal((await get(`${gateway.url}/metrics`)).status, 404);
  assert.match((await get(`${listener}/metrics`)).text, /^tokligence_database_up 1$/m);
  for (const path of ['/', '/healthz', '/admin/users', '/v1/models', '/metrics/x']) {
    const refused = await get(listener + path, bearer(adminKey));
    assert.equal(refused.status, 404, path);
    assert.equal(JSON.parse(refused.text).error.code, 'not_found');
  }
  const posted = await fetch(`${listener}/v1/chat/completions`, {
    method: 'POST',
    body: '{}',
    headers: bearer(adminKey),
  });
  assert.equal(posted.status, 404);
  await gateway.app.stop();
  await assert.rejects(fetch(`${listener}/metrics`), 'it is closed with the gateway');
});

test('a listener whose port is taken ends the start, and nothing of it stays behind', async t => {
  const other = createServer();
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  await assert.rejects(
    startGateway(t, { ini: `${loopback}${telemetry(`metrics_listen = 127.0.0.1:${port}`)}` }),
    new RegExp(`EADDRINUSE: address already in use 127\\.0\\.0\\.1:${port}`),
  );
});

test('seats are wanted for what runs and for what waits for nothing else, not for a model that is closed', async t => {
  const upstream = await startFakeUpstream(t, ({ body }) =>
    body.includes('"closed"') ? { status: 429, headers: { 'retry-after': '600' } } : { hold: true },
  );
  const gateway = await startGateway(t, {
    ini: poolIni(upstream, { seats: 2, sections: '[scheduler]\nqueue_timeout_sec = 1200' }),
  });
  const key = await gateway.createKey();
  const sum = async (name: string) => {
    const { text } = await get(`${gateway.url}/metrics`);
    const lines = [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'))];
    return lines.reduce((total, [, value]) => total + Number(value), 0);
  };
  const leaving = new AbortController();
  // Put back, as the upstream says until when it takes nothing of this model.
  const closed = gateway.chat(key, { model: 'closed', signal: leaving.signal });
  await upstream.waitForEnded(1);
  const served = Array.from({ length: 3 }, () => gateway.chat(key));
  await until(async () => (await sum('tokligence_queue_depth')) === 2);
  assert.deepEqual([await sum('tokligence_seats_in_use'), await sum('tokligence_seats_wanted')], [2, 3]);
  leaving.abort();
  await assert.rejects(closed);
  upstream.open();
  for (const { status } of await Promise.all(served)) assert.equal(status, 200);
  await until(async () => (await sum('tokligence_seats_wanted')) === 0);
});
