// GET and PUT /admin/scheduler/pools: the answer, the source of each value, the refusals.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/config-loader.ts';
import { poolKeys } from '../../src/config/keys.ts';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';

const url = '/admin/scheduler/pools';
const provider = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const ten = (value: number) => Array<number>(10).fill(value);

const defaults = {
  policy: 'hybrid',
  share_by: 'level',
  weights: [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
  reserved: ten(0),
  cap: null,
  max_concurrent: null,
  requests_per_sec: null,
  request_burst: null,
  tokens_per_sec: null,
  token_burst: null,
  max_tokens_in_flight: null,
  aimd: false,
  queue_drain_sec: 3,
  queue_timeout_sec: ten(60),
  max_queue_depth: ten(1000),
  max_queue_depth_pool: 10_000,
  max_queued_mb: 256,
};
type Field = keyof typeof defaults;
const fieldNames = Object.keys(defaults) as Field[];
const sourcesOf = (source: string) => Object.fromEntries(fieldNames.map(field => [field, source]));

/** For each field its spelling in the file, in the environment, in a PUT and in the answer. */
const spellings: Record<
  Field,
  { file: string; environment: string; shown: [unknown, unknown]; put: unknown; answer?: unknown }
> = {
  policy: { file: 'strict', environment: 'wfq', shown: ['strict', 'wfq'], put: 'strict' },
  share_by: { file: 'tenant', environment: 'level', shown: ['tenant', 'level'], put: 'tenant' },
  weights: {
    file: '2,1,1,1,1,1,1,1,1,1',
    environment: '3,1,1,1,1,1,1,1,1,1',
    shown: [
      [2, ...ten(1).slice(1)],
      [3, ...ten(1).slice(1)],
    ],
    put: [0.5, ...ten(7).slice(1)],
  },
  reserved: {
    file: '1,0,0,0,0,0,0,0,0,0',
    environment: '2,0,0,0,0,0,0,0,0,0',
    shown: [
      [1, ...ten(0).slice(1)],
      [2, ...ten(0).slice(1)],
    ],
    put: [3, 1, ...ten(0).slice(2)],
  },
  cap: {
    file: '8,8,8,8,8,8,8,8,8,7',
    environment: '8,8,8,8,8,8,8,8,8,6',
    shown: [
      [...ten(8).slice(1), 7],
      [...ten(8).slice(1), 6],
    ],
    put: [...ten(8).slice(1), 5],
  },
  max_concurrent: { file: '100', environment: '90', shown: [100, 90], put: 80 },
  requests_per_sec: { file: '10', environment: '20.5', shown: [10, 20.5], put: 0.125 },
  request_burst: { file: '11', environment: '12', shown: [11, 12], put: 13 },
  tokens_per_sec: { file: '1000', environment: '2000', shown: [1000, 2000], put: 3000.5 },
  token_burst: { file: '1100', environment: '1200', shown: [1100, 1200], put: 1300 },
  max_tokens_in_flight: { file: '5000', environment: '6000', shown: [5000, 6000], put: 7000 },
  aimd: { file: 'true', environment: 'false', shown: [true, false], put: true },
  queue_drain_sec: { file: '1', environment: '2', shown: [1, 2], put: 0.25 },
  queue_timeout_sec: {
    file: '30',
    environment: '1,2,3,4,5,6,7,8,9,10',
    shown: [ten(30), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    put: 1.5,
    answer: ten(1.5),
  },
  max_queue_depth: {
    file: '5',
    environment: '1,2,3,4,5,6,7,8,9,10',
    shown: [ten(5), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    put: [0, ...ten(4).slice(1)],
  },
  max_queue_depth_pool: { file: '50', environment: '60', shown: [50, 60], put: 0 },
  max_queued_mb: { file: '1', environment: '2', shown: [1, 2], put: 3 },
};

test('every pool is shown with its seats, all it has been given, and where that comes from', async t => {
  const { admin } = await startGateway(t, {
    ini: `${provider}[provider.b]\ntype = loopback\npool = shared\nmax_concurrent = 3\n[pool.shared]\naimd = true\n`,
    env: { TOKLIGENCE_SCHEDULER_POLICY: 'strict' },
    database: (await freshDatabase(t)).url,
  });
  const local = {
    name: 'local',
    seats: 8,
    ...defaults,
    policy: 'strict',
    source: { ...sourcesOf('default'), policy: 'environment' },
    fault: null,
  };
  const shared = { ...local, name: 'shared', seats: 3, aimd: true, source: { ...local.source, aimd: 'file' } };
  assert.deepEqual((await admin('GET', url)).body, { pools: [local, shared] });
  assert.deepEqual((await admin('GET', `${url}/shared`)).body, shared);
  const { status, body } = await admin('GET', `${url}/b`);
  assert.deepEqual([status, body.error.code, body.error.message], [404, 'not_found', 'There is no pool b.']);
});

test('every field is taken from the row, else the environment, else the file, else the default', async t => {
  const database = await freshDatabase(t);
  const file = Object.entries(spellings).map(([key, { file }]) => `${key} = ${file}\n`);
  const environment = Object.entries(spellings).map(
    ([key, { environment }]) => [`TOKLIGENCE_POOL_LOCAL_${key.toUpperCase()}`, environment] as const,
  );
  const inFile = { ini: `${provider}[pool.local]\n${file.join('')}`, database: database.url };
  const byFile = await startGateway(t, inFile);
  const byEnvironment = await startGateway(t, { ...inFile, env: Object.fromEntries(environment) });
  for (const field of fieldNames) {
    const { shown, put, answer = put } = spellings[field];
    await t.test(field, async () => {
      const get = async ({ admin }: typeof byFile) => {
        const { body } = await admin('GET', `${url}/local`);
        return [body[field], body.source[field]];
      };
      assert.deepEqual(await get(byFile), [shown[0], 'file']);
      assert.deepEqual(await get(byEnvironment), [shown[1], 'environment']);
      const changed = await byEnvironment.admin('PUT', `${url}/local`, { [field]: put });
      assert.equal(changed.status, 200, JSON.stringify(changed.body));
      assert.deepEqual([changed.body[field], changed.body.source[field]], [answer, 'database']);
      assert.deepEqual(await get(byEnvironment), [answer, 'database']);
      const back = await byEnvironment.admin('PUT', `${url}/local`, { [field]: null });
      assert.deepEqual([back.body[field], back.body.source[field]], [shown[1], 'environment']);
      assert.deepEqual(await database.query('SELECT * FROM scheduler_pool_config'), []);
    });
  }
  assert.deepEqual(fieldNames, Object.keys(poolKeys));
});

test('a row holds a value as the file would spell it, and what a PUT does not name stays', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini: provider, database: database.url });
  const put = async (patch: object) => (await admin('PUT', `${url}/local`, patch)).body;
  await put({ reserved: [2, ...ten(0).slice(1)], queue_timeout_sec: 1.5, aimd: true, policy: 'strict' });
  const { aimd, policy, source } = await put({ aimd: false, policy: null });
  assert.deepEqual([aimd, source.aimd, policy, source.policy], [false, 'database', 'hybrid', 'default']);
  assert.deepEqual(await database.query('SELECT pool, key, value FROM scheduler_pool_config ORDER BY key'), [
    { pool: 'local', key: 'aimd', value: 'false' },
    { pool: 'local', key: 'queue_timeout_sec', value: '1.5' },
    { pool: 'local', key: 'reserved', value: '2,0,0,0,0,0,0,0,0,0' },
  ]);
  assert.deepEqual((await put({})).source, source);
});

