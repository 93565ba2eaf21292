// Providers as rows of the database: by SQL and by the admin API, while requests flow.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { limitedRole } from '../support/limited-role.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const masterKey = (byte = 1) => Buffer.alloc(32, byte).toString('base64');
const withMaster = { TOKLIGENCE_MASTER_KEY: masterKey() };
const secret = 'sk-of-the-vendor-0123456789';

interface Arranged extends TestGateway {
  readonly database: TestDatabase;
  readonly key: string;
}

async function arrange(
  t: TestContext,
  {
    ini = '',
    env = withMaster,
    database,
  }: { ini?: string; env?: Record<string, string>; database?: TestDatabase } = {},
): Promise<Arranged> {
  const own = database ?? (await freshDatabase(t));
  const gateway = await startGateway(t, { ini, env, database: own.url });
  return { ...gateway, database: own, key: await gateway.createKey() };
}

const providerOf = (upstream: FakeUpstream, more = '') =>
  `[provider.vendor]\ntype = openai\nbase_url = ${upstream.url}/v1\n${more}\n`;
const fileKey = 'api_key = sk-of-the-file-0123456789';

async function statusOf({ chat, key }: Arranged, model = 'm'): Promise<number> {
  const response = await chat(key, { model });
  await response.text();
  return response.status;
}

const keysSeen = ({ requests }: FakeUpstream) => requests.map(({ headers }) => headers.authorization ?? null);

test('a row written by SQL is served, moved, switched off and gone, without a restart', async t => {
  const [first, second] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await arrange(t);
  const { database } = gateway;
  assert.equal(await statusOf(gateway), 404);
  await database.query(`INSERT INTO providers (name, type, max_concurrent) VALUES ('gpu', 'openai', '3');
    INSERT INTO provider_endpoints (provider, url) VALUES ('gpu', '${first.url}/v1')`);
  await until(async () => (await statusOf(gateway)) === 200);
  assert.equal((await gateway.admin('GET', '/admin/scheduler/pools/gpu')).body.seats, 3);
  assert.deepEqual((await gateway.pool('gpu')).seats, 3);
  await database.query(`UPDATE provider_endpoints SET url = '${second.url}/v1'`);
  await until(async () => (await statusOf(gateway)) === 200 && second.requests.length > 0);
  const before = first.requests.length;
  assert.equal(await statusOf(gateway), 200);
  assert.equal(first.requests.length, before);
  await database.query(`UPDATE providers SET enabled = false`);
  await until(async () => (await statusOf(gateway)) === 404);
  await database.query(`UPDATE providers SET enabled = true`);
  await until(async () => (await statusOf(gateway)) === 200);
  await database.query('TRUNCATE providers, provider_endpoints');
  await until(async () => (await statusOf(gateway)) === 404);
  assert.equal((await gateway.admin('GET', '/admin/scheduler/pools/gpu')).status, 404);
});

