import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { until } from '../support/until.ts';

const ask = (gateway: TestGateway, maxWait: string | null, path = '/v1/chat/completions') =>
  fetch(gateway.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${adminKey}`,
      ...(maxWait === null ? {} : { 'x-tokligence-max-wait-ms': maxWait }),
    },
    body: JSON.stringify({ model: 'm', messages: [], max_tokens: 4 }),
  });

test('a client waits no longer than it says, and never longer than its level may', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t, { hold: true });
  const ini = poolIni(upstream, { seats: 1, sections: '[scheduler]\nqueue_timeout_sec = 10' });
  const gateway = await startGateway(t, { ini, overrides: { clock } });
  const held = ask(gateway, '0');
  await upstream.waitForActive(1);

  const unwilling = await ask(gateway, '0');
  assert.equal(unwilling.status, 503);
  assert.equal(((await unwilling.json()) as any).error.code, 'queue_timeout');
  assert.match(unwilling.headers.get('retry-after') ?? '', /^\d+$/);

  const [brief, patient, silent] = [ask(gateway, '1500'), ask(gateway, '3600000'), ask(gateway, null)];
  await until(async () => (await waitingIn(gateway)) === 3);
  clock.advance(1_499);
  assert.equal(await waitingIn(gateway), 3);
  clock.advance(1);
  const expired = await brief;
  assert.equal(expired.status, 503);
  assert.equal(expired.headers.get('x-tokligence-wait-time-ms'), '1500');
  assert.match(((await expired.json()) as any).error.message, /within 1\.5 s/);
  clock.advance(8_500);
  assert.equal((await patient).status, 503);
  assert.equal((await silent).status, 503);
  upstream.open();
  assert.equal((await held).status, 200, 'who needs not wait is served whatever it says');
  await assertQuiet(gateway, upstream, 1);
});

test('a value that is no whole number is a 400 in the dialect of the route, and never goes upstream', async t => {
  const upstream = await startFakeUpstream(t);
  const anthropic = `[provider.claude]\ntype = anthropic\nbase_url = ${upstream.url}`;
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 1, sections: anthropic }) });
  for (const wrong of ['-1', '1.5', 'soon', '5s', '1, 2']) {
    const refused = await ask(gateway, wrong);
    assert.equal(refused.status, 400);
    assert.match(refused.headers.get('x-tokligence-priority') ?? '', /^\d$/);
    const { error } = (await refused.json()) as any;
    assert.equal(error.code, 'invalid_request');
    assert.equal(error.param, 'X-Tokligence-Max-Wait-Ms');
  }
  const inOther = (await (await ask(gateway, '-1', '/v1/messages')).json()) as any;
  assert.equal(inOther.error.type, 'invalid_request_error');
  assert.equal(upstream.requests.length, 0);
  assert.equal((await ask(gateway, '100')).status, 200);
  assert.equal(upstream.requests[0]?.headers['x-tokligence-max-wait-ms'], undefined);
});
