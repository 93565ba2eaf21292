import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HistoryEvent, LanesEvent } from '../../src/http/admin/live-contract.ts';
import { startGateway } from '../support/gateway.ts';
import { readLanes } from '../support/live.ts';
import { until } from '../support/until.ts';

const loopback = '[provider.gpu]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\nmax_concurrent = 4\n';

test('who opens the stream gets the history and the lanes at once', async t => {
  const { url } = await startGateway(t, { ini: loopback });
  const reader = await readLanes(t, url);
  await until(() => reader.events.length >= 2);
  assert.match(String(reader.answer.headers['content-type']), /^text\/event-stream/);
  assert.match(String(reader.answer.headers['cache-control']), /no-store/);
  assert.ok(reader.lines.includes('retry: 2000'), String(reader.lines));
  const [first, second] = reader.events;
  assert.equal(first?.event, 'history');
  const history: HistoryEvent = first?.data;
  assert.deepEqual([history.step_ms, history.pools.map(({ name }) => name)], [10_000, ['gpu']]);
  assert.equal(second?.event, 'lanes');
  const lanes: LanesEvent = second?.data;
  const [pool] = lanes.pools;
  assert.deepEqual([lanes.database, lanes.boosts, pool?.seats, pool?.free], ['ready', [], 4, 4]);
  assert.equal(pool?.levels.length, 10);
});
