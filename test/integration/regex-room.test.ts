import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { heavyRegex } from '../support/regex-arbitraries.ts';
import { until } from '../support/until.ts';

const ini = '[api_key_priority]\nenabled = true\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const url = '/admin/api-key-priority/mappings';

async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const bySql = async (first: number, count: number, priority: number) => {
    for (let number = first; number < first + count; number++)
      await database.query(`INSERT INTO api_key_priority_mappings (pattern, match_type, priority, tenant_id)
        VALUES ('${heavyRegex(number)}', 'regex', ${priority}, 'greedy')`);
    await gateway.admin('POST', '/admin/api-key-priority/reload');
  };
  const post = (pattern: string, fields: object = {}, query = '') =>
    gateway.admin('POST', url + query, { pattern, match_type: 'regex', priority: 9, ...fields });
  const faulty = async () => (await gateway.admin('GET', `${url}?state=faulty`)).body.mappings;
  return { ...gateway, bySql, post, faulty };
}

test('regexes written by SQL that are too many leave the best and all other rows in force, and say why they do not serve', async t => {
  const { bySql, post, faulty, createKey, chat, admin, log } = await arrange(t);
  const key = await createKey('prod');
  const level = async () => (await chat(key)).headers.get('x-tokligence-priority');
  assert.equal((await post('^tok_prod_', { priority: 3 })).status, 201);
  await admin('POST', url, { pattern: 'tok_', match_type: 'prefix', priority: 8 });
  assert.equal(await level(), '3');

  await bySql(0, 26, 9);
  assert.equal(await level(), '3');
  const without = await faulty();
  assert.ok(without.length > 3 && without.length < 12, `${without.length}`);
  for (const { fault, id } of without) {
    assert.match(fault, /^there is no room for it: the enabled regexes before it, by priority and id, weigh 3000000/);
    await until(() => log.some(line => line.includes(`Skipped mapping ${id}: there is no room for it`)));
  }

  // The new rows are the best ones: the regex of tok_prod_ loses its room, the prefix does not.
  await bySql(26, 20, 0);
  assert.equal(await level(), '8');
  const { body } = await admin('GET', `${url}/1`);
  assert.match(body.fault, /no room/);
});

test('an admin who would write one regex too many is refused, tried or real, and may still change what there is', async t => {
  const { bySql, post, admin, faulty } = await arrange(t);
  await bySql(0, 19, 5);
  const [served] = (await admin('GET', `${url}?sort=id`)).body.mappings;
  const refused = async (answer: Promise<{ status: number; body: any }>) => {
    const { status, body } = await answer;
    assert.equal(status, 400, JSON.stringify(body));
    assert.equal(body.error.param, 'pattern');
    assert.match(body.error.message, /^pattern: there is no room for this regex: it weighs \d+, the other enabled/);
  };
  await refused(post(heavyRegex(50)));
  await refused(post(heavyRegex(50), {}, '?dry_run=true'));
  // Small regexes still fit, and a disabled one needs no room.
  assert.equal((await post('_ci$')).status, 201);
  const off = await post(heavyRegex(51), { enabled: false });
  assert.equal(off.status, 201);
  await refused(admin('PUT', `${url}/${off.body.id}`, { enabled: true }));
  await refused(admin('PUT', `${url}/${off.body.id}?dry_run=true`, { enabled: true }));
  assert.equal((await admin('PUT', `${url}/${off.body.id}`, { tenant_id: 'other' })).status, 200);

  // Now SQL has inserted too many: other fields of existing rows may still be changed.
  await bySql(20, 3, 9);
  assert.equal((await faulty()).length, 2);
  assert.equal((await admin('PUT', `${url}/${served.id}`, { priority: 4, pattern: served.pattern })).status, 200);
  await refused(post('_one_more$'));
  await admin('DELETE', `${url}/${served.id}`);
  assert.equal((await faulty()).length, 1);
});

test('a regex that is too much by itself says what is too much of it', async t => {
  const { post, admin } = await arrange(t);
  const refusals: [string, RegExp][] = [
    [`(?:${'()'.repeat(100)}){100}`, /^pattern: a regex expands to at most 1000 steps, not \d+/],
    ['(?:a|b[^!]|[^?]){100}', /^pattern: a regex weighs at most 200000, not \d+/],
    [`(?i)${'[B-\\x{1E942}]'.repeat(15)}`, /^pattern: a regex folds too many characters to either case/],
  ];
  for (const [pattern, reason] of refusals) {
    const { status, body } = await post(pattern);
    assert.deepEqual([status, body.error.param], [400, 'pattern']);
    assert.match(body.error.message, reason);
  }
  assert.equal((await admin('GET', url)).body.total, 0);
});
