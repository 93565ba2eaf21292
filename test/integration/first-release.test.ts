// Installations of the first release start on this one, with all that they hold.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { emptyDatabase } from '../support/postgres.ts';

const dump = (edition: 'personal' | 'team') =>
  readFileSync(new URL(`../support/first-release/${edition}.sql`, import.meta.url), 'utf8');

const adminKey = 'tok_admin_of_the_first_release_0000';
const keyOf = {
  personal: 'tok_prod_BqhW7tlN8sLCOgOJKdNmL8x_vv-bwF_FCfWt1y6YoCc',
  team: 'tok_prod_vRnA4N4U1wiFmf-jVh9NHgDzUMzLS2yzBNPpdw7isVo',
};

const ini = '[provider.local]\ntype = loopback\nservice_ms = 1\nchunk_ms = 1\n';

async function personalFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'first-release-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const db = new DatabaseSync(join(folder, 'gateway.db'));
  db.exec(dump('personal'));
  db.exec('PRAGMA journal_mode = WAL');
  db.close();
  return folder;
}

/** What both editions were filled with. */
async function assertKept({ admin, chat }: TestGateway, key: string, level: number): Promise<void> {
  const { users } = (await admin('GET', '/admin/users', undefined, adminKey)).body;
  assert.deepEqual(users.map(({ email, role, display_name }: any) => [email, role, display_name]).slice(0, 2), [
    ['admin@local', 'root_admin', null],
    ['ann@example.com', 'gateway_user', 'Ann'],
  ]);
  const { api_keys } = (await admin('GET', '/admin/api-keys?user_id=2', undefined, adminKey)).body;
  const keys = new Map(api_keys.map(({ id, scopes, expires_at }: any) => [id, [scopes, expires_at]]));
  assert.deepEqual(keys.get(2), [['a', 'b'], null]);
  assert.deepEqual(keys.get(3), [null, '2099-01-01T00:00:00.000Z']);
  const { pools } = (await admin('GET', '/admin/scheduler/pools', undefined, adminKey)).body;
  assert.deepEqual([pools[0].policy, pools[0].reserved], ['wfq', [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]]);
  const answer = await chat(key);
  assert.deepEqual([answer.status, answer.headers.get('x-tokligence-priority')], [200, String(level)]);
  await answer.text();
}

test('the data folder of a Personal edition of 0.1.0', async t => {
  const folder = await personalFolder(t);
  const gateway = await startGateway(t, { ini, env: { TOKLIGENCE_GATEWAY_DATA_DIR: folder } });
  await assertKept(gateway, keyOf.personal, 7);
});

test('the database of a Team edition of 0.1.0', async t => {
  const { url, query } = await emptyDatabase(t);
  await query(`${dump('team')}\nRESET ALL`);
  const gateway = await startGateway(t, { ini: `[api_key_priority]\nenabled = true\n${ini}`, database: url });
  await assertKept(gateway, keyOf.team, 2);
  const base = '/admin/api-key-priority';
  const { mappings } = (await gateway.admin('GET', `${base}/mappings`, undefined, adminKey)).body;
  assert.deepEqual(
    mappings.map(({ pattern, tenant_name, enabled, fault }: any) => [pattern, tenant_name, enabled, fault]),
    [
      ['tok_prod_*', 'Production', true, null],
      ['^tok_x[0-9]+', null, false, null],
    ],
  );
  const { default_priority, x_priority } = (await gateway.admin('GET', `${base}/config`, undefined, adminKey)).body;
  assert.deepEqual([default_priority, x_priority], [8, 'internal']);
  const { schedules } = (await gateway.admin('GET', `${base}/schedules`, undefined, adminKey)).body;
  assert.deepEqual([schedules[0].zone, schedules[0].start], ['Europe/Berlin', '22:00']);

  const added = { pattern: 'tok_new_*', match_type: 'prefix', priority: 4 };
  const { status, body } = await gateway.admin('POST', `${base}/mappings`, added, adminKey);
  assert.deepEqual([status, body.id], [201, 3], 'its sequences go on');
  const history = await query('SELECT object, kind FROM api_key_priority_history ORDER BY id');
  assert.deepEqual([history.length, history.at(-1)], [8, { object: 'mapping', kind: 'create' }]);
});
