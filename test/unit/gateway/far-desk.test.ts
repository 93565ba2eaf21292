/** A dispatcher whose desk is in another process: what crosses between them is enough, and nothing depends on when it arrives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { GatewayError } from '../../../src/domain/errors.ts';
import { allLevels } from '../../../src/domain/vocabulary.ts';
import { PoolTicket } from '../../../src/gateway/pool/pool-ticket.ts';
import { arrangeDispatcher, refusalOf } from '../../support/arrange-dispatcher.ts';
import { FarDesk } from '../../support/far-desk.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { perLevel } from '../../support/pool-settings.ts';

type Settings = Parameters<typeof arrangeDispatcher>[0];

/** The pool's clock reads otherwise than that of its clients. */
function arrangeFar(settings: Settings, isInstant: boolean) {
  const there = new ManualClock();
  there.advance(987_654.321);
  const fars: FarDesk[] = [];
  const arranged = arrangeDispatcher(settings, { clock: there }, (pool, clock) => {
    fars.push(new FarDesk(pool, clock, isInstant));
    return fars[0] ?? assert.fail();
  });
  const [far = assert.fail()] = fars;
  const pass = (ms: number) => {
    there.advance(ms);
    arranged.clock.advance(ms);
  };
  return { ...arranged, far, there, pass };
}

const oneOf = (nth: number, count: number) => (count === 0 ? 0 : nth % count);
const anyCome = fc.record({
  kind: fc.constant('come' as const),
  level: fc.constantFrom(...allLevels),
  cost: fc.integer({ min: 1, max: 2000 }),
  tokens: fc.integer({ min: 1, max: 1200 }),
  maxWaitMs: fc.constantFrom(null, null, 0, 20, 200),
});
const anyAct = fc.oneof(
  { weight: 6, arbitrary: anyCome },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'fail' as const), nth: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), nth: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('progress' as const), nth: fc.nat(), cost: fc.nat(5000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(60) }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'microtask' as const }) },
);
type Act = typeof anyAct extends fc.Arbitrary<infer One> ? One : never;

/** Returns the answers to the clients of these acts, in order, and the requests that have begun. */
async function play(acts: readonly Act[], pool: ReturnType<typeof arrangeDispatcher> & { pass: (ms: number) => void }) {
  const told: unknown[] = [];
  const requests: ReturnType<typeof pool.request>[] = [];
  for (const act of acts) {
    const one = 'nth' in act ? requests[oneOf(act.nth, requests.length)] : undefined;
    if (act.kind === 'come') {
      const name = String(requests.length);
      const { cost, tokens, maxWaitMs } = act;
      const made = pool.request(name, act.level, { flowId: `t${requests.length % 3}`, cost, tokens, maxWaitMs });
      requests.push(made);
      made.answer.catch((error: unknown) => {
        assert.ok(error instanceof Error);
        const { code, status, retryAfterSec } = error instanceof GatewayError ? error : {};
        const { wasQueued, waitMs, position } = made.ticket;
        const wait = error.name === 'ClientLeft' ? null : { wasQueued, waitMs, position };
        told.push({ name, error: error.message, code, status, retryAfterSec, wait });
      });
    } else if (act.kind === 'pass') pool.pass(act.ms);
    else if (act.kind === 'microtask') await turn();
    else if (act.kind === 'end') one?.end();
    else if (act.kind === 'fail') one?.fail(new Error('failed'));
    else if (act.kind === 'leave') one?.ticket.leave();
    else if (act.kind === 'progress') one?.ticket.progress({ cost: act.cost, tokens: act.cost });
  }
  for (const { end } of requests) end();
  await Promise.all(requests.map(({ outcome }) => outcome));
  await pool.dispatcher.idle();
  const stats = pool.desk.view.stats();
  return { told, started: pool.started, in_use: stats.in_use, levels: stats.levels };
}

test('clients are told the same where the pool is in another process and all that crosses is JSON and durations', async () => {
  const settings = {
    seats: 2,
    queueTimeoutMs: perLevel(50),
    maxQueueDepth: perLevel(4),
    maxQueueDepthPool: 9,
    maxTokensInFlight: 1000,
  };
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyAct, { maxLength: 100, size: 'max' }), async acts => {
      const near = arrangeDispatcher(settings);
      const there = await play(acts, arrangeFar(settings, true));
      const here = await play(acts, { ...near, pass: ms => near.clock.advance(ms) });
      assert.deepEqual(there, here);
      refusals += here.told.length;
    }),
    { numRuns: 150 },
  );
  assert.ok(refusals > 1000);
});

const anyFarAct = fc.oneof(
  { weight: 20, arbitrary: anyAct },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('put back' as const),
      nth: fc.nat(),
      status: fc.constantFrom(429 as const, 503 as const),
      ms: fc.nat(40),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('answer' as const), nth: fc.nat() }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constantFrom('up' as const, 'down' as const) }) },
);

