// What requests leave behind that fail, are made again, or whose clients leave in between.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { deadUrl, endedRequests, twoTargets, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const count = Number(process.env.TEST_FAILING_REQUESTS ?? 1_000);

test('requests that fail and are made again leave no timer, no seat and no listener behind', async t => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => void warnings.push(warning);
  process.on('warning', hear);
  t.after(() => process.off('warning', hear));
  const second = await startFakeUpstream(t);
  const clock = new ManualClock();
  const ini = twoTargets({ url: await deadUrl() }, { url: v1(second) });
  const gateway = await startGateway(t, { ini, overrides: { clock } });
  const ask = async () => {
    // Past the next probe of the first target: while it is known to be dead, nothing else is sent there.
    clock.advance(6_000);
    const answer = await gateway.chat(adminKey);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-tokligence-attempts'), '2');
    await answer.text();
  };
  const askTimes = async (times: number) => {
    for (let time = 0; time < times; time++) await ask();
  };
  await askTimes(20);
  const before = clock.pending;
  await askTimes(count);
  await until(() => second.requests.length === count + 20);
  for (const name of ['first', 'second']) await until(async () => (await gateway.pool(name)).in_use === 0);
  t.diagnostic(`${count} requests: ${before} timers before, ${clock.pending} after`);
  assert.ok(clock.pending <= before, `${before} timers before, ${clock.pending} after`);
  assert.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
});

test('a client that leaves while its failed call comes to its end costs no second one', async t => {
  const sockets: Socket[] = [];
  const busy = await startRawUpstream(t, socket => void sockets.push(socket));
  const second = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: twoTargets({ url: `${busy.url}/v1` }, { url: v1(second) }) });
  const leaving = new AbortController();
  const answer = gateway.chat(adminKey, { signal: leaving.signal });
  await until(() => sockets.length === 1);
  sockets[0]?.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\n');
  await gateway.pool('first');
  leaving.abort();
  await assert.rejects(answer);
  await until(() => endedRequests(gateway).length === 1);
  assert.equal(endedRequests(gateway)[0].outcome, 'client_left');
  sockets[0]?.write('later');
  await until(async () => (await gateway.pool('first')).in_use === 0);
  assert.deepEqual([second.requests.length, (await gateway.pool('second')).in_use], [0, 0]);
});
