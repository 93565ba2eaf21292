import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { WaitReason } from '../../../src/domain/shown/live.ts';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { arrangeDispatcher } from '../../support/arrange-dispatcher.ts';
import { perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';

type Arranged = ReturnType<typeof arrangeDispatcher>;

const found = ({ desk }: Pick<Arranged, 'desk'>, id: string) => {
  const request = desk.view.find(id);
  assert.ok(request, `${id} is not here`);
  return request;
};
const reasonOf = (pool: Arranged, id: string) => found(pool, id).reason;
const none = { better_levels: 0, own_level: 0, worse_levels: 0, own_flow: 0 };

const assertReason = (pool: Arranged, id: string, code: WaitReason, message: RegExp) => {
  const reason = reasonOf(pool, id);
  assert.equal(reason?.code, code, `${id}: ${reason?.message}`);
  assert.match(reason.message, message);
};

test('all seats are taken, and it is next', () => {
  const pool = arrangeDispatcher();
  pool.request('running', 3, { flowId: 'x' });
  pool.request('next');
  assertReason(pool, 'next', 'seats_busy', /^The only seat is in use; it is next\.$/);
  const { state, position, ahead, expected_wait_ms, gives_up_in_ms, waited_ms } = found(pool, 'next');
  assert.deepEqual([state, position, ahead, expected_wait_ms], ['waiting', 1, none, null]);
  pool.clock.advance(1500);
  assert.deepEqual([waited_ms, gives_up_in_ms], [0, 60_000]);
  assert.deepEqual([found(pool, 'next').waited_ms, found(pool, 'next').gives_up_in_ms], [1500, 58_500]);
});

test('more seats are in use than there may be since they were made fewer', () => {
  const pool = arrangeDispatcher({ seats: 3 });
  for (const name of ['1', '2', '3', 'next']) pool.request(name);
  pool.configure(poolSettings({ seats: 2 }), new Map());
  assertReason(pool, 'next', 'seats_busy', /^3 seats are in use, and 2 may be; it is next\.$/);
});

test('earlier requests of its own tenant go first', () => {
  const pool = arrangeDispatcher();
  for (const name of ['running', 'first', 'second', 'third']) pool.request(name);
  assertReason(pool, 'third', 'behind_own_flow', /2 requests of its own tenant came earlier/);
  assert.deepEqual(found(pool, 'third').ahead, { ...none, own_flow: 2 });
  assert.equal(found(pool, 'third').position, 3);
});

test('other tenants of its level have their turn first', () => {
  const pool = arrangeDispatcher();
  pool.request('running', 3, { flowId: 'x' });
  pool.request('of a', 3, { flowId: 'a' });
  pool.request('of b', 3, { flowId: 'b' });
  assertReason(pool, 'of b', 'behind_own_level', /other tenants of its level \(1 request\) first/);
  assert.deepEqual(found(pool, 'of b').ahead, { ...none, own_level: 1 });
});

test('another level has its turn first: a better one, or one that is due by weight', async () => {
  const pool = arrangeDispatcher();
  const running = pool.request('running', 3);
  pool.request('P5', 5, { flowId: 'b' });
  pool.request('P0', 0, { flowId: 'c' });
  assertReason(pool, 'P5', 'behind_other_level', /another level has its turn first/);
  assert.deepEqual(found(pool, 'P5').ahead, { ...none, better_levels: 1 });
  assertReason(pool, 'P0', 'seats_busy', /it is next/);
  pool.request('P3', 3);
  running.end();
  await running.answer;
  // P3 was charged for its request, P5 for nothing yet.
  assertReason(pool, 'P3', 'behind_other_level', /another level/);
  assertReason(pool, 'P5', 'seats_busy', /it is next/);
});

test('where tenants share the pool, those of any level that have their turn first are told, and only P0 is another level', async () => {
  const pool = arrangeDispatcher({ shareBy: 'tenant' });
  const running = pool.request('running', 5, { flowId: 'a', cost: 500 });
  pool.request('P6', 6, { flowId: 'b' });
  for (const name of ['first', 'second']) pool.request(name, 8, { flowId: 'c' });
  pool.request('P5', 5, { flowId: 'a' });
  // P5 was charged 500 at weight 5, P6 and P8 nothing yet; once started, P8's first counts 100 at weight 2.
  assertReason(pool, 'P6', 'seats_busy', /it is next/);
  assertReason(
    pool,
    'P5',
    'behind_other_tenants',
    /other tenants, of any level that shares by tenant \(3 requests\), first/,
  );
  assert.deepEqual(found(pool, 'P5').ahead, { ...none, worse_levels: 3 });
  assert.deepEqual(found(pool, 'first').ahead, { ...none, better_levels: 1 });
  assert.equal(found(pool, 'P5').position, 4);
  pool.request('P0', 0, { flowId: 'd' });
  assertReason(pool, 'P6', 'behind_other_level', /another level has its turn first/);
  running.end();
  await running.answer;
});

const someRequests = fc.array(
  fc.record({
    flowId: fc.constantFrom('a', 'b', 'c', 'd'),
    level: fc.constantFrom<Level>(2, 5, 6),
    cost: fc.integer({ min: 0, max: 300 }),
  }),
  { minLength: 1, maxLength: 25 },
);
type SomeRequests = typeof someRequests extends fc.Arbitrary<infer Requests> ? Requests : never;

/** With one seat, all requests wait, and the reported positions predict the order of the starts. */
async function assertStartsByPosition(pool: Arranged, demands: SomeRequests): Promise<void> {
  const blocker = pool.request('blocker', 0);
  const requests = demands.map(({ level, ...demand }, at) => pool.request(String(at), level, demand));
  const predicted = demands
    .map((_, at) => String(at))
    .sort((x, y) => (found(pool, x).position ?? 0) - (found(pool, y).position ?? 0));
  let running = blocker;
  for (let served = 0; served < requests.length; served++) {
    running.end();
    await running.answer;
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    running = requests[Number(pool.started.at(-1))] ?? assert.fail();
  }
  assert.deepEqual(pool.started.slice(1), predicted);
}

test('where tenants share the pool, the position is the order of the starts, over all levels', async () => {
  await fc.assert(
    fc.asyncProperty(someRequests, async demands => {
      const pool = arrangeDispatcher({ policy: 'wfq', shareBy: 'tenant' });
      await assertStartsByPosition(pool, demands);
    }),
    { numRuns: 50 },
  );
});

test('the seats that are free are reserved for other levels', () => {
  const pool = arrangeDispatcher({ seats: 3, reserved: perLevel(0, { 0: 2 }) });
  pool.request('running');
  pool.request('waiting');
  assertReason(pool, 'waiting', 'seats_reserved', /^2 of 3 seats are free, and they are reserved for other levels\.$/);
});

test('its level has as many seats as it may have', () => {
  const pool = arrangeDispatcher({ seats: 4, cap: perLevel(4, { 3: 1 }) });
  pool.request('running');
  pool.request('waiting');
  assertReason(pool, 'waiting', 'level_cap', /^Level P3 has as many seats as it may have \(1\)\.$/);
});

test('its tenant has as many seats as it may have: nobody can tell for how long', () => {
  const pool = arrangeDispatcher({ seats: 4 }, { tenants: tenantRules({ a: { maxConcurrent: 1 } }) });
  pool.request('running');
  pool.request('waiting');
  pool.request('of another', 3, { flowId: 'b' });
  assertReason(pool, 'waiting', 'tenant_limit', /as many requests running as it may have/);
  assert.equal(found(pool, 'waiting').expected_wait_ms, null);
  assert.equal(found(pool, 'of another').state, 'running');
});

test("its tenant's rate is used up: that tells for how long", () => {
  const pool = arrangeDispatcher({ seats: 9 }, { tenants: tenantRules({ a: { requestsPerSec: 0.1 } }) });
  for (const name of ['running', 'first', 'second']) pool.request(name);
  assertReason(pool, 'first', 'tenant_limit', /start in about 10 s/);
  assert.deepEqual(
    ['first', 'second'].map(id => found(pool, id).expected_wait_ms),
    [10_000, 20_000],
  );
});

test("the pool's rate is used up", () => {
  const pool = arrangeDispatcher({ seats: 9, requestsPerSec: 0.2 });
  pool.request('running');
  pool.request('waiting');
  assertReason(pool, 'waiting', 'pool_rate', /rates of the pool let the next request start in about 5 s/);
  assert.equal(found(pool, 'waiting').expected_wait_ms, 5000);
});

test('the upstream has closed its model, or all of its provider, until a moment', () => {
  for (const status of [429, 503] as const) {
    const pool = arrangeDispatcher({ seats: 4 });
    pool.request('put back').putBack(5000, status);
    pool.request('waiting', 3, { flowId: 'b' });
    const until = new Date(pool.clock.date().getTime() + 5000).toISOString();
    const sentence =
      status === 429
        ? `Provider 'local' takes no more requests for the model 'some-model' until ${until}.`
        : `Provider 'local' has said that it has no room until ${until}.`;
    assertReason(pool, 'waiting', 'upstream_closed', new RegExp(`^${sentence.replaceAll('.', '\\.')}$`));
    assert.equal(found(pool, 'waiting').expected_wait_ms, 5000);
    const { closed_until, closed_models } = pool.desk.view.closedOf('local');
    if (status === 503) assert.deepEqual([closed_until, closed_models], [until, []]);
    else assert.deepEqual([closed_until, closed_models], [null, [{ model: 'some-model', closed_until: until }]]);
    assert.equal(pool.desk.view.closedUntil(), null, 'the pool goes on');
    pool.clock.advance(5000);
    assert.deepEqual(pool.desk.view.closedOf('local'), {
      closed_until: null,
      closed_models: [],
      closed_models_left_out: 0,
    });
    assert.equal(found(pool, 'waiting').state, 'running');
  }
});

test('those that stand aside are not ahead of who passes them by, and stand in their own line', () => {
  const pool = arrangeDispatcher({ seats: 2 });
  pool.request('running', 3, { model: 'x' });
  const returned = pool.request('put back');
  for (const name of ['closed 1', 'closed 2']) pool.request(name);
  pool.request('open', 3, { model: 'other' });
  pool.request('closed 3');
  pool.request('of another', 3, { flowId: 'b', model: 'other' });
  returned.putBack(5000);
  assertReason(pool, 'closed 3', 'upstream_closed', /'some-model'/);
  const aheadOf = (id: string) => found(pool, id).ahead;
  assert.deepEqual(aheadOf('of another'), none);
  assert.deepEqual(aheadOf('open'), { ...none, own_level: 1 }, 'the other tenant, which has had less');
  assert.equal(aheadOf('closed 1')?.own_flow, 0);
  assert.deepEqual(aheadOf('closed 3')?.own_flow, 3, 'two of its model and one that passes them by');
});

test('where too many models are closed the pool is, and what waits is told so', async () => {
  const pool = arrangeDispatcher({ seats: 1 });
  for (let nth = 0; nth < 1001; nth++) {
    const returned = pool.request('put back', 3, { model: `invented-${nth}`, maxWaitMs: 1000 });
    returned.putBack(3_600_000);
    returned.end();
    await returned.answer;
  }
  pool.request('waiting', 3, { model: 'good' });
  const until = new Date(pool.clock.date().getTime() + 30_000).toISOString();
  assertReason(
    pool,
    'waiting',
    'upstream_closed',
    new RegExp(`^The upstream has said that it has no room until ${until}`),
  );
  assert.equal(pool.desk.view.closedUntil(), until);
  const { closed_until, closed_models, closed_models_left_out } = pool.desk.view.closedOf('local');
  assert.deepEqual([closed_until, closed_models.length, closed_models_left_out], [until, 50, 950]);
});

test('a seat is free, and whose turn it is does not fit into the tokens in flight', () => {
  const pool = arrangeDispatcher({ seats: 4, policy: 'strict', maxTokensInFlight: 100 });
  pool.request('running', 3, { tokens: 60 });
  pool.request('large', 3, { tokens: 50 });
  pool.request('small', 9, { flowId: 'b', tokens: 1 });
  for (const id of ['large', 'small']) assertReason(pool, id, 'tokens_in_flight', /60 of 100 tokens are in flight/);
});

test('one that runs says only how long it waited; one that has ended is not here', async () => {
  const pool = arrangeDispatcher();
  const first = pool.request('first');
  const second = pool.request('second', 5, { flowId: 'b' });
  pool.clock.advance(700);
  first.end();
  await first.answer;
  await Promise.resolve();
  pool.clock.advance(1000);
  assert.deepEqual(found(pool, 'second'), {
    request_id: 'second',
    state: 'running',
    pool: 'gpu',
    level: 5,
    flow_id: 'b',
    waited_ms: 700,
    position: null,
    ahead: null,
    reason: null,
    expected_wait_ms: null,
    gives_up_in_ms: null,
  });
  assert.equal(pool.desk.view.find('first'), null);
  second.end();
  await second.answer;
  assert.equal(pool.desk.view.find('second'), null);
});

test('refused, timed out, left or pushed out: it is not here any more', async () => {
  const pool = arrangeDispatcher({ maxQueueDepth: perLevel(2) });
  pool.request('running');
  const names = ['leaves', 'overdue', 'too many'];
  const [leaves] = names.map(name => pool.request(name, 3, { maxWaitMs: 1000 }));
  assert.equal(pool.desk.view.find('too many'), null);
  leaves?.ticket.leave();
  assert.equal(pool.desk.view.find('leaves'), null);
  pool.clock.advance(1000);
  assert.equal(pool.desk.view.find('overdue'), null);
  assert.deepEqual(pool.desk.view.waiting(null, 10), { requests: [], total: 0 });
});

test('put back by the upstream it waits again, and what it had waited counts', async () => {
  const pool = arrangeDispatcher();
  const running = pool.request('blocker');
  const one = pool.request('one');
  pool.clock.advance(300);
  running.end();
  await running.answer;
  await Promise.resolve();
  one.putBack(2000);
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  pool.clock.advance(500);
  const { state, waited_ms, reason } = found(pool, 'one');
  assert.deepEqual([state, waited_ms, reason?.code], ['waiting', 800, 'upstream_closed']);
});

test('of two with the same id the one that waits is shown', () => {
  const pool = arrangeDispatcher();
  pool.request('twin', 3);
  pool.request('twin', 5);
  assert.deepEqual([found(pool, 'twin').state, found(pool, 'twin').level], ['waiting', 5]);
});

test('those that wait are listed longest wait first, of one level or all', () => {
  const pool = arrangeDispatcher();
  pool.request('running');
  for (const [name, level] of [
    ['a', 5],
    ['b', 3],
    ['c', 5],
  ] as const) {
    pool.request(name, level);
    pool.clock.advance(10);
  }
  const names = (level: Level | null, limit: number) => {
    const { requests, total } = pool.desk.view.waiting(level, limit);
    return [requests.map(({ request_id }) => request_id), total];
  };
  assert.deepEqual(names(null, 10), [['a', 'b', 'c'], 3]);
  assert.deepEqual(names(5, 10), [['a', 'c'], 2]);
  assert.deepEqual(names(null, 1), [['a'], 3]);
});

test('how long about: as fast as the level drained lately', async () => {
  const pool = arrangeDispatcher();
  let running = pool.request('0');
  const queued = Array.from({ length: 40 }, (_, at) => pool.request(`q${at}`));
  assert.equal(found(pool, 'q39').expected_wait_ms, null, 'nothing is known yet');
  const expected = (id: string) => found(pool, id).expected_wait_ms ?? assert.fail();
  for (const [at, next] of queued.slice(0, 25).entries()) {
    pool.clock.advance(1000);
    running.end();
    await running.answer;
    running = next;
    if (at === 1) assert.equal(found(pool, 'q39').expected_wait_ms, null, 'two grants tell too little');
    if (at === 2) assert.ok(Math.abs(expected('q39') - 37_000) < 1_000, String(expected('q39')));
  }
  assert.ok(Math.abs(expected('q25') - 1000) < 50, String(expected('q25')));
  assert.ok(Math.abs(expected('q39') - 15_000) < 500, String(expected('q39')));
});

test("how long about: not before its tenant's rate allows, however fast the level drains", async () => {
  const pool = arrangeDispatcher({}, { tenants: tenantRules({ a: { requestsPerSec: 0.01 } }) });
  let running = pool.request('0', 3, { flowId: 'a' });
  const queued = Array.from({ length: 25 }, (_, at) => pool.request(`q${at}`, 3, { flowId: 'b' }));
  for (const next of queued) {
    pool.clock.advance(1000);
    running.end();
    await running.answer;
    running = next;
  }
  pool.request('of a', 3, { flowId: 'a' });
  pool.request('of b', 3, { flowId: 'b' });
  assert.equal(found(pool, 'of a').expected_wait_ms, 75_000);
  assert.ok((found(pool, 'of b').expected_wait_ms ?? 0) < 3000);
});

test('under strict order, with every charge as estimated, the position is the order of the starts', async () => {
  const weights = fc.record({ a: fc.integer({ min: 1, max: 5 }), b: fc.constantFrom(0.5, 1, 3) });
  await fc.assert(
    fc.asyncProperty(someRequests, weights, async (demands, { a, b }) => {
      const tenants = tenantRules({ a: { weight: a }, b: { weight: b } });
      const pool = arrangeDispatcher({ policy: 'strict' }, { tenants });
      await assertStartsByPosition(pool, demands);
    }),
    { numRuns: 60 },
  );
});
