/** Models that the upstream has closed at one of several endpoints: where their requests go, and what waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Demand, Place } from '../../../src/scheduler/scheduler.ts';
import { arrangeScheduler } from '../../support/arrange-scheduler.ts';

const none = { cost: 0, tokens: 0 };
const hourMs = 3_600_000;
const idOf = ({ endpoint }: Place<string>) => endpoint?.id ?? null;

/** Requests are named by their model's letter and a number. */
function arrange(seats: Record<string, number>, fields: Parameters<typeof arrangeScheduler>[0] = {}) {
  const pool = arrangeScheduler({ seats: 1000, ...fields });
  const { scheduler, at } = pool;
  const set = (told: Record<string, number>) =>
    scheduler.setEndpoints(
      'p',
      Object.entries(told).map(([id, count]) => ({ id, seats: count })),
    );
  set(seats);
  const come = (name: string, demand: Partial<Demand> = {}, avoid: readonly string[] = []) =>
    pool.come(name, 5, { provider: 'p', model: name.slice(0, 1), ...demand }, 4 * hourMs, avoid);
  const start = (...comer: Parameters<typeof come>) => {
    const place = come(...comer);
    assert.deepEqual(pool.seated(), [place.holder]);
    return place;
  };
  const end = (place: Place<string>) => pool.end(place, none);
  const findNoRoom = (place: Place<string>, ms: number, scope: 'model' | 'provider' = 'model') => {
    const until = scheduler.upstreamBusy(place, scope, at() + ms, at());
    end(place);
    return until;
  };
  /** One request of the model finds no room at that endpoint, which is the only one that it may go to. */
  const close = (model: string, id: string, ms: number, scope?: 'model' | 'provider') => {
    const place = start(
      `${model} without room`,
      {},
      Object.keys(seats).filter(one => one !== id),
    );
    assert.equal(idOf(place), id);
    place.avoid = [];
    return findNoRoom(place, ms, scope);
  };
  const closed = () =>
    scheduler.inspection.closed(at()).map(({ provider, model, endpoint, until }) => [provider, model, endpoint, until]);
  return { ...pool, set, come, start, end, findNoRoom, close, closed };
}

test('whatever it says, one of several endpoints closes the model of that request, and only there', () => {
  for (const scope of ['model', 'provider'] as const) {
    const { start, close, closed, come, seated } = arrange({ e1: 4, e2: 4 });
    assert.equal(close('a', 'e1', 500, scope), 0, 'the request may start again at once, at the other endpoint');
    assert.deepEqual(closed(), [['p', 'a', 'e1', 500]]);
    assert.deepEqual(
      ['a1', 'a2', 'a3', 'a4'].map(name => idOf(start(name))),
      ['e2', 'e2', 'e2', 'e2'],
    );
    come('a5');
    assert.deepEqual(seated(), [], 'the other endpoint is full');
    assert.deepEqual(
      ['b1', 'b2'].map(name => idOf(start(name))),
      ['e1', 'e1'],
      'another model goes on',
    );
  }
});

test('a lone endpoint closes its model, or its provider, as before', () => {
  for (const [scope, part] of [
    ['model', ['p', 'a', null, 500]],
    ['provider', ['p', null, null, 500]],
  ] as const) {
    const { start, findNoRoom, closed } = arrange({ e1: 4 });
    assert.equal(findNoRoom(start('a1'), 500, scope), 500);
    assert.deepEqual(closed(), [part]);
  }
});

test('who waits for the open endpoint blocks nobody, keeps its order, and starts where there is room first', () => {
  const { start, close, come, seated, end, pass } = arrange({ e1: 1, e2: 1 });
  close('a', 'e1', 500);
  const running = start('a1');
  const waiting = [come('a2'), come('a3')];
  come('b1', { flowId: 'a' });
  assert.deepEqual(seated(), ['b1']);
  end(running);
  assert.deepEqual([seated(), waiting.map(idOf)], [['a2'], ['e2', null]]);
  pass(500);
  assert.deepEqual(seated(), [], 'e1 is open, and b1 is there');
});

