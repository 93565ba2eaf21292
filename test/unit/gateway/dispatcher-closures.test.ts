/** An upstream that has closed a model or a provider: which requests are put back, refused, probed, and woken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { arrangeDispatcher, none, refusalOf } from '../../support/arrange-dispatcher.ts';
import { perLevel } from '../../support/pool-settings.ts';

const hourMs = 3_600_000;
const patient = { seats: 4, queueTimeoutMs: perLevel(2 * hourMs) };
const a = { model: 'model-a' };
const b = { model: 'model-b' };

/** model-a is closed for an hour; the client whose request found it closed has its 429. */
async function arrangeClosed(...options: Parameters<typeof arrangeDispatcher>) {
  const pool = arrangeDispatcher(...options);
  const returned = pool.request('put back', 3, { ...a, maxWaitMs: 1000 });
  assert.equal(returned.putBack(hourMs), false, 'too late for it');
  returned.end();
  await returned.answer;
  pool.started.length = 0;
  return pool;
}

test('a 429 closes the model, a 503 or 529 the provider; what is not closed goes on, in the same flow too', async () => {
  for (const status of [429, 503, 529] as const) {
    const { request, started, clock } = arrangeDispatcher({ seats: 4 });
    const returned = request('put back', 3, a);
    assert.equal(returned.putBack(5000, status), true);
    request('a', 3, a);
    request('b', 3, b);
    request('elsewhere', 3, { ...a, provider: 'other' });
    await turn();
    const passedBy = status === 429 ? ['b', 'elsewhere'] : ['elsewhere'];
    assert.deepEqual(started, ['put back', ...passedBy]);
    clock.advance(5000);
    await turn();
    assert.deepEqual(started.slice(1 + passedBy.length, 3 + passedBy.length), ['put back', 'a']);
  }
});

test('who would wait for the closed model longer than it may is refused at once, and told until when', async () => {
  const { request, clock, desk } = await arrangeClosed({ seats: 4 });
  const until = new Date(clock.date().getTime() + hourMs).toISOString();
  const refused = await refusalOf(request('a', 7, a).answer);
  assert.deepEqual([refused.status, refused.code, refused.retryAfterSec], [503, 'queue_timeout', 59]);
  assert.equal(
    refused.message,
    `The upstream takes no more requests for the model \`model-a\` until ${until}. A request of level P7 may wait for 60 s.`,
  );
  assert.equal(request('b', 7, b).ticket.wasQueued, false);
  const other = request('of the provider');
  other.putBack(120_000, 503);
  const ofProvider = await refusalOf(request('c', 7).answer);
  assert.match(ofProvider.message, /^The upstream has no room until 2026-01-01T00:02:00\.000Z\. A request of/);
  assert.equal(desk.view.stats().in_use, 2);
});

test('a long name of a model is cut in what is told', async () => {
  const { request } = arrangeDispatcher();
  const model = 'x'.repeat(1000);
  request('put back', 3, { model, maxWaitMs: 1 }).putBack(hourMs);
  const { message } = await refusalOf(request('next', 3, { model }).answer);
  assert.match(message, /for the model `x{100}…` until/);
});

test('who stands aside until its time is over is told that the model is closed', async () => {
  const { request, clock } = arrangeDispatcher();
  const returned = request('put back', 3, a);
  const waiting = request('waiting', 3, { ...a, maxWaitMs: 5000 });
  returned.putBack(10_000);
  clock.advance(5000);
  const { code, message, retryAfterSec } = await refusalOf(waiting.answer);
  assert.deepEqual([code, retryAfterSec], ['queue_timeout', 5]);
  assert.match(
    message,
    /for the model `model-a` until 2026-01-01T00:00:10\.000Z\. This request of level P3 has waited/,
  );
});

test('after 30 s one request is let out; when the upstream takes it the others start at once', async () => {
  const { request, clock, started } = await arrangeClosed(patient);
  const [probe] = ['1', '2', '3'].map(name => request(name, 3, a));
  clock.advance(29_999);
  assert.equal(started.length, 0);
  clock.advance(1);
  await turn();
  assert.deepEqual(started, ['1']);
  clock.advance(20_000);
  probe?.answered(200);
  await turn();
  assert.deepEqual(started, ['1', '2', '3']);
});

test('a probe that is put back waits for the next opening like any other, once; then its answer is passed on', async () => {
  const { request, clock, started } = await arrangeClosed(patient);
  const probe = request('probe', 3, a);
  clock.advance(30_000);
  await turn();
  assert.equal(probe.putBack(hourMs), true);
  await turn();
  clock.advance(59_999);
  await turn();
  assert.deepEqual(started, ['probe']);
  clock.advance(1);
  await turn();
  assert.deepEqual(started, ['probe', 'probe']);
  assert.equal(probe.putBack(hourMs), false);
  probe.end();
  await probe.answer;
});

test('where a probe fails, or its client leaves while it runs, the next one goes 30 s after it', async () => {
  for (const how of ['fails', 'ends']) {
    const { request, clock, started } = await arrangeClosed(patient);
    const [probe] = ['1', '2'].map(name => request(name, 3, a));
    clock.advance(30_000);
    await turn();
    clock.advance(1000);
    if (how === 'fails') probe?.fail(new Error('the connection broke'));
    else {
      probe?.ticket.leave();
      probe?.end();
    }
    await probe?.outcome;
    clock.advance(28_999);
    await turn();
    assert.deepEqual(started, ['1']);
    clock.advance(1);
    await turn();
    assert.deepEqual(started, ['1', '2']);
  }
});