test('a row over a provider of the file changes what it names, and the rest is as in the file', async t => {
  const [ofFile, ofRow] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await arrange(t, { ini: providerOf(ofFile, `${fileKey}\nmodels = a, b`) });
  const { admin } = gateway;
  const changed = await admin('PATCH', '/admin/providers/vendor', { models: ['c'], max_concurrent: 2 });
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
  const { settings, sources, source, fault } = changed.body;
  assert.deepEqual([settings.models, settings.max_concurrent, sources.models], ['c', '2', 'database']);
  assert.deepEqual(
    [settings.base_url, sources.base_url, source, fault],
    [`${ofFile.url}/v1`, 'file', 'database', null],
  );
  assert.deepEqual([await statusOf(gateway, 'a'), await statusOf(gateway, 'c')], [404, 200]);
  assert.deepEqual(keysSeen(ofFile), ['Bearer sk-of-the-file-0123456789']);

  await t.test('the key of the file does not follow it to another origin', async () => {
    const moved = await admin('PATCH', '/admin/providers/vendor', { base_url: `${ofRow.url}/v1` });
    assert.equal(moved.status, 409);
    assert.match(moved.body.error.message, /^vendor: the key of the file does not go to .*: enter a key for that\.$/);
    await gateway.database.query(`INSERT INTO provider_endpoints (provider, url) VALUES ('vendor', '${ofRow.url}/v1')`);
    await until(async () => (await statusOf(gateway, 'c')) === 503);
    const shown = (await admin('GET', '/admin/providers')).body.providers[0];
    assert.match(shown.fault, /the key of the file does not go to/);
    assert.equal(ofRow.requests.length, 0);
    await until(() => gateway.log.some(line => line.includes('the key of the file does not go to')));
  });

  await t.test('with a key of its own it is served again', async () => {
    const key = await admin('POST', '/admin/providers/vendor/keys', { api_key: secret });
    assert.equal(key.status, 201, JSON.stringify(key.body));
    assert.equal(await statusOf(gateway, 'c'), 200);
    assert.deepEqual(keysSeen(ofRow), [`Bearer ${secret}`]);
  });

  await t.test('what is deleted is as in the file again', async () => {
    assert.equal((await admin('DELETE', '/admin/providers/vendor')).status, 200);
    assert.deepEqual([await statusOf(gateway, 'a'), await statusOf(gateway, 'c')], [200, 404]);
    assert.equal(keysSeen(ofFile).at(-1), 'Bearer sk-of-the-file-0123456789');
    assert.equal((await admin('DELETE', '/admin/providers/vendor')).status, 409);
  });
});

test('a key is stored sealed, shown nowhere, and goes only to the origins that it was entered for', async t => {
  const [home, other] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await arrange(t);
  const { admin, database } = gateway;
  const made = await admin('POST', '/admin/providers', {
    name: 'vendor',
    type: 'openai',
    base_url: [`${home.url}/v1`],
    api_key: secret,
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.deepEqual(made.body.keys[0].origins, [home.url]);
  assert.match(made.body.keys[0].fingerprint, /^[0-9a-f]{12}$/);
  assert.equal(await statusOf(gateway), 200);
  assert.deepEqual(keysSeen(home), [`Bearer ${secret}`]);

  const moved = await admin('PATCH', '/admin/providers/vendor', { base_url: [`${other.url}/v1`] });
  assert.equal(moved.status, 409);
  assert.match(moved.body.error.message, /were not entered for/);
  await database.query(`UPDATE provider_endpoints SET url = '${other.url}/v1'`);
  await until(async () => (await statusOf(gateway)) === 503);
  assert.equal(other.requests.length, 0);

  const entered = await admin('PATCH', '/admin/providers/vendor', { base_url: [`${other.url}/v1`], api_key: secret });
  assert.equal(entered.status, 200, JSON.stringify(entered.body));
  assert.equal(await statusOf(gateway), 200);
  assert.deepEqual(keysSeen(other), [`Bearer ${secret}`]);

  const everything = [
    JSON.stringify(await database.query('SELECT * FROM provider_keys')),
    JSON.stringify(await database.query('SELECT * FROM api_key_priority_history')),
    JSON.stringify((await admin('GET', '/admin/providers/vendor')).body),
    JSON.stringify((await admin('GET', '/admin/providers')).body),
    JSON.stringify((await admin('GET', '/admin/providers-file')).body),
    gateway.log.join('\n'),
  ];
  for (const text of everything) assert.ok(!text.includes(secret.slice(3)), text.slice(0, 2_000));
  const history = await database.query(
    `SELECT kind, after FROM api_key_priority_history WHERE object = 'provider_key'`,
  );
  assert.ok(history.length >= 2);
  assert.ok(history.every(({ after }) => after === null || !('sealed' in after)));
});

test('an endpoint that no key was entered for gets no request, and the others go on', async t => {
  const [home, other] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await arrange(t);
  const { admin, database } = gateway;
  const base_url = [`${home.url}/v1`];
  await admin('POST', '/admin/providers', { name: 'vendor', type: 'openai', base_url, api_key: secret });
  await database.query(`INSERT INTO provider_endpoints (provider, url) VALUES ('vendor', '${other.url}/v1')`);
  await until(async () => (await admin('GET', '/admin/providers')).body.providers[0].fault !== null);
  for (let n = 0; n < 5; n++) assert.equal(await statusOf(gateway), 200);
  assert.deepEqual([home.requests.length, other.requests.length], [5, 0]);
  assert.match(
    (await admin('GET', '/admin/providers/vendor')).body.fault,
    new RegExp(`^its key was not entered for ${other.url}: no request goes there$`),
  );
});

test('a sealed key that was copied to another provider, or changed, does not unseal', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t);
  const { admin, database } = gateway;
  const base_url = [`${upstream.url}/v1`];
  for (const name of ['a', 'b']) {
    const made = await admin('POST', '/admin/providers', {
      name,
      type: 'openai',
      base_url,
      models: [name],
      api_key: `sk-of-${name}-0123456789abc`,
    });
    assert.equal(made.status, 201);
  }
  await database.query(`UPDATE provider_keys k SET sealed = o.sealed FROM provider_keys o
    WHERE k.provider = 'b' AND o.provider = 'a'`);
  await until(async () => (await statusOf(gateway, 'b')) === 503);
  assert.equal(await statusOf(gateway, 'a'), 200);
  assert.match(
    (await admin('GET', '/admin/providers/b')).body.fault,
    /cannot be unsealed: its row was changed, or copied from another provider/,
  );
  await database.query(`UPDATE provider_keys SET provider = 'b' WHERE provider = 'a'`);
  await until(async () => (await admin('GET', '/admin/providers/a')).body.keys.length === 0);
  assert.equal(await statusOf(gateway, 'b'), 503);
  // Each key was seen with the model of its own provider only.
  const seen = upstream.requests.map(({ headers, body }) => [JSON.parse(body.toString()).model, headers.authorization]);
  const own = (model: string) => `Bearer sk-of-${model}-0123456789abc`;
  assert.deepEqual(
    seen.filter(([model, key]) => key !== own(model)),
    [],
  );
});