test('where all endpoints have closed the model its requests wait for the first that opens, and say so', () => {
  const { close, come, seated, scheduler, at, pass, start } = arrange({ e1: 4, e2: 4 });
  close('a', 'e1', 500);
  assert.equal(close('a', 'e2', 300), 300);
  const [first, second] = [come('a1'), come('a2')];
  assert.deepEqual(seated(), []);
  const { reason, closed } = scheduler.inspection.standings(at())(first);
  assert.deepEqual([reason, closed?.endpoint, closed?.until], ['upstream_closed', 'e2', 300]);
  const { waiting, aside, dueCost } = scheduler.level(5);
  assert.deepEqual([waiting, aside, dueCost], [2, 2, 0], 'nobody reckons with them');
  assert.equal(idOf(start('b1')), 'e1');
  assert.equal(scheduler.nextWake(at()), 300);
  pass(300);
  assert.deepEqual([seated(), idOf(first), idOf(second)], [['a1', 'a2'], 'e2', 'e2']);
});

test('an endpoint that comes up beside closed ones serves the model, and one that goes down leaves it closed', () => {
  const { close, come, seated, set, start, scheduler, at } = arrange({ e1: 1, e2: 1 });
  close('a', 'e1', 500);
  set({ e1: 1, e2: 0 });
  const place = come('a1');
  assert.deepEqual(seated(), []);
  assert.equal(scheduler.inspection.standings(at())(place).reason, 'upstream_closed');
  assert.equal(scheduler.level(5).aside, 1);
  set({ e1: 1, e2: 0, e3: 1 });
  assert.deepEqual([seated(), idOf(place)], [['a1'], 'e3']);
  assert.equal(idOf(start('b1')), 'e1');
});

test('a probe goes out after 30 s though the other endpoint has room; taken, it opens the endpoint for all', () => {
  const { close, start, pass, scheduler, at, closed } = arrange({ e1: 4, e2: 4 });
  close('a', 'e1', hourMs);
  start('a1');
  pass(30_000);
  const probe = start('a2');
  assert.equal(idOf(probe), 'e1', 'the freest share, and its time has come');
  assert.equal(idOf(start('a3')), 'e2', 'one probe at a time');
  assert.equal(scheduler.answered(probe, 'taken', at()), true);
  assert.deepEqual(closed(), []);
  assert.equal(idOf(start('a4')), 'e1');
});

test('a probe without room leaves the endpoint closed, until a time that may be an earlier one', () => {
  const { close, start, pass, findNoRoom, closed, at } = arrange({ e1: 4, e2: 4 });
  close('a', 'e1', hourMs);
  pass(30_000);
  const probe = start('a1', {}, ['e2']);
  probe.avoid = [];
  assert.equal(findNoRoom(probe, 100_000), at());
  assert.deepEqual(closed(), [['p', 'a', 'e1', 130_000]]);
  pass(99_999);
  assert.equal(idOf(start('a2')), 'e2');
});

test('an answer from another endpoint ends no closure', () => {
  const { close, start, pass, scheduler, at, closed } = arrange({ e1: 4, e2: 4 });
  close('a', 'e1', hourMs);
  const other = start('a1');
  pass(30_000);
  assert.equal(scheduler.answered(other, 'taken', at()), false);
  assert.equal(closed().length, 1);
});

test('a thousand models are closed at endpoints; one more closes nothing, as the others may have room', () => {
  const { start, findNoRoom, closed, scheduler, at } = arrange({ e1: 2000, e2: 2000 });
  for (let nth = 0; nth < 1000; nth++) findNoRoom(start(`${nth}`, { model: `m${nth}` }, ['e2']), 500);
  assert.equal(closed().length, 1000);
  assert.equal(findNoRoom(start('last', { model: 'last' }, ['e2']), 500), null);
  assert.equal(closed().length, 1000);
  assert.equal(idOf(start('again', { model: 'last' }, ['e2'])), 'e1');
  assert.equal(scheduler.inspection.closedTo(start('m1 again', { model: 'm1' }), at()), null);
});

test('a request that has failed elsewhere waits for the endpoint that it may go to', () => {
  const { start, findNoRoom, come, seated, pass } = arrange({ e1: 4, e2: 4 });
  assert.equal(findNoRoom(start('a1', {}, ['e2']), 500), 500);
  const place = come('a2', {}, ['e2']);
  assert.deepEqual(seated(), []);
  pass(500);
  assert.deepEqual([seated(), idOf(place)], [['a2'], 'e1']);
});
