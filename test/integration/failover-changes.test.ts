// Requests on their way over targets and endpoints while operators change them.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { assertTold, providerIni, twoTargets, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const env = { TOKLIGENCE_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') };
const oldKey = 'sk-of-the-old-origin-0123456789';
const newKey = 'sk-of-the-new-origin-0123456789';

async function startTeam(t: TestContext, ini: string): Promise<TestGateway> {
  const { url } = await freshDatabase(t);
  return startGateway(t, { ini, env, database: url });
}

const waitingIn = async (gateway: TestGateway, pool: string): Promise<number> =>
  (await gateway.pool(pool)).levels.reduce((sum: number, { waiting }: any) => sum + waiting, 0);

const keysSeen = ({ requests }: FakeUpstream) => requests.map(({ headers }) => headers.authorization);

async function change(gateway: TestGateway, provider: string, fields: object): Promise<void> {
  const { status, body } = await gateway.admin('PATCH', `/admin/providers/${provider}`, fields);
  assert.equal(status, 200, JSON.stringify(body));
}

async function assertIdle(gateway: TestGateway, pools: readonly string[]): Promise<void> {
  for (const pool of pools) await until(async () => (await gateway.pool(pool)).in_use === 0);
}

test('what waits for a target that is switched off is served by the next one', async t => {
  const [first, second] = [await startFakeUpstream(t, { hold: true }), await startFakeUpstream(t)];
  const gateway = await startTeam(t, twoTargets({ url: v1(first), seats: 1 }, { url: v1(second) }));
  const running = gateway.chat(adminKey);
  await first.waitForActive(1);
  const waiting = gateway.chat(adminKey);
  await until(async () => (await waitingIn(gateway, 'first')) === 1);
  await change(gateway, 'first', { enabled: false });
  first.open();
  assertTold(await running, 'first', 1);
  const answer = await waiting;
  assert.equal(answer.status, 200);
  assertTold(answer, 'second', 2);
  await assertIdle(gateway, ['second']);
});

test('a target whose key is missing is passed by for the next one', async t => {
  const [first, second] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const more = `api_key = ${oldKey}`;
  const database = await freshDatabase(t);
  const ini = twoTargets({ url: v1(first), more }, { url: v1(second) });
  const gateway = await startGateway(t, { ini, env, database: database.url });
  await database.query(`INSERT INTO provider_endpoints (provider, url) VALUES ('first', '${first.url}/elsewhere/v1'),
    ('first', 'http://localhost:${new URL(first.url).port}/v1')`);
  await until(() => gateway.log.some(line => line.includes('the key of the file does not go to')));
  const answer = await gateway.chat(adminKey);
  assert.equal(answer.status, 200, await answer.text());
  assertTold(answer, 'second', 2);
});

test('a request that waits to be sent again goes to the new origin with the new key only', async t => {
  const before = await startFakeUpstream(t, { status: 503, headers: { 'retry-after': '1' }, body: { busy: true } });
  const after = await startFakeUpstream(t);
  const gateway = await startTeam(
    t,
    providerIni('main', { url: v1(before), more: `api_key = ${oldKey}` }).replace('main-only', 'm'),
  );
  const answer = gateway.chat(adminKey);
  await until(async () => (await waitingIn(gateway, 'main')) === 1);
  await change(gateway, 'main', { base_url: [v1(after)], api_key: newKey });
  assert.equal((await answer).status, 200);
  assert.deepEqual([keysSeen(before), keysSeen(after)], [[`Bearer ${oldKey}`], [`Bearer ${newKey}`]]);
  await assertIdle(gateway, ['main']);
});

test('an endpoint that is drained while a failed call comes to its end sends the request to the next target', async t => {
  const sockets: Socket[] = [];
  const busy = await startRawUpstream(t, socket => void sockets.push(socket));
  const [other, second] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await startGateway(t, {
    ini: twoTargets({ url: `${v1(busy)}, ${v1(other)}`, seats: 1 }, { url: v1(second) }),
  });
  const turn = (way: 'drain' | 'resume') =>
    gateway.admin('POST', `/admin/providers/first/endpoints/${encodeURIComponent(other.url)}/${way}`);
  await turn('drain');
  const answering = gateway.chat(adminKey);
  await until(() => sockets.length === 1);
  await turn('resume');
  sockets[0]?.write('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\n');
  await turn('drain');
  sockets[0]?.write('later');
  const answer = await answering;
  assert.equal(answer.status, 200);
  assertTold(answer, 'second', 2);
  assert.deepEqual([busy.requests.length, other.requests.length], [1, 0]);
  await assertIdle(gateway, ['first', 'second']);
});

test('a request that failed passes by a target whose queue is full for the one after it', async t => {
  const first = await startFakeUpstream(t, { hold: true, status: 503, body: {} });
  const full = await startFakeUpstream(t, { hold: true });
  const third = await startFakeUpstream(t);
  const ini = `${twoTargets({ url: v1(first) }, { url: v1(full), seats: 1 }).replace('m-elsewhere', 'm-elsewhere, third:m')}
${providerIni('third', { url: v1(third) })}
[scheduler]
max_queue_depth = 1
`;
  const gateway = await startGateway(t, { ini });
  const held = [gateway.chat(adminKey, { model: 'second-only' }), gateway.chat(adminKey, { model: 'second-only' })];
  await full.waitForActive(1);
  await until(async () => (await waitingIn(gateway, 'second')) === 1);
  const answering = gateway.chat(adminKey);
  await first.waitForActive(1);
  first.open();
  const answer = await answering;
  assert.equal(answer.status, 200, await answer.text());
  assertTold(answer, 'third', 2);
  full.open();
  for (const one of await Promise.all(held)) assert.equal(one.status, 200);
});
