// Overflow by level: who leaves the queue of the first target for the second one's pool, and when.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { assertTold, endedRequests, twoTargets, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const spill = 'spill_after_sec = 2\nspill_levels = 0-2';

interface Seats {
  readonly first?: number;
  readonly second?: number;
  readonly sections?: string;
}

/** Both upstreams hold their answers; the clock stands still. */
async function arrange(t: TestContext, { first: here = 1, second: there = 1, sections = '' }: Seats = {}) {
  const clock = new ManualClock();
  const first = await startFakeUpstream(t, { hold: true });
  const second = await startFakeUpstream(t, { hold: true });
  const ini = twoTargets({ url: v1(first), seats: here }, { url: v1(second), seats: there }, `${spill}\n${sections}`);
  const gateway = await startGateway(t, { ini, overrides: { clock } });
  const waiting = async (pool: string) => {
    const { levels } = await gateway.pool(pool);
    return levels.reduce((sum: number, level: { waiting: number }) => sum + level.waiting, 0);
  };
  /** Sends one of this level, and returns when it waits in the first pool or is upstream. */
  const send = async (priority: 0 | 2 | 3 | 9) => {
    const before = (await waiting('first')) + first.requests.length + second.requests.length;
    const answer = gateway.chat(adminKey, { priority });
    await until(async () => (await waiting('first')) + first.requests.length + second.requests.length > before);
    return answer;
  };
  const open = (...upstreams: FakeUpstream[]) => {
    for (const upstream of upstreams) upstream.open();
  };
  return { clock, first, second, gateway, waiting, send, open };
}

/** Each answer stands in an array, as it would be awaited otherwise. */
const sent = <T>(answer: Promise<T>): [Promise<T>] => [answer];

test('nothing spills while the first pool has room', async t => {
  const { first, second, send, open, clock } = await arrange(t, { first: 4 });
  open(first, second);
  for (const level of [0, 2, 3, 9] as const) assertTold(await send(level), 'first', 1);
  clock.advance(10_000);
  assert.equal(second.requests.length, 0);
});

test('who has waited for two seconds goes to the second target, by level; P3 and P9 never do', async t => {
  const { clock, first, second, gateway, waiting, open } = await arrange(t, { second: 1 });
  const ask = (priority: 0 | 1 | 2 | 3 | 9) => sent(gateway.chat(adminKey, { priority }));
  const [running] = ask(9);
  await first.waitForActive(1);
  const [worst] = ask(9);
  const [middle] = ask(3);
  const [second2] = ask(2);
  await until(async () => (await waiting('first')) === 3);
  const [best] = ask(0);
  await until(async () => (await waiting('first')) === 4);
  clock.advance(1_999);
  assert.equal(second.requests.length, 0);
  clock.advance(1);
  // One seat: the better level takes it when both have waited long enough; here both are due in the same moment.
  await second.waitForActive(1);
  assert.equal(await waiting('first'), 3);
  second.open();
  const spilled = [await best, await second2];
  for (const answer of spilled) {
    assert.equal(answer.status, 200);
    assertTold(answer, 'second', 1);
  }
  clock.advance(10_000);
  assert.equal(await waiting('first'), 2);
  assert.equal(second.requests.length, 2);
  open(first);
  for (const answer of [await running, await worst, await middle]) assertTold(answer, 'first', 1);
  await until(() => endedRequests(gateway).length === 5);
  const told = endedRequests(gateway).map(({ priority, spilled_from, wait_ms }) => ({
    priority,
    spilled_from,
    wait_ms,
  }));
  assert.deepEqual(
    told.find(({ priority }) => priority === 0),
    { priority: 0, spilled_from: 'first', wait_ms: 2000 },
  );
  assert.match(
    await (await fetch(`${gateway.url}/metrics`)).text(),
    /tokligence_spills_total\{level="0",provider="first"\} 1/,
  );
});

test('a seat that the second pool gets later goes to who has waited long enough, the best level first', async t => {
  const { clock, first, second, gateway, waiting, open } = await arrange(t);
  const ask = (priority: 0 | 2) => sent(gateway.chat(adminKey, { priority }));
  const [running] = ask(2);
  await first.waitForActive(1);
  const [filling] = ask(2);
  await until(async () => (await waiting('first')) === 1);
  clock.advance(2_000);
  await second.waitForActive(1);
  const [low] = ask(2);
  await until(async () => (await waiting('first')) === 1);
  const [high] = ask(0);
  await until(async () => (await waiting('first')) === 2);
  clock.advance(2_000);
  assert.equal(await waiting('first'), 2, 'there is no room');
  second.release(1);
  assertTold(await filling, 'second', 1);
  await second.waitForRequests(2);
  second.release(1);
  assertTold(await high, 'second', 1);
  open(first, second);
  await Promise.all([running, low]);
});

test('a tenant at its own limit gains nothing, and what has spilled counts with it', async t => {
  const { clock, first, second, gateway, waiting, open } = await arrange(t, {
    first: 3,
    second: 3,
    sections: '[tenant.user:2]\nmax_concurrent = 2',
  });
  const key = await gateway.createKey();
  const other = await gateway.createKey();
  const ask = (from: string, priority: 0 | 9) => sent(gateway.chat(from, { priority }));
  const answers: Promise<Response>[] = [];
  // The other tenant fills the first pool.
  for (let nth = 0; nth < 3; nth++) answers.push(...ask(other, 9));
  await first.waitForActive(3);
  for (let nth = 0; nth < 4; nth++) answers.push(...ask(key, 0));
  await until(async () => (await waiting('first')) === 4);
  clock.advance(2_000);
  await second.waitForActive(2);
  clock.advance(5_000);
  assert.equal(second.active, 2, 'two seats of the second pool, as it may have two in all');
  // Seats of the first pool are free now, and it has two elsewhere.
  first.release(3);
  await first.waitForActive(0);
  assert.equal(await waiting('first'), 2);
  open(first, second);
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
  assert.ok(first.maxConcurrent <= 3);
});

test('requests of a tenant at its limit keep nobody behind them from spilling', async t => {
  const { clock, first, second, gateway, waiting, open } = await arrange(t, {
    second: 3,
    sections: '[tenant.user:2]\nmax_concurrent = 1',
  });
  const key = await gateway.createKey();
  const other = await gateway.createKey();
  const ask = (from: string, priority: 0 | 2 | 9) => sent(gateway.chat(from, { priority }));
  const answers: Promise<Response>[] = [...ask(other, 9)];
  await first.waitForActive(1);
  // More than are asked at a time.
  for (let nth = 0; nth < 20; nth++) answers.push(...ask(key, 0));
  await until(async () => (await waiting('first')) === 20);
  answers.push(...ask(other, 2));
  await until(async () => (await waiting('first')) === 21);
  clock.advance(2_000);
  await second.waitForActive(2);
  assert.equal(await waiting('first'), 19, 'one of the tenant at its limit, and the one behind the others');
  open(first, second);
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
});
