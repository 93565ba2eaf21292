// Requests that go on in another pool: what the pool that they leave, and their tenant, keep of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { movedOn } from '../../../src/gateway/pool/ticket.ts';
import { anyFields, arrangeDispatcher, none } from '../../support/arrange-dispatcher.ts';

const tenant = (limits: object) =>
  new Map([
    [
      'a',
      {
        tenantId: 'a',
        weight: 1,
        maxConcurrent: null,
        requestsPerSec: null,
        tokensPerSec: null,
        maxQueueDepth: null,
        ...limits,
      },
    ],
  ]);

test('work that goes on elsewhere gives its seat back and is charged nothing', async () => {
  const { clock, dispatcher, desk, request } = arrangeDispatcher(
    { seats: 1 },
    { tenants: tenant({ tokensPerSec: 60 }) },
  );
  const ticket = dispatcher.ticket({ ...anyFields, requestId: 'moving' });
  assert.equal(await dispatcher.run(ticket, async () => movedOn), movedOn);
  assert.equal(desk.view.stats().in_use, 0);
  // Its 60 tokens would have emptied the tenant's bucket for a second.
  const next = request('next');
  next.end();
  assert.equal(await next.outcome, 'next served');
  assert.equal(clock.now(), 0);
});

test('a waiting ticket that moves away leaves its place, and is counted neither as served nor as refused', async () => {
  const { dispatcher, request, counts } = arrangeDispatcher({ seats: 1 });
  const running = request('running');
  const ticket = dispatcher.ticket({ ...anyFields, requestId: 'moving' });
  const moving = dispatcher.run(ticket, async () => 'never');
  assert.equal(counts().waiting, 1);
  dispatcher.moveAway(ticket);
  assert.equal(await moving, movedOn);
  assert.deepEqual(counts(), { ...none, running: 1, dispatched: 1 });
  running.end();
  await running.outcome;
  await dispatcher.idle();
});

test('what is lent counts with its tenant until it comes back', async () => {
  const level: Level = 3;
  const { clock, dispatcher, request, started } = arrangeDispatcher(
    { seats: 4 },
    { tenants: tenant({ maxConcurrent: 2 }) },
  );
  const ticket = dispatcher.ticket({ ...anyFields, level });
  const give = [dispatcher.lend(ticket), dispatcher.lend(ticket)] as const;
  assert.equal(dispatcher.outlook(ticket).isHeldByTenant, true);
  const own = request('own');
  assert.deepEqual(started, []);
  give[0](null);
  assert.deepEqual(started, []);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(started, ['own']);
  own.end();
  assert.equal(await own.outcome, 'own served');
  give[1](60);
  assert.equal(dispatcher.outlook(ticket).startsAtOnce, true);
  assert.equal(clock.now(), 0);
});

test('a request that was lent and never started gives its tenant’s rate back', () => {
  const { dispatcher } = arrangeDispatcher({ seats: 4 }, { tenants: tenant({ requestsPerSec: 1 }) });
  const ticket = dispatcher.ticket({ ...anyFields });
  const give = dispatcher.lend(ticket);
  assert.equal(dispatcher.outlook(ticket).isHeldByTenant, true);
  give(null);
  assert.equal(dispatcher.outlook(ticket).isHeldByTenant, false);
  const used = dispatcher.lend(ticket);
  used(10);
  assert.equal(dispatcher.outlook(ticket).isHeldByTenant, true);
});

test('an outlook changes nothing', () => {
  const { dispatcher, request, counts } = arrangeDispatcher({ seats: 1 });
  const ticket = dispatcher.ticket({ ...anyFields });
  assert.equal(dispatcher.outlook(ticket).startsAtOnce, true);
  void request('running');
  for (let nth = 0; nth < 10; nth++) assert.equal(dispatcher.outlook(ticket).startsAtOnce, false);
  assert.deepEqual(counts(), { ...none, running: 1, dispatched: 1 });
});
