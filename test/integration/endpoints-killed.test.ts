// One of several endpoints dies while requests run there, through the whole gateway.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, nth, startReplicas } from '../support/replicas.ts';
import { requestsOf } from '../support/requests-of.ts';
import { until } from '../support/until.ts';

test('of four endpoints one dies under load: what had not begun is served elsewhere, and only its own streams end with an error', async t => {
  const { gateway, upstreams, keys, clock, revive, seats, waiting, quiet } = await startReplicas(t, {
    count: 4,
    reply: { chunks: 2, gated: true },
  });
  const [dying, ...living] = upstreams;
  assert.ok(dying !== undefined);
  const ask = (index: number, stream: boolean) =>
    gateway.chat(nth(keys, index), { stream, requestId: `${stream ? 'stream' : 'whole'}-${index}` });

  const begun = Array.from({ length: 16 }, (_, index) => ask(index, true));
  for (const upstream of upstreams) await upstream.waitForRequests(4);
  for (const upstream of upstreams) upstream.reply({ hold: true });
  for (const upstream of upstreams) upstream.release();
  const streams = await Promise.all(begun);
  const unanswered = Array.from({ length: 16 }, (_, index) => answered(ask(index, false)));
  for (const upstream of upstreams) await upstream.waitForActive(8);
  assert.equal(await seats(), 32);

  const { url } = dying;
  await dying.close();
  // The clock stands still: at once.
  await until(async () => (await seats()) === 24);
  await until(async () => (await waiting()) === 4);
  assert.equal((await gateway.pool()).in_use, 24);
  for (const upstream of living) upstream.open();
  const wholes = await Promise.all(unanswered);
  const ends = await Promise.all(streams.map(stream => answered(Promise.resolve(stream))));

  assert.deepEqual(new Set(wholes.map(({ status, isWhole }) => isWhole && status)), new Set([200]));
  assert.deepEqual(wholes.map(({ attempts }) => attempts).sort(), [...Array(12).fill(1), ...Array(4).fill(2)]);
  const isTold = ({ text }: { text: string }) => text.includes('"code":"upstream_failed"');
  assert.ok(
    ends.every(({ isWhole }) => isWhole),
    'no stream is cut off without a word',
  );
  assert.equal(ends.filter(isTold).length, 4);
  assert.equal(ends.filter(({ text }) => text.endsWith('data: [DONE]\n\n')).length, 12);
  await quiet();
  for (const { maxConcurrent } of living) assert.equal(maxConcurrent, 8);
  const outcomes = (await requestsOf(gateway, 32)).map(({ outcome }) => outcome);
  assert.deepEqual([outcomes.length, outcomes.filter(one => one === 'served').length], [32, 28]);

  const back = await revive(url);
  clock.advance(1_000);
  await until(async () => (await seats()) > 24);
  assert.equal(back.requests.filter(({ method }) => method === 'POST').length, 0, 'the probe has no body');
  clock.advance(5_000);
  assert.equal(await seats(), 32);
  back.reply({ hold: true });
  for (const upstream of living) upstream.shut();
  for (const upstream of living) upstream.reply({ hold: true });
  const load = Array.from({ length: 32 }, (_, index) => answered(ask(index, false)));
  await back.waitForActive(8);
  for (const upstream of [back, ...living]) upstream.open();
  assert.deepEqual(new Set((await Promise.all(load)).map(({ status }) => status)), new Set([200]));
});

test('a load on four equal endpoints is spread evenly', async t => {
  const { gateway, upstreams, keys, quiet } = await startReplicas(t, { count: 4, reply: { afterMs: 2 }, clock: null });
  const requests = 400;
  let left = requests;
  const client = async (index: number) => {
    while (left-- > 0) assert.equal((await answered(gateway.chat(nth(keys, index)))).attempts, 1);
  };
  await Promise.all(Array.from({ length: 64 }, (_, index) => client(index)));
  await quiet();
  const counts = upstreams.map(upstream => upstream.requests.length);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    requests,
  );
  assert.ok(Math.max(...counts) <= (1.25 * requests) / 4, counts.join());
  for (const { maxConcurrent } of upstreams) assert.ok(maxConcurrent <= 8);
});

test('while all endpoints are down a request is refused at once with the time of the next probe', async t => {
  const { gateway, upstreams, keys, clock, revive, seats, waiting } = await startReplicas(t, { count: 2 });
  const urls = upstreams.map(({ url }) => url);
  for (const upstream of upstreams) await upstream.close();
  const early = Array.from({ length: 8 }, (_, index) => answered(gateway.chat(nth(keys, index))));
  await until(async () => (await seats()) === 0);
  const impatient = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${nth(keys, 0)}`,
      'content-type': 'application/json',
      'x-tokligence-max-wait-ms': '1',
    },
    body: JSON.stringify({ model: 'm', messages: [] }),
  });
  assert.deepEqual([impatient.status, impatient.headers.get('retry-after')], [503, '1']);
  assert.equal(((await impatient.json()) as any).error.code, 'unavailable');
  const patient = answered(gateway.chat(nth(keys, 0)));
  await until(async () => (await waiting()) > 0);
  for (const url of urls) await revive(url);
  clock.advance(1_000);
  assert.equal((await patient).status, 200);
  // Those that have seen both refuse are told so.
  for (const { status } of await Promise.all(early)) assert.ok(status === 200 || status === 502, `${status}`);
});
