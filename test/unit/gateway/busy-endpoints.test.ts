import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BusyEndpoints } from '../../../src/gateway/route/busy-endpoints.ts';
import type { Target } from '../../../src/upstreams/upstreams.ts';

const target = (provider: string, model: string): Target => ({
  // Nothing else of a provider is read.
  provider: { name: provider } as Target['provider'],
  model,
});

test('an endpoint is busy for its model until the moment that it named last', () => {
  const busy = new BusyEndpoints();
  busy.tell(target('p', 'm'), 'one', 100, 0);
  busy.tell(target('p', 'm'), 'two', 200, 0);
  assert.deepEqual(busy.of(target('p', 'm'), 99), ['one', 'two']);
  assert.deepEqual(busy.of(target('p', 'm'), 100), ['two']);
  busy.tell(target('p', 'm'), 'two', 150, 0);
  assert.deepEqual(busy.of(target('p', 'm'), 150), []);
});

test('other models and other providers are not concerned', () => {
  const busy = new BusyEndpoints();
  busy.tell(target('p', 'm'), 'one', 100, 0);
  for (const other of [target('p', 'n'), target('q', 'm')]) assert.deepEqual(busy.of(other, 0), []);
});

test('a thousand models are remembered, those that were told of last', () => {
  const busy = new BusyEndpoints();
  for (let nth = 0; nth < 1_000; nth++) busy.tell(target('p', `m${nth}`), 'one', 100, 0);
  busy.tell(target('p', 'm0'), 'one', 100, 0);
  busy.tell(target('p', 'm1000'), 'one', 100, 0);
  assert.deepEqual(busy.of(target('p', 'm0'), 0), ['one']);
  assert.deepEqual(busy.of(target('p', 'm1'), 0), []);
  assert.deepEqual(busy.of(target('p', 'm1000'), 0), ['one']);
});

test('no endpoint is avoided for longer than half a minute, whatever it says', () => {
  const busy = new BusyEndpoints();
  busy.tell(target('p', 'm'), 'one', 86_400_000, 1_000);
  assert.deepEqual(busy.of(target('p', 'm'), 30_999), ['one']);
  assert.deepEqual(busy.of(target('p', 'm'), 31_000), []);
});
