// A provider with several keys, one of which the upstream refuses.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { assertTold, endedRequests, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const env = { TOKLIGENCE_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') };
const keys = ['sk-number-one-0123456789', 'sk-number-two-0123456789', 'sk-number-three-0123456789'];

/** An upstream that takes these keys only, behind a provider that has all three. */
async function arrange(t: TestContext, good: readonly string[]) {
  const upstream = await startFakeUpstream(t, ({ headers }) =>
    good.some(key => headers.authorization === `Bearer ${key}`) ? {} : { status: 401, body: { error: 'no' } },
  );
  const { url: database } = await freshDatabase(t);
  const gateway = await startGateway(t, { ini: '', env, database });
  const provider = { name: 'vendor', type: 'openai', base_url: [v1(upstream)], api_key: keys[0] };
  const made = await gateway.admin('POST', '/admin/providers', provider);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  for (const key of keys.slice(1)) {
    const { status } = await gateway.admin('POST', '/admin/providers/vendor/keys', { api_key: key });
    assert.equal(status, 201);
  }
  return { upstream, gateway };
}

async function ask(gateway: TestGateway): Promise<Response> {
  const answer = await gateway.chat(adminKey);
  await answer.text();
  return answer;
}

const keysSeen = ({ requests }: FakeUpstream) => requests.map(({ headers }) => headers.authorization);

test('a request that one key is refused for is made again with the next, and its client sees nothing of it', async t => {
  const { upstream, gateway } = await arrange(t, keys.slice(2));
  const first = await ask(gateway);
  assert.equal(first.status, 200);
  assertTold(first, 'vendor', 3);
  assert.deepEqual(
    keysSeen(upstream),
    keys.map(key => `Bearer ${key}`),
  );
  for (let nth = 0; nth < 4; nth++) assertTold(await ask(gateway), 'vendor', 1);
  assert.equal(upstream.requests.length, 7, 'what was refused is set aside');
  await until(() => endedRequests(gateway).length === 5);
  const failures = endedRequests(gateway)[0].attempts.map(({ failure }: any) => failure);
  assert.deepEqual(failures, ['401', '401', null]);
  assert.equal((await gateway.pool('vendor')).in_use, 0);
});

test('where all keys are refused the client is told the last answer, and none is asked twice', async t => {
  const { upstream, gateway } = await arrange(t, []);
  const first = await ask(gateway);
  assert.equal(first.status, 401);
  assertTold(first, 'vendor', 3);
  assert.equal(new Set(keysSeen(upstream)).size, 3);
  const second = await ask(gateway);
  assert.equal(second.status, 401);
  assertTold(second, 'vendor', 1);
  assert.equal(upstream.requests.length, 4);
});
