import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../src/domain/errors.ts';
import { maxWaitMs } from '../../../src/gateway/max-wait.ts';

test('a whole number of milliseconds is how long the client would wait; without it there is no limit', () => {
  assert.equal(maxWaitMs(undefined), null);
  assert.equal(maxWaitMs('0'), 0);
  assert.equal(maxWaitMs('1500'), 1500);
  assert.equal(maxWaitMs('999999999999999'), 999_999_999_999_999);
});

test('everything else is a 400 that names the header', () => {
  const wrong = ['', '-1', '1.5', '1e3', '0x10', '5s', 'soon', '1, 2', '1000000000000000', ['1', '2']];
  for (const header of wrong) {
    assert.throws(
      () => maxWaitMs(header),
      (error: unknown) =>
        error instanceof GatewayError &&
        error.code === 'invalid_request' &&
        error.param === 'X-Tokligence-Max-Wait-Ms' &&
        /whole number of milliseconds/.test(error.message),
      String(header),
    );
  }
});
