/** Levels at their cap whose tenants share the pool (share_by = tenant): the time of the pool goes on without them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrangeScheduler } from '../../support/arrange-scheduler.ts';
import { perLevel } from '../../support/pool-settings.ts';

/**
 * Twenty tenants of a level at its cap of one seat, while one tenant of another level is served 500 times on the other
 * seat.
 */
function arrangeCapped() {
  const fields = { policy: 'wfq', shareBy: 'tenant', seats: 2, weights: perLevel(1) } as const;
  const arranged = arrangeScheduler({ ...fields, cap: perLevel(2, { 8: 1 }) });
  const { come, end, scheduler } = arranged;
  /** Ends one request, which comes again; returns the one that is seated instead. */
  const passOn = (ended: ReturnType<typeof come>) => {
    come(ended.flowId, ended.level, { flowId: ended.flowId });
    end(ended);
    return (scheduler.next(0) ?? assert.fail('nobody is seated')) as typeof ended;
  };
  let capped = come('c0', 8, { flowId: 'c0' });
  let busy = come('busy', 2, { flowId: 'busy' });
  assert.deepEqual(arranged.seated(), ['c0', 'busy']);
  // Several each, so that none of them ever runs out.
  for (let nth = 0; nth < 80; nth++) come(`c${nth % 20}`, 8, { flowId: `c${nth % 20}` });
  for (let nth = 0; nth < 500; nth++) busy = passOn(busy);
  const serveCapped = () => {
    capped = passOn(capped);
    return capped.holder;
  };
  return { ...arranged, fields, passOn, serveCapped, busy: () => busy };
}

test('a level at its cap gets no credit: when the cap is gone, its tenants get their turns and no more', () => {
  const { configure, passOn, busy, fields } = arrangeCapped();
  configure(fields);
  let running = busy();
  const served: string[] = [];
  for (let nth = 0; nth < 200; nth++) {
    running = passOn(running);
    served.push(running.holder);
  }
  const ofBusy = served.filter(name => name === 'busy').length;
  assert.ok(ofBusy >= 8 && ofBusy <= 11, `${ofBusy} of 200 turns, and it is one of 21`);
});

test('a tenant that joins a level at its cap is not behind those that waited there all the time', () => {
  const { come, serveCapped } = arrangeCapped();
  come('newcomer', 8, { flowId: 'newcomer' });
  const served = Array.from({ length: 25 }, serveCapped);
  assert.ok(served.includes('newcomer'), String(served));
});

test('how far the tenants of a level at its cap catch up does not depend on the order in which they came', () => {
  for (const names of [
    ['first', 'second', 'joins'],
    ['second', 'joins', 'first'],
  ]) {
    const fields = {
      policy: 'wfq',
      shareBy: 'tenant',
      seats: 4,
      weights: perLevel(1),
      cap: perLevel(4, { 8: 1 }),
    } as const;
    const arranged = arrangeScheduler(fields, { joins: { maxConcurrent: 1 } });
    const { come, seated, end, configure } = arranged;
    let busy = come('busy', 2, { flowId: 'busy' });
    const charged = come('charged', 8, { flowId: 'second', cost: 50 });
    for (const flowId of ['first', 'joins']) come(`${flowId} elsewhere`, 2, { flowId });
    assert.deepEqual(seated(), ['busy', 'charged', 'first elsewhere', 'joins elsewhere']);
    end(charged);
    const capped = come('capped', 8, { flowId: 'capped' });
    assert.deepEqual(seated(), ['capped']);
    for (const flowId of names) come(flowId, 8, { flowId });
    for (let nth = 0; nth < 10; nth++) {
      const next = come('busy', 2, { flowId: 'busy' });
      end(busy);
      assert.deepEqual(seated(), ['busy']);
      busy = next;
    }
    configure(fields, { first: { maxConcurrent: 1 } });
    end(capped);
    assert.deepEqual(seated(), ['second'], `who came as ${names} is level with who joins, and has waited for longer`);
  }
});