test('the master key is rotated: all keys are sealed anew, or none', async t => {
  const upstream = await startFakeUpstream(t);
  const database = await freshDatabase(t);
  const first = await arrange(t, { database });
  const base_url = [`${upstream.url}/v1`];
  const input = { name: 'vendor', type: 'openai', base_url, api_key: secret };
  assert.equal((await first.admin('POST', '/admin/providers', input)).status, 201);
  await first.app.stop();

  const lost = await arrange(t, { database, env: { TOKLIGENCE_MASTER_KEY: masterKey(2) } });
  assert.equal(await statusOf(lost), 503);
  const { fault } = (await lost.admin('GET', '/admin/providers/vendor')).body;
  assert.match(fault, /sealed with the master key [0-9a-f]{8}, which is not configured/);
  assert.equal((await lost.admin('POST', '/admin/providers/reseal')).status, 409);
  await lost.app.stop();

  const env = { TOKLIGENCE_MASTER_KEY: masterKey(2), TOKLIGENCE_MASTER_KEY_PREVIOUS: masterKey(1) };
  const both = await arrange(t, { database, env });
  assert.equal(await statusOf(both), 200);
  const { status, body } = await both.admin('POST', '/admin/providers/reseal');
  assert.deepEqual([status, body.resealed, body.unchanged], [200, 1, 0]);
  assert.deepEqual((await both.admin('POST', '/admin/providers/reseal')).body.resealed, 0);
  assert.equal(await statusOf(both), 200);
  await both.app.stop();

  const alone = await arrange(t, { database, env: { TOKLIGENCE_MASTER_KEY: masterKey(2) } });
  assert.equal(await statusOf(alone), 200);
  assert.deepEqual(new Set(keysSeen(upstream)), new Set([`Bearer ${secret}`]));
});