test('whenever messages arrive, no more works than there are seats, everybody is answered once, and no seat is lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyFarAct, { maxLength: 150, size: 'max' }), fc.nat(3), async (acts, more) => {
      const seats = 1 + more;
      const pool = arrangeFar({ seats, queueTimeoutMs: perLevel(50), maxQueueDepth: perLevel(4), aimd: true }, false);
      const { far, dispatcher, desk } = pool;
      const requests: ReturnType<typeof pool.request>[] = [];
      let answered = 0;
      for (const act of acts) {
        const one = 'nth' in act ? requests[oneOf(act.nth, requests.length)] : undefined;
        if (act.kind === 'come') {
          const { kind, level, ...demand } = act;
          const made = pool.request(String(requests.length), level, { flowId: `t${requests.length % 3}`, ...demand });
          requests.push(made);
          void made.outcome.then(() => answered++);
        } else if (act.kind === 'pass') pool.pass(act.ms);
        else if (act.kind === 'microtask') await turn();
        else if (act.kind === 'up' || act.kind === 'down') far.deliver(act.kind);
        else if (act.kind === 'end') one?.end();
        else if (act.kind === 'fail') one?.fail(new Error('failed'));
        else if (act.kind === 'leave') one?.ticket.leave();
        else if (act.kind === 'put back') one?.putBack(act.ms, act.status);
        else if (act.kind === 'answer') one?.answered(200);
        else if (act.kind === 'progress') one?.ticket.progress({ cost: act.cost, tokens: act.cost });
        const working = requests.filter(
          ({ ticket }) => ticket instanceof PoolTicket && ticket.state === 'running',
        ).length;
        assert.ok(working <= seats, `${working} at work`);
        assert.ok(desk.view.stats().in_use <= seats);
      }
      const drained = dispatcher.drain();
      for (const { end } of requests) end();
      // As long as anything is under way.
      for (let rounds = 0; rounds < 20; rounds++) {
        far.deliverAll();
        await turn();
        pool.pass(20);
      }
      pool.pass(5000);
      await drained;
      far.deliverAll();
      await Promise.all(requests.map(({ outcome }) => outcome));
      assert.equal(answered, requests.length);
      const { in_use, levels } = desk.view.stats();
      const left = levels.reduce((sum, { waiting, running }) => sum + waiting + running, in_use);
      assert.deepEqual([left, pool.clock.pending, pool.there.pending], [0, 0, 0]);
    }),
    { numRuns: 200 },
  );
});

test('a desk that falls silent keeps nobody waiting: when its time is over a request is refused here, and its late seat goes back', async () => {
  const pool = arrangeFar({ queueTimeoutMs: perLevel(1000) }, false);
  const { far, request, clock, desk, started } = pool;
  const [first, hasty] = [request('first'), request('hasty', 3, { maxWaitMs: 200 })];
  pool.pass(299);
  far.deliver('up');
  assert.deepEqual([far.down.length, desk.view.stats().in_use, clock.pending], [1, 1, 2]);
  clock.advance(1);
  const refusal = await refusalOf(hasty.answer);
  assert.deepEqual([refusal.status, refusal.code, refusal.retryAfterSec], [503, 'queue_timeout', 5]);
  assert.match(refusal.message, /P3 within 0.2 s/);
  clock.advance(800);
  assert.equal(await first.outcome, 'queue_timeout');
  assert.equal(clock.pending, 0);
  far.deliverAll();
  await turn();
  assert.deepEqual([started, desk.view.stats().in_use, desk.guests()], [[], 0, []]);
});

test('what was put back waits no longer than it may, though its desk is silent', async () => {
  const { far, request, clock, pass } = arrangeFar({ queueTimeoutMs: perLevel(1000) }, false);
  const one = request('put back');
  far.deliverAll();
  await turn();
  pass(600);
  assert.equal(one.putBack(400), true);
  await turn();
  clock.advance(499);
  assert.equal(clock.pending, 1);
  clock.advance(1);
  assert.equal(await one.outcome, 'queue_timeout');
  assert.equal(clock.pending, 0);
});

test('a time to wait that no timer of Node reaches is kept where the desk is silent, too', async () => {
  const timeoutMs = 2 ** 31 + 5000;
  const { request, clock } = arrangeFar({ queueTimeoutMs: perLevel(timeoutMs) }, false);
  const patient = request('patient');
  clock.advance(timeoutMs);
  assert.equal(clock.pending, 1);
  clock.advance(100);
  assert.equal(await patient.outcome, 'queue_timeout');
});

test('a request that its desk cannot take back is answered with a 503 and when to retry', async () => {
  const { far, request } = arrangeFar({}, false);
  const one = request('put back');
  far.deliverAll();
  await turn();
  assert.equal(one.putBack(1000), true);
  // As after a takeover by one who does not know of it.
  far.forgetThere();
  await turn();
  far.deliverAll();
  const { status, code, retryAfterSec, message } = await refusalOf(one.answer);
  assert.deepEqual([status, code, retryAfterSec], [503, 'unavailable', 1]);
  assert.match(message, /could not be queued again/);
});
