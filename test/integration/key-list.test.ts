// The list of keys when there are too many to count for each request.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { runCli } from '../support/gateway-cli.ts';
import { freshDatabase } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';

test('the total of a long list is told to be an estimate, that of a list with a filter is exact', async t => {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const { admin } = gateway;
  await database.query(`INSERT INTO users (id, email, role, display_name, status, created_at, updated_at)
    VALUES (77, 'many@x', 'gateway_user', 'many', 'active', now(), now())`);
  const add = (from: number, to: number) =>
    database.query(
      `INSERT INTO api_keys (user_id, key_hash, key_prefix, created_at, updated_at)
       SELECT 77, encode(sha256(n::text::bytea), 'hex'), 'tok_' || lpad(n::text, 8, '0'), now(), now()
         FROM generate_series($1::int, $2::int) n`,
      [from, to],
    );
  const list = async (query: string, by?: string) =>
    (await admin('GET', `/admin/api-keys?${query}`, undefined, by)).body;
  const totals = ({ total, total_estimated, api_keys }: any) => [total, total_estimated, api_keys.length];

  await add(1, 9_999);
  assert.deepEqual(totals(await list('limit=10')), [10_000, undefined, 10], 'as many are counted');

  await add(10_000, 12_000);
  await database.query('ANALYZE api_keys');
  assert.deepEqual(totals(await list('limit=10')), [12_001, true, 10]);
  assert.deepEqual(totals(await list('limit=10&user_id=77')), [12_000, undefined, 10]);
  assert.deepEqual(totals(await list('limit=10&q=tok_000000')), [99, undefined, 10]);
  assert.deepEqual(totals(await list('limit=1000&offset=12000')), [12_001, undefined, 1], 'the last page knows');

  // The planner does not know the last keys, and no page is lost by that.
  await database.query('ALTER TABLE api_keys SET (autovacuum_enabled = false)');
  await database.query('DELETE FROM api_keys WHERE id % 4 = 0');
  await database.query('ANALYZE api_keys');
  await add(20_001, 24_000);
  const [{ count = 0 } = {}] = await database.query('SELECT count(*)::int FROM api_keys');
  assert.deepEqual(totals(await list(`offset=${count}`)), [count, undefined, 0], 'so does a look beyond it');
  const full = await list(`limit=1000&offset=${count - 1_000}`);
  assert.ok(full.total >= count && full.total_estimated === true, `${full.total} of ${count}`);
  const env = { TOKLIGENCE_ADMIN_KEY: adminKey };
  const first = await runCli(['keys', 'list', '--limit', '2', '--server', gateway.url], { env });
  assert.match(first.out, /^2 of about \d+ keys$/m);
  const all = await runCli(['keys', 'list', '--json', '--server', gateway.url], { env });
  assert.deepEqual([all.json.api_keys.length, all.json.total], [count, count]);

  const wish = { email: 'helpdesk@example.com', role: 'gateway_admin' };
  const helpdesk = (await admin('POST', '/admin/users', wish)).body.id;
  const helper = (await admin('POST', '/admin/api-keys', { user_id: helpdesk })).body.key;
  const theirs = await list('limit=10', helper);
  assert.equal(theirs.total_estimated, true, 'of those that may be seen');
  assert.ok(theirs.total > 0 && theirs.api_keys.every(({ user_email }: any) => user_email === 'many@x'));
});
