import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { sqliteFile } from '../../src/db/sqlite/sqlite.ts';
import { startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\n';

/** A Personal gateway on a stopped clock, and another connection to its file. */
async function arrange(t: TestContext) {
  const clock = new ManualClock(Date.now());
  const gateway = await startGateway(t, { ini, overrides: { clock } });
  const other = new DatabaseSync(sqliteFile(gateway.dataDir), { enableForeignKeyConstraints: true });
  t.after(() => other.close());
  const statusOf = async (key: string) => {
    const response = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    await response.body?.cancel();
    return response.status;
  };
  return { ...gateway, clock, other, statusOf };
}

test('a row that another connection writes to the file of Personal acts within a second', async t => {
  const { clock, other, statusOf, createKey } = await arrange(t);
  const key = await createKey();
  assert.equal(await statusOf(key), 200);

  await t.test('a user who is made inactive is refused', async () => {
    other.exec(`UPDATE users SET status = 'inactive' WHERE role = 'gateway_user'`);
    assert.equal(await statusOf(key), 200);
    clock.advance(1_000);
    await until(async () => (await statusOf(key)) === 401);
  });

  await t.test('and served again once active', async () => {
    other.exec(`UPDATE users SET status = 'active'`);
    clock.advance(1_000);
    await until(async () => (await statusOf(key)) === 200);
  });

  await t.test('a key that is deleted is refused', async () => {
    other.exec(`DELETE FROM api_keys WHERE id = (SELECT max(id) FROM api_keys)`);
    clock.advance(1_000);
    await until(async () => (await statusOf(key)) === 401);
  });

  await t.test('a key that was refused and is written then serves', async () => {
    const written = 'tok_written_by_hand';
    assert.equal(await statusOf(written), 401);
    const hash = createHash('sha256').update(written).digest('hex');
    other.exec(`INSERT INTO api_keys (user_id, key_hash, key_prefix) SELECT max(id), '${hash}', 'tok_' FROM users`);
    clock.advance(1_000);
    await until(async () => (await statusOf(written)) === 200);
  });
});

test('a gateway that has stopped looks at its file no more: nothing of it goes on by the clock', async t => {
  const { app, clock } = await arrange(t);
  await app.stop();
  clock.advance(3_600_000);
  assert.equal(clock.pending, 0);
});