test('without a master key no key is stored, and rows without keys are served', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t, { env: {} });
  const { admin } = gateway;
  const input = { name: 'vendor', type: 'openai', base_url: [`${upstream.url}/v1`] };
  const refused = await admin('POST', '/admin/providers', { ...input, api_key: secret });
  assert.deepEqual([refused.status, refused.body.error.param], [409, 'api_key']);
  assert.match(refused.body.error.message, /TOKLIGENCE_MASTER_KEY or TOKLIGENCE_MASTER_KEY_FILE/);
  assert.equal((await admin('POST', '/admin/providers', input)).status, 201);
  assert.equal(await statusOf(gateway), 200);
  assert.deepEqual(keysSeen(upstream), [null]);
});

test('several keys are used in turn, and one that is refused is set aside and told', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t);
  const { admin } = gateway;
  const base_url = [`${upstream.url}/v1`];
  await admin('POST', '/admin/providers', { name: 'vendor', type: 'openai', base_url, api_key: 'sk-one-0123456789ab' });
  await admin('POST', '/admin/providers/vendor/keys', { api_key: 'sk-two-0123456789ab', description: 'the second' });
  for (let n = 0; n < 4; n++) assert.equal(await statusOf(gateway), 200);
  const [one, two] = ['Bearer sk-one-0123456789ab', 'Bearer sk-two-0123456789ab'];
  assert.deepEqual(keysSeen(upstream).toSorted(), [one, one, two, two]);

  upstream.reply(({ headers }) => (headers.authorization === two ? { status: 401, body: { error: {} } } : {}));
  const statuses = [];
  for (let n = 0; n < 6; n++) statuses.push(await statusOf(gateway));
  assert.deepEqual(
    statuses.filter(status => status !== 200),
    [],
  );
  const { keys } = (await admin('GET', '/admin/providers/vendor')).body;
  const refused = keys.filter((key: { refused_until: string | null }) => key.refused_until !== null);
  assert.deepEqual(
    refused.map(({ description }: { description: string }) => description),
    ['the second'],
  );
  await until(() => gateway.log.some(line => line.includes(`401 to the key ${refused[0].fingerprint}`)));

  const aside = await admin('PATCH', `/admin/providers/vendor/keys/${keys[0].id}`, { set_aside: true, why: 'leaked' });
  assert.deepEqual([aside.status, aside.body.why], [200, 'leaked']);
  assert.equal(await statusOf(gateway), 401);
  assert.equal((await admin('DELETE', `/admin/providers/vendor/keys/${keys[0].id}`)).status, 200);
  const last = await admin('DELETE', `/admin/providers/vendor/keys/${keys[1].id}`);
  assert.equal(last.status, 200);
});

test('a client may not set keys aside by credentials of its own', async t => {
  const upstream = await startFakeUpstream(t, { status: 401, body: { error: {} } });
  const gateway = await arrange(t);
  const { admin } = gateway;
  const input = { name: 'vendor', type: 'openai', base_url: [`${upstream.url}/v1`], pass_headers: 'x-user-token' };
  assert.equal((await admin('POST', '/admin/providers', { ...input, api_key: secret })).status, 201);
  assert.equal(await statusOf(gateway), 401);
  assert.equal((await admin('GET', '/admin/providers/vendor')).body.keys[0].refused_until, null);
});

