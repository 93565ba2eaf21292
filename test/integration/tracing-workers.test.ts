// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCollector } from '../support/collector.ts';
import { adminKey } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { startWorkerGateway, workerSettings } from '../support/worker-gateway.ts';

test('each worker sends its own spans under its own name, and the last ones when the gateway stops', async t => {
  const collector = await startCollector(t);
  const { url: database } = await freshDatabase(t);
  const rest = `[auth]\nadmin_key = ${adminKey}\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n`;
  const gateway = await startWorkerGateway(t, {
    ini: workerSettings({ database, rest }),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '3600000' },
  });
  for (const worker of [1, 2]) {
    const client = await gateway.client(worker);
    assert.equal((await client.chat(adminKey)).status, 200);
    client.close();
  }
  assert.equal(collector.spans.length, 0);
  gateway.daemon.signal('SIGTERM');
  assert.equal(await gateway.daemon.exited, 0);
  const chats = collector.spans.filter(({ name }) => name === 'upstream');
  assert.deepEqual(chats.map(({ resource }) => resource['service.instance.id']).toSorted(), ['gw/1', 'gw/2']);
  const [first, second] = chats;
  assert.notEqual(first?.traceId, second?.traceId);
});
