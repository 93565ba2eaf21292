import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfterMs } from '../../../src/upstreams/answer/retry-after.ts';

const now = new Date(Date.UTC(2026, 0, 1, 12));
const http = (ms: number) => new Date(ms).toUTCString();

test('seconds, milliseconds and dates are read, milliseconds first', () => {
  assert.equal(retryAfterMs({ 'retry-after': '7' }, now), 7000);
  assert.equal(retryAfterMs({ 'retry-after': ' 0 ' }, now), 0);
  assert.equal(retryAfterMs({ 'retry-after': '0.5' }, now), 500);
  assert.equal(retryAfterMs({ 'retry-after-ms': '250', 'retry-after': '1' }, now), 250);
  assert.equal(retryAfterMs({ 'retry-after-ms': 'soon', 'retry-after': '1' }, now), 1000);
  assert.equal(retryAfterMs({ 'retry-after': http(now.getTime() + 30_000) }, now), 30_000);
  assert.equal(retryAfterMs({ 'retry-after': 'Thursday, 01-Jan-26 12:00:30 GMT' }, now), 30_000);
});

test('a date counts from the upstream’s own time, and a past one means now', () => {
  const theirs = now.getTime() - 3_600_000;
  assert.equal(retryAfterMs({ date: http(theirs), 'retry-after': http(theirs + 5000) }, now), 5000);
  assert.equal(retryAfterMs({ 'retry-after': http(now.getTime() - 1000) }, now), 0);
});

test('a value that cannot be read counts as missing', () => {
  const unreadable = [undefined, '', 'soon', '-1', '1e3', 'Infinity', 'Mon, nonsense', '2026-01-01', ['1', '2']];
  for (const value of unreadable) assert.equal(retryAfterMs({ 'retry-after': value }, now), null, String(value));
});