test('what cannot be is refused by the API in the words of the file, and changes nothing', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t, { ini: providerOf(upstream) });
  const { admin, database } = gateway;
  const input = { name: 'new', type: 'openai', base_url: [`${upstream.url}/v1`] };
  const cases: [body: object, param: string | undefined, message: RegExp][] = [
    [{ ...input, max_concurrent: 0 }, 'max_concurrent', /max_concurrent must be a whole number from 1 to 100000/],
    [{ ...input, base_url: ['ftp://x'] }, 'base_url', /base_url must be an http:\/\/ or https:\/\/ URL/],
    [{ ...input, type: 'gemini' }, 'type', /type must be openai or anthropic or loopback/],
    [{ name: 'new', type: 'openai' }, 'base_url', /base_url is missing/],
    [{ ...input, service_ms: 5 }, 'service_ms', /is for type loopback only/],
    [{ ...input, proxy: 'http://user:pw@proxy:80' }, 'proxy', /must have no credentials in the database/],
    [{ ...input, name: '1a' }, 'name', /name must be a letter/],
    [{ ...input, api_key: 'a b' }, 'api_key', /api_key must be visible characters/],
    [{ ...input, nonsense: 1 }, 'nonsense', /unknown field 'nonsense'/],
    [{ ...input, models: '' }, undefined, /./],
  ];
  for (const [body, param, message] of cases.slice(0, -1)) {
    const answer = await admin('POST', '/admin/providers', body);
    assert.deepEqual([answer.status, answer.body.error?.param], [400, param], JSON.stringify(answer.body));
    assert.match(answer.body.error.message, message);
  }
  assert.equal((await admin('POST', '/admin/providers', { ...input, name: 'vendor' })).status, 409);
  assert.deepEqual(await database.query('SELECT * FROM providers'), []);
  assert.deepEqual(await database.query('SELECT * FROM provider_endpoints'), []);
});

test('a row that cannot be used keeps the last good one, and is told', async t => {
  const [first, second] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await arrange(t);
  const { admin, database } = gateway;
  await admin('POST', '/admin/providers', { name: 'a', type: 'openai', base_url: [`${first.url}/v1`], models: ['a'] });
  await admin('POST', '/admin/providers', { name: 'b', type: 'openai', base_url: [`${second.url}/v1`], models: ['b'] });
  await database.query(`UPDATE providers SET max_concurrent = 'many' WHERE name = 'a'`);
  await until(async () => (await admin('GET', '/admin/providers/a')).body.fault !== null);
  assert.match((await admin('GET', '/admin/providers/a')).body.fault, /^max_concurrent must be a whole number/);
  assert.deepEqual([await statusOf(gateway, 'a'), await statusOf(gateway, 'b')], [200, 200]);
  await until(() => gateway.log.some(line => line.includes('max_concurrent must be a whole number')));
  await database.query(`UPDATE providers SET max_concurrent = '4' WHERE name = 'a'`);
  await until(async () => (await admin('GET', '/admin/providers/a')).body.fault === null);
  assert.equal((await gateway.pool('a')).seats, 4);
});

test('writes go by versions, and only root admins may make them', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t);
  const { admin, url, createKey } = gateway;
  const input = { name: 'vendor', type: 'openai', base_url: [`${upstream.url}/v1`] };
  const { body } = await admin('POST', '/admin/providers', input);
  const patch = async (etag: string, patched: object) =>
    (
      await fetch(`${url}/admin/providers/vendor`, {
        method: 'PATCH',
        headers: {
          authorization: `Bearer ${adminKey}`,
          'content-type': 'application/json',
          'if-match': etag,
        },
        body: JSON.stringify(patched),
      })
    ).status;
  assert.equal(await patch(body.etag, { description: 'one' }), 200);
  assert.equal(await patch(body.etag, { description: 'two' }), 412);
  await gateway.database.query(`UPDATE provider_endpoints SET position = 5`);
  const { etag } = (await admin('GET', '/admin/providers/vendor')).body;
  assert.equal(await patch(etag, { base_url: [`${upstream.url}/v2`] }), 200);

  const user = await admin('POST', '/admin/users', { email: 'ops@example.com', role: 'gateway_admin' });
  const { key } = (await admin('POST', '/admin/api-keys', { user_id: user.body.id })).body;
  for (const [method, path, sent] of [
    ['POST', '/admin/providers', input],
    ['GET', '/admin/providers/vendor', undefined],
    ['PATCH', '/admin/providers/vendor', { description: 'x' }],
    ['DELETE', '/admin/providers/vendor', undefined],
    ['POST', '/admin/providers/try', input],
    ['POST', '/admin/providers/reseal', undefined],
    ['POST', '/admin/providers/vendor/keys', { api_key: secret }],
    ['GET', '/admin/providers-file', undefined],
    ['POST', '/admin/routes', { name: 'x', targets: 'vendor' }],
  ] as const)
    assert.equal((await admin(method, path, sent, key)).status, 403, `${method} ${path}`);
  assert.equal((await admin('GET', '/admin/providers', undefined, key)).status, 200);
  const entries = (await admin('GET', '/admin/api-key-priority/history?object=provider')).body.history;
  const first = entries.at(-1);
  const restore = `/admin/api-key-priority/history/${first.id}/restore`;
  assert.equal((await admin('POST', restore, undefined, key)).status, 403);
  assert.equal((await admin('POST', restore)).status, 200);
  assert.equal((await admin('GET', '/admin/providers/vendor')).body.description, null);
  assert.ok((await createKey()).length > 0);
});

