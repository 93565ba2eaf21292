import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailedSignIns } from '../../src/http/admin/failed-sign-ins.ts';
import { ManualClock } from '../support/manual-clock.ts';

function arrange() {
  const clock = new ManualClock();
  const failed = new FailedSignIns(clock);
  const fail = (address: string, times = 1) => {
    for (let count = 0; count < times; count++) failed.begin(address);
  };
  const isRefused = (address: string): boolean => {
    try {
      failed.begin(address)();
      return false;
    } catch {
      return true;
    }
  };
  return { clock, fail, isRefused };
}

test('who has an IPv6 address has its whole network, and an IPv4 address is one however it is written', () => {
  const { fail, isRefused } = arrange();
  for (let count = 1; count <= 20; count++) fail(`2001:db8:0:7::${count}`);
  assert.equal(isRefused('2001:db8:0:7:ffff:1:2:3'), true);
  assert.equal(isRefused('2001:db8::7:0:0:0:9'), true);
  assert.equal(isRefused('2001:db8:0:8::1'), false);
  fail('::ffff:192.0.2.1', 20);
  assert.equal(isRefused('192.0.2.1'), true);
  assert.equal(isRefused('::ffff:192.0.2.2'), false);
  assert.equal(isRefused('::1'), false);
});

test('of more addresses than are told apart, those whose minute began first are forgotten', () => {
  const { clock, fail, isRefused } = arrange();
  fail('192.0.2.1', 20);
  clock.advance(1);
  fail('192.0.2.2', 20);
  for (let count = 0; count < 9_998; count++) fail(`10.0.${count >> 8}.${count & 255}`);
  assert.deepEqual(['192.0.2.1', '192.0.2.2'].map(isRefused), [true, true]);
  fail('198.51.100.1');
  assert.deepEqual(['192.0.2.2', '192.0.2.1'].map(isRefused), [true, false]);
});
