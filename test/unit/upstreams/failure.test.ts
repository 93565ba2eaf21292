import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf, failureOfStatus } from '../../../src/upstreams/endpoints/failure.ts';

const error = (code: string) => Object.assign(new Error(code), { code });
const notSent = { isSent: false, isReused: false };
const sent = { isSent: true, isReused: false };
const reused = { isSent: true, isReused: true };

test('what happened before a connection was there is no failure of the request', () => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT', 'ECONNRESET', 'FORBIDDEN_ADDRESS'])
    assert.equal(failureOf(error(code), notSent), 'connect', code);
  assert.equal(failureOf(error('PROXY_REFUSED'), sent), 'connect');
  for (const code of ['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID', 'EPROTO'])
    assert.equal(failureOf(error(code), notSent), 'tls', code);
});

test('a connection that breaks is told apart by whether it had served before', () => {
  for (const code of ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'HPE_INVALID_CONSTANT']) {
    assert.equal(failureOf(error(code), sent), 'reset', code);
    assert.equal(failureOf(error(code), reused), 'reused', code);
  }
  assert.equal(failureOf(error('UND_ERR_HEADERS_TIMEOUT'), reused), 'first_byte');
});

test('what the gateway or the request has done itself is no failure', () => {
  for (const code of ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_DESTROYED', 'UND_ERR_ABORTED'])
    assert.equal(failureOf(error(code), sent), null, code);
});

test('502, 503 and 504 without Retry-After say that nobody is there', () => {
  for (const status of [502, 503, 504]) {
    assert.equal(failureOfStatus(status, false), 'status');
    assert.equal(failureOfStatus(status, true), null);
  }
  for (const status of [200, 400, 429, 500, 529]) assert.equal(failureOfStatus(status, false), null);
});