test('what is stored goes out as a file and comes in again, and a start with rows only serves it', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t);
  const { admin } = gateway;
  await admin('POST', '/admin/providers', {
    name: 'vendor',
    type: 'openai',
    base_url: [`${upstream.url}/v1`],
    models: ['real'],
    first_byte_timeout_sec: 5,
    description: 'ours',
  });
  const route = await admin('POST', '/admin/routes', { name: 'gpt-4.1', targets: 'vendor:real', aliases: ['default'] });
  assert.equal(route.status, 201, JSON.stringify(route.body));
  assert.equal(await statusOf(gateway, 'default'), 200);
  assert.equal(JSON.parse(upstream.requests.at(-1)?.body.toString() ?? '').model, 'real');
  const file = (await admin('GET', '/admin/providers-file')).body;
  assert.equal(file.providers[0].first_byte_timeout_sec, '5');

  const database = await freshDatabase(t);
  const other = await arrange(t, { database });
  const tried = await other.admin('POST', '/admin/providers-file?dry_run=true', file);
  assert.deepEqual([tried.status, tried.body], [200, { providers: 1, routes: 1, dry_run: true }]);
  assert.deepEqual(await database.query('SELECT * FROM providers'), []);
  assert.equal((await other.admin('POST', '/admin/providers-file', file)).status, 200);
  assert.deepEqual((await other.admin('GET', '/admin/providers-file')).body, file);
  const bad = { ...file, providers: [...file.providers, { name: 'x', type: 'openai' }] };
  const refused = await other.admin('POST', '/admin/providers-file', bad);
  assert.equal(refused.status, 400);
  assert.deepEqual((await other.admin('GET', '/admin/providers-file')).body, file);
  await other.app.stop();

  const again = await arrange(t, { database });
  assert.equal(await statusOf(again, 'default'), 200);
});

test('a trial asks for the models and sends one request, by the settings that are not stored', async t => {
  const upstream = await startFakeUpstream(t);
  upstream.reply(({ url, headers }) => {
    if (headers.authorization !== `Bearer ${secret}`)
      return { status: 401, body: { error: { message: `wrong: ${headers.authorization}` } } };
    return url === '/v1/models' ? { body: { object: 'list', data: [{ id: 'm1', object: 'model' }] } } : {};
  });
  const { admin, database } = await arrange(t);
  const input = { type: 'openai', base_url: [`${upstream.url}/v1`] };
  const good = await admin('POST', '/admin/providers/try', { ...input, api_key: secret, model: 'm1' });
  assert.equal(good.status, 200, JSON.stringify(good.body));
  const [one] = good.body.endpoints;
  assert.deepEqual([one.answers, one.models, one.error, one.request.status], [true, ['m1'], null, 200]);
  const bad = await admin('POST', '/admin/providers/try', { ...input, api_key: 'sk-wrong-0123456789ab', model: 'm1' });
  assert.equal(bad.body.endpoints[0].answers, false);
  assert.equal(bad.body.endpoints[0].request.status, 401);
  assert.ok(!JSON.stringify(bad.body).includes('sk-wrong-0123456789ab'));
  const dead = await admin('POST', '/admin/providers/try', { ...input, base_url: ['http://127.0.0.1:1/v1'] });
  assert.deepEqual([dead.status, dead.body.endpoints[0].answers], [200, false]);
  const metadata = await admin('POST', '/admin/providers/try', { ...input, base_url: ['http://169.254.169.254/v1'] });
  assert.equal(metadata.body.endpoints[0].answers, false);
  assert.equal((await admin('POST', '/admin/providers/try', { ...input, base_url: ['x'] })).status, 400);
  assert.deepEqual(await database.query('SELECT * FROM providers'), []);
});

