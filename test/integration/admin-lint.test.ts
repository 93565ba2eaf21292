import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOfKey } from '../../src/priority/matching/pattern.ts';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase, privateServer } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const base = '/admin/api-key-priority';

test('linting the mappings', async t => {
  const database = await freshDatabase(t);
  const { admin, chat, createKey, log } = await startGateway(t, { ini, database: database.url });
  const add = async (match_type: string, pattern: string, priority: number, tenant_id: string | null = null) => {
    const { status, body } = await admin('POST', `${base}/mappings`, { match_type, pattern, priority, tenant_id });
    assert.equal(status, 201, JSON.stringify(body));
    return body;
  };
  const lint = async (query = '', key?: string) => {
    const { status, body } = await admin('GET', `${base}/lint${query}`, undefined, key);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const messages = (findings: { kind: string; message: string }[], kind: string) =>
    findings.filter(one => one.kind === kind).map(({ message }) => message);
  t.beforeEach(async () => {
    await database.query('DELETE FROM api_key_priority_mappings');
    await admin('POST', `${base}/reload`);
  });

  await t.test('a row that can never win names what hides it, on creating it and in lint', async () => {
    const wide = await add('prefix', 'tok_ext*', 5, 'ext');
    const free = await add('prefix', 'tok_ext_free*', 9, 'free');
    const sentence = '`tok_ext_free*` P9 never wins: `tok_ext*` P5 matches every key it matches';
    assert.deepEqual(messages(free.warnings, 'never_wins'), [sentence]);
    const { findings, counts } = await lint();
    assert.deepEqual(messages(findings, 'never_wins'), [sentence]);
    assert.equal(counts.never_wins, 1);
    const [found] = findings;
    assert.deepEqual([found.mapping.id, found.others.map(({ id }: { id: number }) => id)], [free.id, [wide.id]]);

    const better = await admin('PUT', `${base}/mappings/${free.id}`, { priority: 2 });
    assert.deepEqual(messages(better.body.warnings, 'never_wins'), []);
    assert.deepEqual(messages((await lint()).findings, 'never_wins'), []);
    const worse = await admin('PUT', `${base}/mappings/${free.id}`, { priority: 9 });
    assert.deepEqual(messages(worse.body.warnings, 'never_wins'), [sentence]);
    const off = await admin('PUT', `${base}/mappings/${free.id}`, { enabled: false });
    assert.deepEqual(off.body.warnings, []);
  });

  await t.test('a new row warns of those that it hides', async () => {
    await add('prefix', 'tok_ext_free*', 9, 'ext');
    const wide = await add('regex', '^tok_ext', 5, 'ext');
    assert.deepEqual(messages(wide.warnings, 'never_wins'), [
      '`tok_ext_free*` P9 never wins: `^tok_ext` P5 matches every key it matches',
    ]);
    const halves = [
      await add('regex', '^tok_i[0-4]', 5),
      await add('regex', '^tok_i[^0-4]', 5),
      await add('exact', 'tok_i', 5),
    ];
    const hidden = await add('prefix', 'tok_i*', 6);
    assert.deepEqual(messages(hidden.warnings, 'never_wins'), [
      '`tok_i*` P6 never wins: `^tok_i[0-4]` P5, `^tok_i[^0-4]` P5 and `tok_i` P5 together match every key it matches',
    ]);
    assert.equal(halves.length, 3);
  });

  await t.test('two tenants that match some of the same keys are told apart from one that is hidden', async () => {
    await add('prefix', 'tok_ext*', 5, 'ext');
    await add('prefix', 'tok_ext_prem*', 3, 'prem');
    await add('prefix', 'tok_ext_std*', 3, 'ext');
    await add('suffix', '*_ci', 4, 'ci');
    const regex = await add('regex', '^tok_ext_p', 6, 'pool');
    const { findings } = await lint();
    assert.deepEqual(messages(findings, 'never_wins').length, 1, 'the regex');
    assert.deepEqual(messages(findings, 'tenant_overlap'), [
      "`*_ci` P4 of tenant 'ci' matches keys that mappings of other tenants match too: `tok_ext_prem*` P3 of tenant 'prem' wins them; `tok_ext_std*` P3 of tenant 'ext' wins them; it wins them over `tok_ext*` P5 of tenant 'ext'",
      "`tok_ext*` P5 of tenant 'ext' matches keys that mappings of other tenants match too: `tok_ext_prem*` P3 of tenant 'prem' wins them",
    ]);
    await admin('PUT', `${base}/mappings/${regex.id}`, { priority: 0 });
    const again = messages((await lint()).findings, 'tenant_overlap').find(text => text.startsWith('`^tok_ext_p`'));
    assert.match(again ?? '', /it wins them over `tok_ext_prem\*`|`\*_ci`/);
  });

  await t.test('faulty rows are found', async () => {
    await database.query(
      `INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES ('(', 1, 'regex')`,
    );
    await admin('POST', `${base}/reload`);
    const { findings, checked } = await lint();
    assert.match(messages(findings, 'faulty')[0] ?? '', /cannot be used: not a regular expression in RE2 syntax/);
    assert.deepEqual([checked.mappings, checked.usable], [1, 0]);
    await database.query('DELETE FROM api_key_priority_mappings');
    await admin('POST', `${base}/reload`);
  });

  await t.test(
    'keys and patterns without each other: for sure, or unknown where only the beginning is known',
    async () => {
      const key = await createKey('prod');
      const other = await createKey('dev');
      await add('prefix', 'tok_prod*', 1);
      await add('prefix', 'tok_ml*', 1);
      await add('suffix', key.slice(-10), 1);
      await add('exact', `sha256:${digestOfKey(other)}`, 1);
      await add('exact', 'tok_of_nobody', 1);
      const answers = async () => {
        const { findings, keys } = await lint();
        return {
          patterns: findings
            .filter(({ kind }: { kind: string }) => kind === 'pattern_without_key')
            .map((one: any) => [one.mapping.pattern.slice(0, 7), one.answer]),
          ids: findings
            .filter(({ kind }: { kind: string }) => kind === 'key_without_pattern')
            .map((one: any) => [one.key.key_prefix, one.answer]),
          keys,
        };
      };
      const before = await answers();
      assert.deepEqual(before.patterns, [
        ['tok_ml*', 'no match'],
        ['tok_of_', 'no match'],
        [key.slice(-10).slice(0, 7), 'unknown'],
      ]);
      // The admin's own key was seen when it asked, and matches nothing.
      assert.deepEqual(before.ids, [['tok_', 'no match']]);
      assert.deepEqual(before.keys, { total: 3, seen: 1, match: 2, no_match: 1, unknown: 0 });
      const strange = await createKey('strange');
      const unseen = await answers();
      assert.deepEqual(unseen.ids.at(-1), [strange.slice(0, 12), 'unknown']);
      await chat(key);
      await chat(strange);
      const after = await answers();
      assert.deepEqual(after.patterns, before.patterns.slice(0, 2), 'the suffix has met its key');
      assert.deepEqual(after.ids.at(-1), [strange.slice(0, 12), 'no match']);
      assert.deepEqual([after.keys.total, after.keys.seen, after.keys.unknown], [4, 3, 0]);
    },
  );

  await t.test('a key that cannot be used counts for nothing', async () => {
    const { keys } = await lint();
    await database.query(
      `UPDATE api_keys SET expires_at = now() - interval '1 minute' WHERE key_prefix LIKE 'tok_strange%'`,
    );
    assert.equal((await lint()).keys.total, keys.total - 1);
  });

  await t.test('findings of a kind are limited and all counted; bad limits are refused', async () => {
    await add('exact', 'tok_of_one', 1);
    await add('exact', 'tok_of_two', 1);
    const { findings, counts } = await lint('?limit=1');
    assert.equal(messages(findings, 'pattern_without_key').length, 1);
    assert.equal(counts.pattern_without_key, 2);
    for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?page=1']) {
      const { status, body } = await admin('GET', `${base}/lint${query}`);
      assert.deepEqual([status, body.error.param], [400, query.slice(1).split('=')[0]]);
    }
  });

  await t.test('only admins may lint, and a gateway_admin is told of keys that it manages', async () => {
    const user = await admin('POST', '/admin/users', { email: 'second@example.com', role: 'gateway_admin' });
    const second = await admin('POST', '/admin/api-keys', { user_id: user.body.id });
    const { findings } = await lint('', second.body.key);
    const shown = findings.filter(({ key }: { key: unknown }) => key !== null).map((one: any) => one.key.user_id);
    assert.ok(!shown.includes(1) && !shown.includes(user.body.id));
    assert.equal((await admin('GET', `${base}/lint`, undefined, await createKey())).status, 403);
    assert.equal((await admin('GET', `${base}/lint`, undefined, 'tok_nobody')).status, 401);
  });

  await t.test('priorities in effect count, a boost too', async () => {
    const wide = await add('prefix', 'tok_b*', 5);
    const narrow = await add('prefix', 'tok_b_one*', 9);
    assert.equal(messages(narrow.warnings, 'never_wins').length, 1);
    await database.query(
      `INSERT INTO api_key_priority_boosts (mapping_id, priority, until, reason) VALUES ($1, 1, now() + interval '1 hour', 'test')`,
      [narrow.id],
    );
    await admin('POST', `${base}/reload`);
    assert.deepEqual(messages((await lint()).findings, 'never_wins'), []);
    const { body } = await admin('POST', `${base}/explain`, { key: 'tok_b_one_1' });
    const { id, priority, effective_priority, effective_source } = body.winner;
    assert.deepEqual([id, priority, effective_priority, effective_source], [narrow.id, 9, 1, 'boost']);
    assert.equal(body.mappings[1].id, wide.id);
  });

  await t.test('no key or exact pattern comes into the log with it', async () => {
    await add('exact', 'tok_clear_exact_pattern', 1);
    await lint();
    assert.ok(!log.some(line => line.includes('tok_clear_exact')));
  });
});

test('while the database is away lint and explain answer 503, and nothing of it reaches the caller', async t => {
  const server = await privateServer(t);
  const { admin } = await startGateway(t, { ini, database: server.url });
  const ask = () =>
    Promise.all([
      admin('GET', `${base}/lint`),
      admin('POST', `${base}/explain`, { key: 'tok_one' }),
      admin('POST', `${base}/explain`, { key_prefix: 'tok_' }),
    ]);
  const before = await ask();
  assert.deepEqual(
    before.map(({ status }) => status),
    [200, 200, 200],
  );
  await server.stop();
  for (const { status, body } of await ask()) {
    assert.equal(status, 503, JSON.stringify(body));
    assert.equal(body.error.message, 'The database is not reachable at the moment.');
  }
});
