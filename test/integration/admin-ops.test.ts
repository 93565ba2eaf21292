import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { type Health, registerOps } from '../../src/http/ops.ts';

function arrange() {
  let health: Health = { status: 'starting', reasons: [] };
  const app = fastify();
  registerOps(app, {
    health: () => health,
    metrics: { contentType: 'text/plain; version=0.0.4', render: () => 'tokligence_up 1\n', key: null },
  });
  const get = async (url: string) => {
    const { statusCode, headers, body } = await app.inject({ url });
    return { status: statusCode, type: headers['content-type'], body };
  };
  const become = (next: Health) => {
    health = next;
  };
  return { get, become };
}

test('the process is alive from its start, under both names', async () => {
  const { get } = arrange();
  for (const url of ['/healthz', '/health']) {
    const { status, body } = await get(url);
    assert.deepEqual([status, JSON.parse(body)], [200, { status: 'ok' }], url);
  }
});

test('/readyz is ready once requests can be served, and stays so while the database is away', async () => {
  const { get, become } = arrange();
  const states: [Health['status'], number][] = [
    ['starting', 503],
    ['ready', 200],
    ['degraded', 200],
    ['stopping', 503],
  ];
  for (const [health, code] of states) {
    become({ status: health, reasons: [] });
    const { status, body } = await get('/readyz');
    assert.deepEqual([status, JSON.parse(body)], [code, { status: health }]);
  }
  become({ status: 'degraded', reasons: ['The database is read-only'] });
  const { body } = await get('/readyz');
  assert.deepEqual(JSON.parse(body), { status: 'degraded', reasons: ['The database is read-only'] });
});

test('metrics are open, as the text that scrapers read', async () => {
  assert.deepEqual(await arrange().get('/metrics'), {
    status: 200,
    type: 'text/plain; version=0.0.4',
    body: 'tokligence_up 1\n',
  });
});