test('rows changed a hundred times under load lose no request', async t => {
  const [first, second] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await arrange(t);
  const { admin, database } = gateway;
  await admin('POST', '/admin/providers', {
    name: 'gpu',
    type: 'openai',
    base_url: [`${first.url}/v1`],
    max_concurrent: 4,
  });
  let isOver = false;
  const statuses = new Map<number, number>();
  const clients = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      const status = await statusOf(gateway);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  for (let n = 0; n < 100; n++) {
    const to = n % 2 === 0 ? second : first;
    await database.query(
      `UPDATE provider_endpoints SET url = '${to.url}/v1'; UPDATE providers SET max_concurrent = '${2 + (n % 3)}', pool = '${n % 5 === 0 ? 'other' : 'gpu'}'`,
    );
    if (n % 10 === 0) await until(async () => (await statusOf(gateway)) === 200);
  }
  await until(() => (statuses.get(200) ?? 0) > 200);
  isOver = true;
  await Promise.all(clients);
  t.diagnostic(`${statuses.get(200)} requests, ${JSON.stringify([...statuses])}`);
  assert.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]));
  assert.ok(first.requests.length > 0 && second.requests.length > 0);
});

test('Personal has the providers of its file', async t => {
  const { admin } = await startGateway(t, { ini: '[provider.local]\ntype = loopback\n' });
  const { status, body } = await admin('POST', '/admin/providers', { name: 'x', type: 'loopback' });
  assert.deepEqual([status, body.error.code], [501, 'not_implemented']);
  assert.deepEqual((await admin('GET', '/admin/providers')).body.providers[0].source, 'file');
});

test('a master key may stand in a file, and one that is none is refused', async t => {
  const { loadConfig } = await import('../../src/config/config-loader.ts');
  const text = '[provider.local]\ntype = loopback\n';
  const hex = randomBytes(32).toString('hex');
  const { config, warnings } = loadConfig({ file: null, text, env: { TOKLIGENCE_MASTER_KEY: hex }, isTerminal: false });
  assert.deepEqual([config.master.key, warnings], [hex, []]);
  for (const wrong of ['short', masterKey().slice(1), `${hex}0`])
    assert.throws(() => loadConfig({ file: null, text, env: { TOKLIGENCE_MASTER_KEY: wrong }, isTerminal: false }), {
      name: 'ConfigFaults',
    });
  assert.ok(t.name.length > 0);
});

test('requests that wait for a provider that is moved or removed are answered at once', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await arrange(t);
  const { admin } = gateway;
  const base_url = [`${upstream.url}/v1`];
  await admin('POST', '/admin/providers', { name: 'gpu', type: 'openai', base_url, max_concurrent: 1 });
  const running = statusOf(gateway);
  await upstream.waitForActive(1);
  const waiting = [statusOf(gateway), statusOf(gateway)];
  const waits = async () =>
    (await gateway.pool('gpu')).levels.some((level: { waiting: number }) => level.waiting === 2);
  await until(waits);
  assert.equal((await admin('PATCH', '/admin/providers/gpu', { pool: 'other' })).status, 200);
  upstream.open();
  assert.deepEqual(await Promise.all([running, ...waiting]), [200, 200, 200]);

  upstream.shut();
  const last = statusOf(gateway);
  await upstream.waitForActive(1);
  const late = statusOf(gateway);
  await until(async () =>
    (await gateway.pool('other')).levels.some((level: { waiting: number }) => level.waiting === 1),
  );
  assert.equal((await admin('DELETE', '/admin/providers/gpu')).status, 200);
  upstream.open();
  assert.deepEqual([await last, await late], [200, 503]);
});

