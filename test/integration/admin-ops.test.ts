import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';
import { type Health, registerOps } from '../../src/http/ops.ts';

function arrange() {
  let health: Health = { ready: false, degraded: false };
  const app = fastify();
  registerOps(app, {
    health: () => health,
    metrics: { contentType: 'text/plain; version=0.0.4', render: () => 'tokligence_up 1\n' },
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

test('it is ready once requests can be served, and stays so while the database is away', async () => {
  const { get, become } = arrange();
  const states: [Health, number, string][] = [
    [{ ready: false, degraded: false }, 503, 'starting'],
    [{ ready: false, degraded: true }, 503, 'starting'],
    [{ ready: true, degraded: false }, 200, 'ready'],
    [{ ready: true, degraded: true }, 200, 'degraded'],
  ];
  for (const [health, code, text] of states) {
    become(health);
    const { status, body } = await get('/readyz');
    assert.deepEqual([status, JSON.parse(body)], [code, { status: text }]);
  }
});

test('metrics are open, as the text that scrapers read', async () => {
  assert.deepEqual(await arrange().get('/metrics'), {
    status: 200,
    type: 'text/plain; version=0.0.4',
    body: 'tokligence_up 1\n',
  });
});
