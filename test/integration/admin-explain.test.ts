import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const base = '/admin/api-key-priority';

test('explaining which mapping wins for a key', async t => {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const { admin, chat, createKey } = gateway;
  const add = async (match_type: string, pattern: string, priority: number, more: object = {}) =>
    (await admin('POST', `${base}/mappings`, { match_type, pattern, priority, ...more })).body.id as number;
  const explain = async (question: object) => {
    const { status, body } = await admin('POST', `${base}/explain`, question);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const brief = ({ mappings }: { mappings: { id: number; answer: string; wins: boolean }[] }) =>
    mappings.map(({ id, answer, wins }) => [id, wins ? 'wins' : answer]);

  const ext = await add('prefix', 'tok_ext*', 5, {
    tenant_id: 'ext',
    tenant_name: 'External',
    tenant_type: 'external',
  });
  const free = await add('prefix', 'tok_ext_free*', 9, { tenant_id: 'free', tenant_type: 'external' });
  const long = await add('prefix', 'tok_ext_free_long_*', 3);
  const ci = await add('suffix', '*_ci', 5);
  const regex = await add('regex', '^tok_ext_[a-z]', 7, { tenant_id: 'ml', tenant_type: 'internal' });
  const off = await add('contains', '_ext_', 0, { enabled: false });
  const other = await add('regex', '^sk-', 1);
  await admin('PUT', `${base}/config`, { enabled: true });
  const key = await createKey('ext_free');

  await t.test('the winner, every other match and why it loses', async () => {
    const body = await explain({ key });
    assert.deepEqual(brief(body), [
      [ext, 'wins'],
      [regex, 'match'],
      [free, 'match'],
      [off, 'match'],
    ]);
    const standings = (of: typeof body) => of.mappings.map((row: { standing: string }) => row.standing);
    assert.deepEqual(standings(body), ['wins', 'loses', 'loses', 'switched_off']);
    const begun = ['no_match', 'may_win', 'may_win', 'loses', 'loses', 'loses', 'switched_off'];
    assert.deepEqual(standings(await explain({ key_prefix: 'tok_ext_free' })), begun);
    const { id, pattern, match_type, priority, tenant_id, tenant_name, reason } = body.winner;
    assert.deepEqual([id, pattern, match_type, priority], [ext, 'tok_ext*', 'prefix', 5]);
    assert.deepEqual([tenant_id, tenant_name], ['ext', 'External']);
    assert.equal(reason, 'wins: the first that matches in the order of priority and id');
    assert.equal(body.mappings[1].reason, `loses: P7 is worse than P5 of mapping ${ext}`);
    assert.match(body.mappings[3].reason, /switched off/);
    assert.deepEqual(body.tenant, { tenant_id: 'ext', tenant_name: 'External', tenant_type: 'external' });
    assert.deepEqual([body.priority, body.source, body.flow_id, body.certain], [5, 'mapping', 'ext', true]);
    assert.deepEqual(body.possible_winners, [ext]);
    const same = await explain({ key: 'tok_ext_1_ci' });
    assert.equal(same.mappings[1].reason, `loses: mapping ${ext} has the same priority P5 and the smaller id`);
  });

  await t.test('the explanation is what a request gets, under every policy of X-Priority', async () => {
    for (const x_priority of ['allow', 'internal', 'lower', 'ignore']) {
      await admin('PUT', `${base}/config`, { x_priority });
      for (const asked of [undefined, 2, 8] as const) {
        const body = await explain({ key, ...(asked === undefined ? {} : { x_priority: asked }) });
        const response = await chat(key, asked === undefined ? {} : { priority: asked });
        assert.equal(String(body.priority), response.headers.get('x-tokligence-priority'), `${x_priority} ${asked}`);
        assert.equal(body.x_priority.policy, x_priority);
        assert.equal(body.x_priority.asked, asked ?? null);
      }
      const { x_priority: policy, source } = await explain({ key, x_priority: 8 });
      const allowed = {
        allow: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        internal: [5, 6, 7, 8, 9],
        lower: [5, 6, 7, 8, 9],
        ignore: [5],
      };
      assert.deepEqual(policy.allowed, allowed[x_priority as keyof typeof allowed]);
      assert.ok(policy.reason.startsWith(x_priority));
      assert.equal(source, x_priority === 'ignore' ? 'mapping' : 'header');
    }
    await admin('PUT', `${base}/config`, { x_priority: 'internal' });
    const internal = await explain({ key: 'sk-1' });
    assert.deepEqual(internal.x_priority.allowed, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await admin('PUT', `${base}/config`, { x_priority: null });
  });

  await t.test('a key that no mapping matches has the default and its own queue', async () => {
    const plain = await createKey();
    const body = await explain({ key: plain });
    assert.deepEqual([body.winner, body.tenant, body.priority, body.source], [null, null, 7, 'default']);
    assert.equal(body.flow_id, `user:${body.user_id}`);
    const unknown = await explain({ key: 'tok_nobody' });
    assert.deepEqual([unknown.user_id, unknown.flow_id, unknown.priority], [null, null, 7]);
  });

  await t.test('with a beginning alone each mapping matches, does not, or may', async () => {
    const body = await explain({ key_prefix: 'tok_ext_free' });
    assert.deepEqual(brief(body), [
      [other, 'no match'],
      [long, 'unknown'],
      [ext, 'match'],
      [ci, 'unknown'],
      [regex, 'match'],
      [free, 'match'],
      [off, 'match'],
    ]);
    assert.deepEqual([body.certain, body.winner, body.possible_winners], [false, null, [long, ext]]);
    assert.deepEqual([body.priority, body.source, body.flow_id], [null, 'mapping', null]);
    assert.equal(body.x_priority.allowed.length, 10);
    await admin('PUT', `${base}/config`, { x_priority: 'lower' });
    assert.equal((await explain({ key_prefix: 'tok_ext_free' })).x_priority.allowed, null);
    await admin('PUT', `${base}/config`, { x_priority: null });
    const sure = await explain({ key_prefix: 'sk-abcdefghi' });
    assert.deepEqual([sure.certain, sure.winner.id, sure.priority, sure.flow_id], [true, other, 1, `mapping:${other}`]);
  });

  await t.test('while mapping is off or a shadow, what would be is told apart from what is', async () => {
    await admin('PUT', `${base}/config`, { mode: 'shadow' });
    const shadow = await explain({ key });
    assert.deepEqual(
      [shadow.priority, shadow.source, shadow.mapping],
      [7, 'default', { enabled: true, mode: 'shadow' }],
    );
    assert.deepEqual(shadow.if_enforced, { priority: 5, source: 'mapping', flow_id: 'ext' });
    assert.equal(shadow.winner.id, ext);
    assert.match(shadow.winner.reason, /^would win/);
    await admin('PUT', `${base}/config`, { mode: null, enabled: false });
    const body = await explain({ key });
    assert.deepEqual([body.priority, body.source, body.flow_id], [7, 'default', `user:${body.user_id}`]);
    assert.equal(body.if_enforced.flow_id, 'ext');
    await admin('PUT', `${base}/config`, { enabled: true });
    assert.equal((await explain({ key })).if_enforced, null);
  });

  await t.test('a faulty row is shown as one that takes no part', async () => {
    await database.query(
      `INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES ('(', 1, 'regex')`,
    );
    await admin('POST', `${base}/reload`);
    const body = await explain({ key_prefix: 'tok_ext_free' });
    assert.equal(body.mappings.at(-1).standing, 'faulty');
    assert.match(body.mappings.at(-1).reason, /^takes no part: it is faulty \(not a regular expression/);
  });

  await t.test('a question that cannot be answered says what is wrong', async () => {
    const refused = async (body: unknown, param: string | null, message: RegExp) => {
      const answer = await admin('POST', `${base}/explain`, body);
      assert.equal(answer.status, 400);
      assert.equal(answer.body.error.param, param);
      assert.match(answer.body.error.message, message);
      assert.ok(!JSON.stringify(answer.body).includes('tok_secret'));
    };
    await refused({}, 'key', /key is missing/);
    await refused({ key: 'tok_secret_1', key_prefix: 'tok_secret' }, 'key_prefix', /not both/);
    await refused({ key: '' }, 'key', /1 to 256 characters/);
    await refused({ key: 'tok_secret_1\n' }, 'key', /no line break, not a text of 13 characters/);
    await refused({ key: 'x'.repeat(257) }, 'key', /1 to 256/);
    await refused({ key: 7 }, 'key', /must be a whole API key/);
    await refused({ key_prefix: null }, 'key_prefix', /beginning/);
    await refused({ key: 'tok_secret_1', x_priority: 10 }, 'x_priority', /0 \(best\) to 9/);
    await refused({ key: 'tok_secret_1', x_priority: '3' }, 'x_priority', /0 \(best\) to 9/);
    await refused({ key: 'tok_secret_1', tenant: 'x' }, 'tenant', /unknown field/);
    await refused([], null, /one JSON object/);
  });

  await t.test('only admins may ask', async () => {
    const asked = async (caller?: string) => (await admin('POST', `${base}/explain`, { key }, caller)).status;
    assert.deepEqual([await asked(adminKey), await asked(key), await asked('tok_nobody')], [200, 403, 401]);
    const user = await admin('POST', '/admin/users', { email: 'second@example.com', role: 'gateway_admin' });
    const second = await admin('POST', '/admin/api-keys', { user_id: user.body.id });
    assert.equal(await asked(second.body.key), 200);
  });

  await t.test('an explained key is nowhere in the log or the database, and no answer is cached', async () => {
    const asked = 'tok_ext_free_explained_only_7f3a9c';
    await explain({ key: asked });
    await explain({ key_prefix: asked.slice(0, 30) });
    assert.ok(!gateway.log.some(line => line.includes('explained')));
    for (const table of [
      'api_keys',
      'api_key_priority_mappings',
      'api_key_priority_config',
      'api_key_priority_history',
    ])
      assert.deepEqual(await database.query(`SELECT * FROM ${table} t WHERE t::text LIKE '%explained%'`), []);
    const response = await fetch(`${gateway.url}${base}/explain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ key: asked }),
    });
    assert.equal(response.headers.get('cache-control'), 'no-store');
    await response.body?.cancel();
  });
});

test('Personal explains nothing', async t => {
  const { admin } = await startGateway(t, { ini });
  assert.equal((await admin('POST', `${base}/explain`, { key: 'x' })).status, 501);
  assert.equal((await admin('GET', `${base}/lint`)).status, 501);
});