test('a deleted provider is put back from the history, its key is not', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t);
  const { admin } = gateway;
  const base_url = [`${upstream.url}/v1`];
  await admin('POST', '/admin/providers', { name: 'gpu', type: 'openai', base_url, api_key: secret });
  assert.equal((await admin('DELETE', '/admin/providers/gpu')).status, 200);
  const { history } = (await admin('GET', '/admin/api-key-priority/history')).body;
  const created = (object: string) =>
    history.find((entry: { object: string; kind: string }) => entry.object === object && entry.kind === 'create').id;
  const restore = (object: string) =>
    admin('POST', `/admin/api-key-priority/history/${created(object)}/restore`).then(({ status }) => status);
  assert.deepEqual([await restore('provider'), await restore('provider_endpoint')], [200, 200]);
  assert.equal(await restore('provider_key'), 409);
  assert.equal(await statusOf(gateway), 200);
  assert.deepEqual(keysSeen(upstream), [null]);
});

test('a gateway that may not read the rows serves the providers of its file', async t => {
  const upstream = await startFakeUpstream(t);
  const database = await freshDatabase(t);
  await database.query(`INSERT INTO providers (name, enabled) VALUES ('vendor', false)`);
  const { url, role } = await limitedRole(t, database);
  await database.query(`REVOKE ALL ON providers, provider_endpoints, provider_keys, model_routes FROM ${role}`);
  const gateway = await startGateway(t, { ini: providerOf(upstream), database: url });
  const key = await gateway.createKey();
  assert.equal((await gateway.chat(key)).status, 200);
  const refused = await gateway.admin('POST', '/admin/providers', { name: 'x', type: 'loopback' });
  assert.equal(refused.status, 503);
  await database.query(`GRANT SELECT ON providers, provider_endpoints, provider_keys, model_routes TO ${role}`);
  await until(async () => (await gateway.chat(key)).status === 404);
});

test('a gateway of several processes serves a new provider with a pool of its own', { timeout: 120_000 }, async t => {
  const upstream = await startFakeUpstream(t);
  const { url: database } = await freshDatabase(t);
  const started = [await fleetMember(t, database), await fleetMember(t, database)];
  const [first, second] = started;
  if (first === undefined || second === undefined) throw new Error('two gateways');
  const key = await first.createKey();
  const input = { name: 'gpu', type: 'openai', base_url: [`${upstream.url}/v1`], models: ['gpu'], max_concurrent: 2 };
  assert.equal((await first.admin('POST', '/admin/providers', input)).status, 201);
  for (const { chat } of [first, second]) {
    await until(async () => (await chat(key, { model: 'gpu' })).status === 200);
    for (let n = 0; n < 5; n++) assert.equal((await chat(key, { model: 'gpu' })).status, 200);
  }
  upstream.reply({ hold: true });
  const running = [first, second, first, second].map(({ chat }) => chat(key, { model: 'gpu' }));
  await upstream.waitForActive(2);
  upstream.open();
  assert.deepEqual(
    (await Promise.all(running)).map(({ status }) => status),
    [200, 200, 200, 200],
  );
  assert.equal(upstream.maxConcurrent, 2);
});

const fleetMember = (t: TestContext, database: string) =>
  startGateway(t, { ini: '[provider.local]\ntype = loopback\nmodels = local\n[cluster]\nenabled = true\n', database });

test('a provider of the file is changed by the version that was read, and refused by an older one', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await arrange(t, { ini: providerOf(upstream) });
  const patch = async (etag: string, max_concurrent: number) => {
    const response = await fetch(`${gateway.url}/admin/providers/vendor`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json', 'if-match': etag },
      body: JSON.stringify({ max_concurrent }),
    });
    await response.text();
    return response.status;
  };
  const { etag } = (await gateway.admin('GET', '/admin/providers/vendor')).body;
  assert.equal(await patch(etag, 3), 200);
  assert.equal(await patch(etag, 4), 412);
  assert.equal((await gateway.admin('GET', '/admin/providers/vendor')).body.settings.max_concurrent, '3');
});
