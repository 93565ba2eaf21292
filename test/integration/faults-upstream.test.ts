// Faults of upstreams, through the whole gateway. The fake upstream is the judge: it counts how many requests were
// really in progress at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { assertAllSeats, assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { until } from '../support/until.ts';

const errorCode = async (response: Response): Promise<string> => ((await response.json()) as any).error.code;

test('an upstream that never closes after an abort keeps its seat for five seconds, and no longer', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t, { chunks: 2, gated: true }, { isDeaf: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 1 }), overrides: { clock } });
  const leaving = new AbortController();
  const streaming = await gateway.chat(adminKey, { stream: true, signal: leaving.signal });
  assert.equal(streaming.status, 200);
  const next = gateway.chat(adminKey);
  await until(async () => (await waitingIn(gateway)) === 1);
  const alarms = clock.pending;
  leaving.abort();
  await assert.rejects(streaming.text());
  await until(() => clock.pending === alarms + 1);
  clock.advance(4_999);
  assert.deepEqual([(await gateway.pool()).in_use, await waitingIn(gateway)], [1, 1]);
  upstream.reply({});
  clock.advance(1);
  assert.equal((await next).status, 200);
  // It notices the end only now, as it writes: so there were two for a while, one of them without a client.
  upstream.open();
  await assertQuiet(gateway, upstream, 2);
});

test('a stream that stands still is ended after the idle timeout, and its seat goes on', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, fault: 'stall' });
  const gateway = await startGateway(t, {
    ini: poolIni(upstream, { seats: 2, provider: 'idle_timeout_sec = 1' }),
  });
  const stuck = [gateway.chat(adminKey, { stream: true }), gateway.chat(adminKey, { stream: true })];
  await upstream.waitForActive(2);
  const waiting = Array.from({ length: 6 }, () => gateway.chat(adminKey));
  await until(async () => (await waitingIn(gateway)) === 6);
  upstream.reply({});
  for (const answer of stuck) assert.match(await (await answer).text(), /"code":"upstream_failed"/);
  for (const answer of waiting) assert.equal((await answer).status, 200);
  await assertQuiet(gateway, upstream, 2);
});

test('an upstream that resets every connection before the headers costs no seat', async t => {
  const upstream = await startFakeUpstream(t, { afterMs: 1, fault: 'reset' });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 4 }) });
  const answers = await Promise.all(Array.from({ length: 100 }, () => gateway.chat(adminKey)));
  for (const answer of answers) {
    assert.equal(answer.status, 502);
    assert.equal(await errorCode(answer), 'upstream_failed');
  }
  assert.equal(upstream.requests.length, 100, 'nothing is sent twice');
  await assertQuiet(gateway, upstream, 4);
  await assertAllSeats(gateway, upstream, 4, adminKey);
});
