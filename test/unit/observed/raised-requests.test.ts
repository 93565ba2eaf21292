import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RaisedRequests } from '../../../src/observed/raised-requests.ts';

const raise = (raised: RaisedRequests, flowId: string, times = 1) => {
  for (let time = 0; time < times; time++) raised.add({ isRaised: true, flowId });
};

test('raised requests are counted by tenant, the largest count first', () => {
  const raised = new RaisedRequests();
  raise(raised, 'shop', 2);
  raise(raised, 'bank', 3);
  raised.add({ isRaised: false, flowId: 'shop' });
  raised.add({ isRaised: true, flowId: null });
  assert.deepEqual([raised.of('shop'), raised.of('bank'), raised.of('nobody')], [2, 3, 0]);
  const bank = { flowId: 'bank', requests: 3 };
  assert.deepEqual(raised.most(9), { tenants: [bank, { flowId: 'shop', requests: 2 }], others: 0 });
  assert.deepEqual(raised.most(1), { tenants: [bank], others: 2 });
});

test('whichever tenants come, no request is lost and the number of tenants stays within its bound', () => {
  const flows = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 200 });
  fc.assert(
    fc.property(flows, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 40 }), (ids, most, shown) => {
      const raised = new RaisedRequests(most);
      for (const id of ids) raise(raised, `tenant-${id}`);
      const { tenants, others } = raised.most(shown);
      const sum = tenants.reduce((total, { requests }) => total + requests, others);
      assert.equal(sum, ids.length);
      assert.ok(tenants.length <= Math.min(most, shown));
      for (const { flowId, requests } of tenants)
        assert.equal(requests, ids.filter(id => `tenant-${id}` === flowId).length);
    }),
  );
});
