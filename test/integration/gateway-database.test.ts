// A whole gateway whose database is killed, is behind a pooler, or existed before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { existingInstallation, storedKey } from '../support/existing-installation.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { emptyDatabase, freshDatabase, privateServer } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const mappings = '/admin/api-key-priority/mappings';

/** Sends requests without a pause, over several connections at once, until it is stopped. */
function keepSending({ chat }: TestGateway, keys: readonly string[]) {
  const statuses = new Map<number, number>();
  let sent = 0;
  let isStopped = false;
  const send = async () => {
    while (!isStopped) {
      const response = await chat(keys[sent++ % keys.length] ?? '');
      await response.arrayBuffer();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    }
  };
  const sending = Promise.all([send(), send(), send(), send()]);
  return {
    /** Resolves once this many more have been sent. */
    async more(count: number) {
      const goal = sent + count;
      await until(() => sent >= goal);
    },
    /** Returns the number of answers by status. */
    async stop() {
      isStopped = true;
      await sending;
      return statuses;
    },
  };
}

test('the database is killed and brought back while requests flow: none with a known key fails', async t => {
  const server = await privateServer(t);
  const gateway = await startGateway(t, { ini, database: server.url });
  const keys = await Promise.all([gateway.createKey('a'), gateway.createKey('b')]);
  for (const key of keys) assert.equal((await gateway.chat(key)).status, 200);
  const readiness = async () => ((await (await fetch(`${gateway.url}/readyz`)).json()) as { status: string }).status;

  const flow = keepSending(gateway, keys);
  t.after(() => flow.stop());
  await flow.more(20);
  await server.kill();
  await until(async () => (await readiness()) === 'degraded');
  await flow.more(100);
  await server.start();
  await until(async () => (await readiness()) === 'ready');
  await flow.more(100);
  assert.deepEqual([...(await flow.stop()).keys()], [200]);
});

test('behind a pooler that swallows notifications changes by SQL serve all the same', async t => {
  const database = await freshDatabase(t);
  // Notifications do not cross databases, just as they do not cross a pooler in transaction mode.
  const elsewhere = await emptyDatabase(t);
  const gateway = await startGateway(t, {
    ini,
    database: database.url,
    env: { TOKLIGENCE_DATABASE_LISTEN_URL: elsewhere.url, TOKLIGENCE_API_KEY_PRIORITY_ENABLED: 'true' },
  });
  await until(() => gateway.log.some(line => line.includes('did not arrive at database.listen_url')));
  const key = await gateway.createKey('prod');
  const priority = async () => (await gateway.chat(key)).headers.get('x-tokligence-priority');
  assert.equal(await priority(), '7');

  await database.query(
    `INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES ('tok_prod*', 2, 'prefix')`,
  );
  await until(async () => (await priority()) === '2');
  await database.query(`UPDATE users SET status = 'inactive' WHERE role = 'gateway_user'`);
  await until(async () => (await gateway.chat(key)).status === 401);
});

test('an existing installation is started on twice: its keys serve, its rows stay, mappings made meanwhile too', async t => {
  const database = await emptyDatabase(t);
  await database.query(existingInstallation);
  const before = await database.query('SELECT * FROM api_keys ORDER BY id');

  const first = await startGateway(t, { ini, database: database.url });
  assert.equal((await first.chat(storedKey)).status, 200);
  const mapping = { pattern: `${storedKey.slice(0, 8)}*`, match_type: 'prefix', priority: 3 };
  assert.equal((await first.admin('POST', mappings, mapping)).status, 201);
  assert.equal((await first.admin('PUT', '/admin/api-key-priority/config', { enabled: true })).status, 200);
  await first.app.stop();

  const second = await startGateway(t, { ini, database: database.url });
  const answer = await second.chat(storedKey);
  assert.deepEqual([answer.status, answer.headers.get('x-tokligence-priority')], [200, '3']);
  assert.equal((await second.admin('GET', mappings)).body.total, 1);
  assert.deepEqual(await database.query('SELECT * FROM api_keys WHERE id <= 2 ORDER BY id'), before);
  assert.deepEqual(
    (await database.query('SELECT email, role, phone FROM users ORDER BY id')).map(({ email, role, phone }) => [
      email,
      role,
      phone,
    ]),
    [
      ['a@b', 'root_admin', '1'],
      ['c@d', 'gateway_user', null],
      ['admin@local', 'root_admin', null],
    ],
  );
});
