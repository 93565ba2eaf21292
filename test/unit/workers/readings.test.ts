import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/domain/clock.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import type { Upward } from '../../../src/workers/messages.ts';
import { Readings } from '../../../src/workers/readings.ts';
import { endedRequest } from '../../support/ended-request.ts';

function arrange() {
  const metrics = createMetrics({ tenants: 5, clock: systemClock, isOneOfSeveral: true });
  const told: string[] = [];
  const faults: unknown[] = [];
  /** What the next readings meet; null: nothing. */
  const fault: { is: Error | null } = { is: null };
  const reading = (read: typeof metrics.readAll) => async () => {
    if (fault.is !== null) throw fault.is;
    return read();
  };
  const readings = new Readings({
    readCounts: reading(metrics.readCounts),
    readAll: reading(metrics.readAll),
    takeTenants: () => metrics.takeTenants(),
    send: async (message: Upward) => void told.push(message.t === 'read' ? `read ${message.id}` : message.t),
    onFault: error => faults.push(error),
  });
  return { metrics, readings, told, faults, fault };
}

test('a reading that fails is passed over, and those after it are told', async () => {
  const { readings, told, faults, fault } = arrange();
  fault.is = new Error('a gauge cannot be read');
  await readings.tellCounts();
  await readings.answer(1);
  assert.deepEqual(faults, [fault.is], 'a fault that lasts is said once');
  fault.is = null;
  await readings.tellCounts();
  await readings.answer(2);
  assert.deepEqual(told, ['counts', 'read 2']);
  fault.is = new Error('a gauge cannot be read');
  await readings.tellCounts();
  assert.equal(faults.length, 2, 'and again after its end');
});

test('what was counted of tenants is told before each reading, once, and also where that fails', async () => {
  const { metrics, readings, told, fault } = arrange();
  metrics.requestEnded(endedRequest);
  await readings.answer(1);
  await readings.tellCounts();
  metrics.requestEnded(endedRequest);
  fault.is = new Error('a gauge cannot be read');
  await readings.tellCounts();
  assert.deepEqual(told, ['tenants', 'read 1', 'counts', 'tenants']);
});

test('readings arrive in the order in which they were asked for, also where one takes longer', async () => {
  const { promise, resolve } = Promise.withResolvers<[]>();
  const told: string[] = [];
  const readings = new Readings({
    readCounts: () => promise,
    readAll: async () => [],
    takeTenants: () => [],
    send: async ({ t }) => void told.push(t),
    onFault: error => assert.fail(String(error)),
  });
  const all = [readings.tellCounts(), readings.answer(1)];
  resolve([]);
  await Promise.all(all);
  assert.deepEqual(told, ['counts', 'read']);
});
