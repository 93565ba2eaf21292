import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errors, GatewayError } from '../../../src/domain/errors.ts';
import { ClientAddresses } from '../../../src/http/door/client-address.ts';
import { WrongKeys } from '../../../src/http/door/wrong-keys.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const wrong = errors.invalidApiKey('The API key is unknown, expired or revoked.');

interface Answer {
  readonly code: string;
  readonly retryAfterSec: number | null;
  readonly afterMs: number;
  readonly message: string;
}

function arrange() {
  const clock = new ManualClock();
  const told: { address: string; count: number }[] = [];
  const counted: string[] = [];
  const events = {
    keyRefused: (code: string) => counted.push(code),
    keysGuessed: (guesses: { address: string; count: number }) => told.push(guesses),
  };
  const wrongKeys = new WrongKeys({ addresses: new ClientAddresses([]), clock, events });
  let keys = 0;
  const refuse = async (remoteAddress: string, thrown: unknown = wrong, key = `tok_${keys++}`): Promise<Answer> => {
    const begun = clock.now();
    const req = { socket: { remoteAddress }, headers: {} } as unknown as IncomingMessage;
    try {
      return await wrongKeys.refuse(req, key, thrown);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const { code, retryAfterSec, message } = error;
      return { code, retryAfterSec, message, afterMs: clock.now() - begun };
    }
  };
  /** Resolves to the times that the answers took, once the clock has advanced this far. */
  const all = async (answers: Promise<Answer>[], ms: number) => {
    for (let left = ms; left > 0; left -= 25) {
      await nextTurn();
      clock.advance(25);
    }
    return (await Promise.all(answers)).map(({ afterMs }) => afterMs);
  };
  const fail = (address: string, times: number) => Array.from({ length: times }, () => refuse(address));
  return { clock, told, counted, refuse, fail, all };
}

test('twenty wrong keys of an address in a minute get the usual 401, further ones 429', async () => {
  const { clock, told, counted, refuse, fail } = arrange();
  for (const answer of await Promise.all(fail('192.0.2.1', 20)))
    assert.deepEqual([answer.code, answer.afterMs], ['invalid_api_key', 0]);
  clock.advance(10_000);
  const slowed = refuse('192.0.2.1');
  clock.advance(25);
  const { code, retryAfterSec, message, afterMs } = await slowed;
  assert.deepEqual([code, retryAfterSec, afterMs], ['too_many_invalid_keys', 50, 25]);
  assert.match(message, /is unknown, expired or revoked.*So were 20 others/);
  assert.equal((await refuse('192.0.2.2')).code, 'invalid_api_key');
  clock.advance(50_000);
  assert.equal((await refuse('192.0.2.1')).code, 'invalid_api_key');
  assert.deepEqual(told, [{ address: '192.0.2.1', count: 20 }]);
  assert.deepEqual([counted.length, counted.filter(one => one === 'too_many_invalid_keys').length], [23, 1]);
});

test('one wrong key counts once, however often it comes', async () => {
  const { told, refuse, fail } = arrange();
  const again = () => refuse('192.0.2.1', wrong, 'tok_again');
  for (let count = 0; count < 100; count++) assert.equal((await again()).code, 'invalid_api_key');
  await Promise.all(fail('192.0.2.1', 19));
  assert.deepEqual([(await again()).code, told], ['invalid_api_key', []]);
  void refuse('192.0.2.1');
  assert.equal((await again()).code, 'invalid_api_key');
  assert.equal(told.length, 1);
});

test('each further refusal is answered later than the last, up to half a second', async () => {
  const { fail, all } = arrange();
  await Promise.all(fail('192.0.2.1', 20));
  const times = await all(fail('192.0.2.1', 40), 500);
  assert.deepEqual(times.slice(0, 3), [25, 50, 75]);
  assert.ok(
    times.slice(19).every(ms => ms === 500),
    times.join(),
  );
});

test('the number of delayed answers is bounded, per address and in all', async () => {
  const { clock, fail, all } = arrange();
  await Promise.all(fail('192.0.2.1', 20));
  const times = await all(fail('192.0.2.1', 130), 500);
  assert.equal(times.filter(ms => ms === 0).length, 30);
  assert.equal((await all(fail('192.0.2.1', 1), 500))[0], 500);
  const many = Array.from({ length: 25 }, (_, host) => fail(`198.51.100.${host}`, 120)).flat();
  const held = (await all(many, 500)).filter(ms => ms > 0);
  assert.equal(held.length, 2_000);
  assert.equal(clock.pending, 0);
});

test('other errors pass unchanged and are not counted', async () => {
  const { counted, refuse } = arrange();
  for (let count = 0; count < 50; count++) {
    assert.equal((await refuse('192.0.2.1', errors.unavailable('away', 1))).code, 'unavailable');
    assert.equal((await refuse('192.0.2.1', errors.forbidden('no'))).code, 'forbidden');
  }
  await assert.rejects(refuse('192.0.2.1', new TypeError('ours')), TypeError);
  assert.deepEqual(counted, []);
  assert.equal((await refuse('192.0.2.1')).code, 'invalid_api_key');
});

test('when there are too many addresses, those whose minute began first are forgotten', async () => {
  const { clock, fail, refuse, all } = arrange();
  const codeOf = async (address: string) => {
    const answer = refuse(address);
    clock.advance(500);
    return (await answer).code;
  };
  await Promise.all(fail('192.0.2.1', 20));
  clock.advance(1);
  await Promise.all(fail('192.0.2.2', 20));
  await Promise.all(Array.from({ length: 9_998 }, (_, count) => refuse(`10.0.${count >> 8}.${count & 255}`)));
  assert.equal(await codeOf('192.0.2.1'), 'too_many_invalid_keys');
  await refuse('198.51.100.1');
  assert.equal(await codeOf('192.0.2.2'), 'too_many_invalid_keys');
  assert.equal(await codeOf('192.0.2.1'), 'invalid_api_key');
  await all([], 60_000);
});
