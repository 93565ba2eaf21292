import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Point } from '../../../src/domain/shown/live.ts';
import { LiveStreams } from '../../../src/http/admin/pools/live-stream.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { until } from '../../support/until.ts';

const point: Point = { at: '2026-01-01T00:00:00.000Z', granted: 0, refused: 0, waiting: 0, in_use: 0, levels: [] };
const frameBytes = 500_000;

/** Streams with frames that soon fill any buffer, over a real connection. */
async function arrange(t: TestContext, { isHeld = false, tenantChars = frameBytes } = {}) {
  const clock = new ManualClock();
  const points: Point[] = [];
  const lanes = () => ({
    database: 'ready' as const,
    database_reasons: [],
    pools: [],
    x_priority: { policy: 'allow' as const, external_may_raise: null, raised: [], raised_by_others: 0 },
    boosts: [{ mapping_id: 1, tenant_id: 'x'.repeat(tenantChars), own_priority: 3, priority: 1, until: point.at }],
  });
  const pool = {
    name: 'gpu',
    get newestStep() {
      return points.length;
    },
    points: (after = 0) => points.slice(after),
  };
  /** Where the lanes are another gateway's: when they will be the present, and whose they are. */
  const far: { refreshed: Promise<void> | null; era: string } = { refreshed: null, era: '' };
  const streams = new LiveStreams(() => ({
    clock,
    stepMs: 10_000,
    lanes,
    histories: () => [pool],
    refresh: () => far.refreshed,
    era: () => far.era,
  }));
  const answers: ServerResponse[] = [];
  const joins: (() => void)[] = [];
  const server = createServer((_req, res) => {
    answers.push(res);
    const join = () => streams.join(res, async () => true);
    if (isHeld) joins.push(join);
    else join();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    streams.close();
    server.closeAllConnections();
    server.close();
  });
  const open = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const sent = request({ port, agent: false }, answer => resolve(answer.on('error', () => {})));
      sent.on('error', reject).end();
    });
  /** Advances by seconds; in each of them `fast` reads what it was sent. */
  const tick = async (seconds: number, fast?: ServerResponse) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000);
      await nextTurn();
      await until(() => !fast?.writableNeedDrain);
    }
  };
  return { clock, streams, answers, joins, points, open, tick, far };
}

/** Counts the events by name. */
function counted(answer: IncomingMessage): Record<string, number> {
  const counts: Record<string, number> = { history: 0, lanes: 0, point: 0 };
  let rest = '';
  answer.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const name = /^event: (\w+)/.exec(line)?.[1];
      if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
    }
  });
  return counts;
}

test('a slow reader skips frames, delays nobody, and gets the history again when it has missed a point', async t => {
  const { answers, points, open, tick } = await arrange(t);
  const slow = await open();
  const fast = counted(await open());
  const [held, read] = answers;
  assert.ok(held && read);
  await until(() => !read.writableNeedDrain);
  await tick(40, read);
  assert.ok(held.writableNeedDrain, 'its connection is full');
  assert.ok(held.writableLength < 3 * frameBytes, `${held.writableLength} bytes are kept for it`);
  points.push(point);
  await tick(1, read);
  await until(() => fast.point === 1 && fast.lanes === 42);
  const counts = counted(slow);
  await until(() => !held.writableNeedDrain);
  await tick(1);
  await until(() => counts.history === 2);
  assert.equal(counts.point, 0);
  assert.equal(fast.history, 1);
});

test('a reader that connects after a time without readers gets the steps that end from then on', async t => {
  const { clock, answers, points, open, tick } = await arrange(t);
  const first = await open();
  first.destroy();
  await until(() => clock.pending === 0);
  points.push(point, point);
  const counts = counted(await open());
  await tick(1, answers[1]);
  points.push(point);
  await tick(1, answers[1]);
  await until(() => counts.lanes === 3);
  assert.deepEqual(counts, { history: 1, lanes: 3, point: 1 });
});

test('lanes of another gateway are sent once they have come, and their history again if another one counts its steps', async t => {
  const { points, open, tick, far } = await arrange(t, { tenantChars: 10 });
  const counts = counted(await open());
  const came = Promise.withResolvers<void>();
  far.refreshed = came.promise;
  await tick(3);
  points.push(point);
  came.resolve();
  await until(() => counts.lanes === 2);
  assert.deepEqual(counts, { history: 1, lanes: 2, point: 1 });
  far.era = 'another';
  await tick(1);
  await until(() => counts.lanes === 3);
  assert.deepEqual(counts, { history: 2, lanes: 3, point: 1 });
  points.push(point);
  await tick(1);
  await until(() => counts.lanes === 4);
  assert.deepEqual(counts, { history: 2, lanes: 4, point: 2 });
});

test('a reader that reads nothing for a minute is disconnected', async t => {
  const { answers, open, tick } = await arrange(t);
  await open();
  const [held] = answers;
  assert.ok(held);
  await tick(130);
  await until(() => held.destroyed);
});

test('the end also reaches a reader that does not read', async t => {
  const { streams, answers, open, tick } = await arrange(t);
  const slow = await open();
  const closed = new Promise(resolve => slow.on('close', resolve));
  await tick(40);
  streams.close();
  slow.resume();
  await closed;
  assert.ok(answers[0]?.destroyed);
  assert.throws(() => streams.checkRoom(), /shutting down/);
});

test('a reader that leaves before it is admitted takes no place', async t => {
  const { clock, answers, joins, open } = await arrange(t, { isHeld: true });
  const leaving = open();
  await until(() => joins.length === 1);
  answers[0]?.socket?.destroy();
  await assert.rejects(leaving);
  await until(() => answers[0]?.destroyed === true);
  joins[0]?.();
  assert.equal(clock.pending, 0, 'nobody is told anything');
});