const notLists = ['x', '1,1,1,1,1,1,1,1,1,1', 5, true, {}, [], ten(1).slice(1), [...ten(1), 1]];
const notNumbers = ['x', '5', '', true, [], [5], {}, -1, 1e300];
const badInput: Record<Field, unknown[]> = {
  policy: ['fair', 'STRICT', '', 5, true, [], {}, ['strict']],
  share_by: ['levels', 'TENANT', '', 1, false, [], {}, ['tenant']],
  weights: [...notLists, ten(0), ten(-1), [...ten(1).slice(1), '1'], ten(0.0001), ten(2e6), [...ten(1).slice(1), null]],
  reserved: [...notLists, ten(-1), [0.5, ...ten(0).slice(1)], ['1', ...ten(0).slice(1)]],
  cap: [...notLists, ten(0), ten(-1), ten(1.5)],
  max_concurrent: [...notNumbers, 0, 1.5, 100_001],
  requests_per_sec: [...notNumbers, 0, 0.0001, 2e6],
  request_burst: [...notNumbers, 0, 1.5],
  tokens_per_sec: [...notNumbers, 0, 1e-7],
  token_burst: [...notNumbers, 0, 1.5],
  max_tokens_in_flight: [...notNumbers, 0, 1.5],
  aimd: ['true', '', 0, 1, [], {}],
  queue_drain_sec: [...notNumbers, 3601, 0.0001],
  queue_timeout_sec: [...notLists.filter(value => value !== 5), 0, -1, 0.0001, ten(0), 1e6],
  max_queue_depth: [...notLists.filter(value => value !== 5), -1, 1.5, ten(-1), 2e6],
  max_queue_depth_pool: [...notNumbers, 1.5],
  max_queued_mb: [...notNumbers, 0, 1.5],
};

test('a value that cannot be is refused with its field, in the words of the configuration, and changes nothing', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini: provider, database: database.url });
  const before = (await admin('GET', `${url}/local`)).body;
  for (const field of fieldNames) {
    await t.test(field, async () => {
      for (const value of badInput[field]) {
        const { status, body } = await admin('PUT', `${url}/local`, { [field]: value });
        const said = `${JSON.stringify(value)}: ${JSON.stringify(body)}`;
        assert.deepEqual([status, body.error?.code, body.error?.param], [400, 'invalid_request', field], said);
        assert.ok(body.error.message.startsWith(`${field} must be ${poolKeys[field].allowed}, or null, not `), said);
      }
    });
  }
  assert.deepEqual((await admin('GET', `${url}/local`)).body, before);
  assert.deepEqual(await database.query('SELECT * FROM scheduler_pool_config'), []);
});