test('requests at fault themselves cannot keep a model closed: another probe goes at once, other errors open nothing', async () => {
  const { request, clock, started } = await arrangeClosed({ ...patient, seats: 9 });
  const [bad, other] = ['1', '2', '3'].map(name => request(name, 3, a));
  clock.advance(30_000);
  await turn();
  assert.deepEqual(started, ['1']);
  bad?.answered(400);
  await turn();
  assert.deepEqual(started, ['1', '2']);
  for (const status of [401, 403, 408, 500, 502]) other?.answered(status);
  await turn();
  assert.deepEqual(started, ['1', '2']);
});

test('a client that leaves between its seat and its start leaves the probe to the next', async () => {
  const { request, clock, started } = await arrangeClosed(patient);
  const [leaver, next] = ['1', '2'].map(name => request(name, 3, a));
  clock.advance(30_000);
  leaver?.ticket.leave();
  await turn();
  assert.deepEqual(started, ['2']);
  next?.end();
});

test('where nobody waits the first that comes after 30 s is let out, though others are refused', async () => {
  const { request, clock, started } = await arrangeClosed({ seats: 4 });
  assert.equal(await request('early', 3, a).outcome, 'queue_timeout');
  clock.advance(30_000);
  request('probe', 3, a);
  assert.equal(await request('behind it', 3, a).outcome, 'queue_timeout');
  assert.deepEqual(started, ['probe']);
});

test('while a probe is due and all seats are taken, who comes waits for the seat', async () => {
  const { request, clock, started } = await arrangeClosed({ seats: 1 });
  const running = request('running', 3, b);
  clock.advance(30_000);
  request('probe', 3, a);
  running.end();
  await running.answer;
  await turn();
  assert.deepEqual(started, ['running', 'probe']);
});

test('how long others stood aside predicts nothing for who does not', async () => {
  const { request, clock } = arrangeDispatcher({ ...patient, seats: 1 });
  let running = request('0', 3, b);
  const queued = Array.from({ length: 25 }, (_, nth) => request(`b${nth}`, 3, b));
  for (const next of queued) {
    clock.advance(100);
    running.end();
    await running.answer;
    running = next;
  }
  const returned = request('put back', 3, { ...a, maxWaitMs: 1000 });
  running.end();
  await running.answer;
  await turn();
  returned.putBack(hourMs);
  returned.end();
  await returned.answer;
  clock.advance(30_000);
  const probe = request('probe', 3, { ...a, maxWaitMs: hourMs });
  const aside = request('aside', 3, { ...a, maxWaitMs: 2 * hourMs });
  assert.deepEqual([probe.ticket.wasQueued, aside.ticket.wasQueued], [false, true]);
  clock.advance(100_000);
  aside.ticket.leave();
  probe.end();
  await probe.answer;
  running = request('running', 3, b);
  // At the recent rate of ten per second, thirty of them take three seconds.
  const outcomes = Array.from({ length: 30 }, (_, nth) => request(`late ${nth}`, 3, { ...b, maxWaitMs: 3000 }));
  assert.ok(outcomes.every(({ ticket }) => ticket.wasQueued));
  running.end();
});

test('a drain refuses those that stand aside when its time is over, and leaves no timer', async () => {
  const { dispatcher, request, clock, counts } = await arrangeClosed({ ...patient, queueDrainMs: 3000 });
  const waiting = request('waiting', 3, a);
  const drained = dispatcher.drain();
  clock.advance(3000);
  assert.equal(await waiting.outcome, 'unavailable');
  await drained;
  assert.deepEqual(counts(), { ...none, dispatched: 1, rejected: 1 });
  assert.equal(clock.pending, 0);
});

test('a wait of its own for what another request was told: who is put back waits until the later of both times', async () => {
  const { request, clock, started } = arrangeDispatcher({ seats: 2, queueTimeoutMs: perLevel(5000) });
  const [one, other] = [request('one', 3, a), request('other', 3, a)];
  assert.equal(one.putBack(4000), true);
  assert.equal(other.putBack(1000), true);
  await turn();
  clock.advance(3999);
  await turn();
  assert.equal(started.length, 2);
  clock.advance(1);
  await turn();
  assert.deepEqual(started.slice(2), ['other', 'one']);
});

test('nobody is put back to wait for longer than it may, though its own answer told of less', async () => {
  const { request } = arrangeDispatcher({ seats: 2, queueTimeoutMs: perLevel(5000) });
  const [one, other] = [request('one', 3, a), request('other', 3, a)];
  assert.equal(one.putBack(6000), false);
  assert.equal(other.putBack(1000), false);
});

test('however long an upstream asks for, it is a moment that can be told', async () => {
  const { request, desk } = arrangeDispatcher();
  request('put back', 3, a).putBack(1e300);
  assert.match((await refusalOf(request('next', 3, a).answer)).message, /until 2026-01-02T00:00:00\.000Z/);
  assert.equal(desk.view.closedOf('local').closed_models[0]?.closed_until, '2026-01-02T00:00:00.000Z');
});