test('values that do not fit together are refused as in the file', async t => {
  const database = await freshDatabase(t);
  const rated = `${provider}[pool.local]\nrequests_per_sec = 5\nrequest_burst = 9\n`;
  const { admin } = await startGateway(t, { ini: rated, database: database.url });
  const cases: [patch: object, param: string, message: RegExp][] = [
    [{ reserved: [8, ...ten(0).slice(1)] }, 'reserved', /^reserved adds up to 8; must be fewer than the 8 seats/],
    [{ reserved: ten(1) }, 'reserved', /^reserved adds up to 10; must be fewer/],
    [{ cap: ten(9) }, 'cap', /^cap gives P0, P1, .*P9 more seats than the 8 of the pool; must be at most those/],
    [
      { cap: [1, ...ten(8).slice(1)], reserved: [2, ...ten(0).slice(1)] },
      'reserved',
      /keeps 2 seats for P0; must be at most its cap of 1/,
    ],
    [{ token_burst: 5 }, 'token_burst', /^token_burst needs tokens_per_sec beside it/],
    [{ token_burst: 5, reserved: ten(1) }, 'reserved', /reserved adds up to 10.*; token_burst needs/],
  ];
  for (const [patch, param, message] of cases) {
    const { status, body } = await admin('PUT', `${url}/local`, patch);
    assert.deepEqual([status, body.error.param], [400, param], JSON.stringify(body));
    assert.match(body.error.message, message);
  }
  assert.deepEqual(await database.query('SELECT * FROM scheduler_pool_config'), []);

  await t.test('together with what was stored before, too', async () => {
    assert.equal((await admin('PUT', `${url}/local`, { reserved: [2, ...ten(0).slice(1)] })).status, 200);
    const capped = await admin('PUT', `${url}/local`, { cap: ten(1) });
    assert.deepEqual([capped.status, capped.body.error.param], [400, 'cap']);
    assert.match(capped.body.error.message, /reserved keeps 2 seats for P0; must be at most its cap of 1/);
    const both = await admin('PUT', `${url}/local`, { tokens_per_sec: 10, token_burst: 5 });
    assert.equal(both.status, 200);
    const bare = await admin('PUT', `${url}/local`, { tokens_per_sec: null });
    assert.deepEqual([bare.status, bare.body.error.param], [400, 'tokens_per_sec']);
    assert.equal((await admin('PUT', `${url}/local`, { tokens_per_sec: null, token_burst: null })).status, 200);
  });
});

test('the admin API and the file say the same of the same fault', async t => {
  const { admin } = await startGateway(t, { ini: provider });
  for (const [key, spelt, value] of [
    ['reserved', '8,0,0,0,0,0,0,0,0,0', [8, ...ten(0).slice(1)]],
    ['cap', '9,9,9,9,9,9,9,9,9,9', ten(9)],
    ['token_burst', '5', 5],
  ] as const) {
    const { body } = await admin('PUT', `${url}/local`, { [key]: value });
    const text = `${provider}[pool.local]\n${key} = ${spelt}\n`;
    assert.throws(() => loadConfig({ file: null, text, env: {}, isTerminal: false }), {
      faults: [{ section: 'pool.local', key, message: body.error.message.slice(key.length + 1, -1) }],
    });
  }
});

test('unknown fields, what only an answer has, and other bodies are refused with all faults at once', async t => {
  const { admin } = await startGateway(t, { ini: provider });
  const put = async (body: unknown) => {
    const { status, body: answer } = await admin('PUT', `${url}/local`, body);
    return [status, answer.error.param, answer.error.message];
  };
  for (const field of ['source', 'name', 'seats', 'fault', 'max_seats', '__proto__x']) {
    const [status, param, message] = await put({ policy: 'wfq', [field]: 1 });
    assert.deepEqual([status, param], [400, field]);
    assert.match(message, new RegExp(`unknown field '${field}'; allowed are policy, share_by, weights, reserved`));
  }
  const [, param, message] = await put({ aimd: 1, weights: ten(0), nonsense: true });
  assert.equal(param, 'weights');
  assert.match(
    message,
    /^weights must be .*, not a list; aimd must be true or false, or null, not 1; unknown field 'nonsense'/,
  );
  for (const body of [[], 'x', 5, null]) assert.equal((await put(body))[0], 400);
  assert.equal((await admin('PUT', `${url}/nobody`, { policy: 'wfq' })).status, 404);
  assert.equal((await admin('PUT', `${url}/nobody`, { policy: 'fair' })).status, 400);
  assert.equal((await admin('GET', `${url}?limit=5`)).status, 400);
  assert.equal((await admin('DELETE', `${url}/local`)).status, 404);
  assert.equal((await admin('GET', `${url}/local`)).body.policy, 'hybrid');
});
