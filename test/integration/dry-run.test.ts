import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';

const ini = '[api_key_priority]\nenabled = true\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const url = '/admin/api-key-priority/mappings';

async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const { admin, chat, createKey } = gateway;
  const keys: string[] = [];
  for (const prefix of ['prod', 'prod', 'ml', 'dev', undefined]) keys.push(await createKey(prefix));
  keys.push(adminKey);
  await createKey('prod'); // never presented
  const levels = async () =>
    Promise.all(
      keys.map(async key => {
        const answer = await chat(key);
        await answer.text();
        return Number(answer.headers.get('x-tokligence-priority'));
      }),
    );
  const stored = () =>
    database.query(`SELECT m.*, m.xmin::text AS version, (SELECT last_value FROM api_key_priority_mappings_id_seq) AS last,
      (SELECT count(*) FROM api_key_priority_history) AS history FROM api_key_priority_mappings m ORDER BY id`);
  return { ...gateway, database, admin, keys, levels, stored };
}

const prefix = (pattern: string, priority: number, tenant_id: string | null = null) => ({
  pattern,
  priority,
  match_type: 'prefix',
  tenant_id,
});

test('a dry run tells of the keys seen exactly what the real change then does, and writes nothing', async t => {
  const { admin, levels, stored } = await arrange(t);
  await admin('POST', url, prefix('tok_prod*', 2, 'dept-prod'));
  await admin('POST', url, prefix('tok_ml*', 5, 'dept-ml'));
  const file = { mappings: [prefix('tok_ml*', 1, 'dept-ml'), prefix('tok_dev*', 4, 'dept-dev')] };
  const steps: [string, string, object | undefined][] = [
    ['POST', url, prefix('tok_*', 4, 'all')],
    ['POST', url, prefix('tok_prod_*', 2, 'loses the tie')],
    ['PUT', `${url}/1`, { priority: 9 }],
    ['PUT', `${url}/2`, { enabled: false }],
    ['PUT', `${url}/2`, { enabled: true, priority: 0 }],
    ['PUT', `${url}/1`, {}],
    ['DELETE', `${url}/3`, undefined],
    ['POST', `${url}/import?prune=true`, file],
  ];
  for (const [method, path, body] of steps) {
    const name = `${method} ${path} ${JSON.stringify(body)}`;
    const before = await levels();
    const rows = await stored();
    const dry = await admin(method, `${path}${path.includes('?') ? '&' : '?'}dry_run=true`, body);
    assert.equal(dry.status, 200, `${name}: ${JSON.stringify(dry.body)}`);
    assert.equal(dry.body.dry_run, true);
    assert.deepEqual(await stored(), rows, name);
    assert.deepEqual(await levels(), before, name);

    const real = await admin(method, path, body);
    assert.ok(real.status < 300, name);
    const after = await levels();
    const moves = new Map<string, number>();
    for (const [at, from] of before.entries()) {
      const move = `${from}>${after[at]}`;
      if (from !== after[at]) moves.set(move, (moves.get(move) ?? 0) + 1);
    }
    const { keys } = dry.body.impact;
    const told = keys.levels.filter(({ from, to }: any) => from !== to);
    assert.deepEqual(new Map(told.map(({ from, to, count }: any) => [`${from}>${to}`, count])), moves, name);
    // Five keys and the admin's own were seen; one was not.
    assert.deepEqual([keys.total, keys.unknown, keys.changed + keys.unchanged], [7, 1, 6], name);
    assert.deepEqual(dry.body.mapping?.pattern, real.body.pattern ?? dry.body.mapping?.pattern, name);
    for (const field of ['created', 'updated', 'deleted', 'unchanged'])
      assert.equal(dry.body[field], real.body[field], name);
  }
});

test('the last hour’s requests are counted by what each would have got, with the tenants', async t => {
  const { admin, chat, keys } = await arrange(t);
  await admin('POST', url, prefix('tok_prod*', 2, 'dept-prod'));
  const [first = '', second = '', ml = ''] = keys;
  for (const [key, priority] of [[first], [first], [first, 0], [second], [ml]] as const) {
    await (await chat(key, priority === undefined ? {} : { priority })).text();
  }
  const { body } = await admin('PUT', `${url}/1?dry_run=true`, { priority: 6, tenant_id: 'moved' });
  const { requests, mapping } = body.impact;
  assert.equal(mapping, 'enforced');
  assert.ok(Date.parse(requests.since) <= Date.now());
  assert.deepEqual([requests.total, requests.changed, requests.unchanged, requests.unknown], [5, 4, 1, 0]);
  assert.deepEqual(requests.tenants, [
    { from_tenant: 'dept-prod', to_tenant: 'moved', from: 2, to: 6, count: 3 },
    { from_tenant: 'dept-prod', to_tenant: 'moved', from: 0, to: 0, count: 1 },
  ]);
  await admin('PUT', '/admin/api-key-priority/config', { enabled: false });
  const off = await admin('DELETE', `${url}/1?dry_run=true`);
  assert.deepEqual([off.body.impact.mapping, off.body.impact.requests.changed], ['off', 4]);
  assert.equal(JSON.stringify(off.body).includes(first), false);
});

test('a dry run refuses what the real change refuses, in the same words', async t => {
  const { admin, stored, database } = await arrange(t);
  await admin('POST', url, prefix('tok_prod*', 2, 'dept-prod'));
  await admin('POST', url, { pattern: 'tok_exact_key', priority: 2, match_type: 'exact' });
  await database.query(
    `INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES ('(', 1, 'regex')`,
  );
  const cases: [string, string, object | undefined, number][] = [
    ['POST', url, prefix('tok_prod*', 1), 409],
    ['POST', url, { pattern: `sha256:${'0'.repeat(63)}`, priority: 1, match_type: 'exact' }, 400],
    ['POST', url, { pattern: 'sha256:x', priority: 1, match_type: 'exact' }, 400],
    ['POST', url, { pattern: '(', priority: 1, match_type: 'regex' }, 400],
    ['POST', url, prefix('tok_a*', 10), 400],
    ['POST', url, { pattern: 'a' }, 400],
    ['PUT', `${url}/1`, { pattern: 'tok_exact_key', match_type: 'exact' }, 409],
    ['PUT', `${url}/1`, { pattern: '(', match_type: 'regex' }, 400],
    ['PUT', `${url}/99`, { priority: 1 }, 404],
    ['PUT', `${url}/x`, { priority: 1 }, 400],
    ['DELETE', `${url}/99`, undefined, 404],
    [
      'POST',
      `${url}/import`,
      { mappings: [prefix('tok_a*', 10), prefix('tok_prod*', 1), prefix('tok_prod*', 1)] },
      400,
    ],
  ];
  const before = await stored();
  for (const [method, path, body, status] of cases) {
    const dry = await admin(method, `${path}?dry_run=true`, body);
    const real = await admin(method, path, body);
    assert.deepEqual(dry, real, `${method} ${path} ${JSON.stringify(body)}`);
    assert.equal(dry.status, status, JSON.stringify(dry.body));
  }
  assert.deepEqual(
    (await stored()).map(({ version }) => version),
    before.map(({ version }) => version),
  );
  assert.equal((await admin('POST', `${url}?dry_run=maybe`, prefix('tok_q*', 1))).status, 400);
});

test('a dry run warns as the real change does', async t => {
  const { admin } = await arrange(t);
  await admin('POST', url, prefix('tok_ext*', 5, 'ext'));
  await admin('POST', url, prefix('tok_ext_a*', 3, 'a'));
  const kinds = (warnings: { kind: string }[]) => warnings.map(({ kind }) => kind);
  const steps: [string, string, object, string[]][] = [
    ['POST', url, prefix('tok_ext_free*', 9, 'ext'), ['never_wins', 'pattern_without_key']],
    ['POST', url, prefix('tok_dev*', 2, 'dev'), []],
    ['PUT', `${url}/1`, { priority: 2 }, ['pattern_without_key', 'never_wins', 'never_wins']],
    ['POST', url, { ...prefix('*_ci', 4, 'ci'), match_type: 'suffix' }, ['pattern_without_key', 'tenant_overlap']],
    ['PUT', `${url}/1`, { enabled: false }, []],
    ['PUT', `${url}/3`, { tenant_id: null }, ['pattern_without_key']],
    ['PUT', `${url}/2`, {}, ['pattern_without_key']],
  ];
  for (const [method, path, body, expected] of steps) {
    const name = `${method} ${path} ${JSON.stringify(body)}`;
    const dry = await admin(method, `${path}?dry_run=true`, body);
    const real = await admin(method, path, body);
    assert.deepEqual(dry.body.warnings, real.body.warnings, name);
    assert.deepEqual(kinds(dry.body.warnings), expected, name);
  }
  assert.deepEqual((await admin('DELETE', `${url}/2?dry_run=true`)).body.warnings, []);
});

test('a boost is tried: what each active tenant would get of the pool before and after, in either mode, and nothing is written', async t => {
  const { admin, chat, keys, stored } = await arrange(t);
  const rows = [
    prefix('tok_prod*', 2, 'dept-prod'),
    prefix('tok_ml*', 5, 'dept-ml'),
    prefix('tok_dev*', 5, 'dept-dev'),
  ];
  for (const row of rows) await admin('POST', url, row);
  const boost = (body: object) => admin('POST', `${url}/2/boost?dry_run=true`, { for: 60, reason: 'try', ...body });
  const nobodyElse = (await boost({ priority: 2 })).body.impact.shares;
  assert.deepEqual(nobodyElse[0].tenants, [
    {
      before: { flow_id: 'dept-ml', level: 5, share: 1, behind: [] },
      after: { flow_id: 'dept-ml', level: 2, share: 1, behind: [] },
    },
  ]);
  for (const key of [keys[0], keys[2], keys[3]]) await (await chat(key ?? '')).text();
  const sharesOf = async (body: object) => {
    const { status, body: answer } = await boost(body);
    assert.equal(status, 200, JSON.stringify(answer));
    const [{ pool, policy, share_by, tenants }] = answer.impact.shares;
    assert.deepEqual([pool, policy], ['local', 'hybrid']);
    const shown = (one: any) => [one.level, one.share === null ? null : Number(one.share.toFixed(3)), one.behind];
    const byFlow = tenants.map((one: any) => [one.before.flow_id, [shown(one.before), shown(one.after)]]);
    const first = tenants[0].before.flow_id;
    return { first, share_by, ...Object.fromEntries(byFlow) } as Record<string, any>;
  };
  assert.deepEqual(await sharesOf({ priority: 2 }), {
    first: 'dept-ml',
    share_by: 'level',
    'dept-ml': [
      [5, 0.192, []],
      [2, 0.308, []],
    ],
    'dept-dev': [
      [5, 0.192, []],
      [5, 0.385, []],
    ],
    'dept-prod': [
      [2, 0.615, []],
      [2, 0.308, []],
    ],
  });
  assert.equal((await admin('PUT', '/admin/scheduler/pools/local', { share_by: 'tenant' })).status, 200);
  const before = await stored();
  assert.deepEqual(await sharesOf({ priority: 2 }), {
    first: 'dept-ml',
    share_by: 'tenant',
    'dept-ml': [
      [5, 0.278, []],
      [2, 0.381, []],
    ],
    'dept-dev': [
      [5, 0.278, []],
      [5, 0.238, []],
    ],
    'dept-prod': [
      [2, 0.444, []],
      [2, 0.381, []],
    ],
  });
  const strict = await sharesOf({ priority: 0 });
  assert.deepEqual(
    [strict['dept-ml'][1], strict['dept-prod'][1]],
    [
      [0, null, []],
      [2, 0.615, [0]],
    ],
  );
  const { mapping } = (await boost({ priority: 1 })).body;
  assert.deepEqual([mapping.priority, mapping.effective_priority, mapping.effective_source], [5, 1, 'boost']);
  assert.deepEqual(await stored(), before);
  assert.equal((await admin('GET', `${url}/2`)).body.boost, null);
});

test('a boost that is tried over one that holds is of the level that it would have', async t => {
  const { admin, chat, keys } = await arrange(t);
  await admin('POST', url, prefix('tok_prod*', 5, 'dept-prod'));
  await (await chat(keys[0] ?? '')).text();
  await admin('POST', `${url}/1/boost`, { priority: 3, for: 600, reason: 'holds' });
  const { body } = await admin('POST', `${url}/1/boost?dry_run=true`, { priority: 1, for: 60, reason: 'try' });
  assert.deepEqual(body.impact.requests.levels, [{ from: 3, to: 1, count: 1 }]);
  const refusals: [string, object][] = [
    [`${url}/1/boost`, { priority: 10, for: 60, reason: 'x' }],
    [`${url}/1/boost`, { priority: 1, reason: 'x' }],
    [`${url}/1/boost`, { priority: 1, for: 60, reason: ' ' }],
    [`${url}/9/boost`, { priority: 1, for: 60, reason: 'x' }],
  ];
  for (const [path, asked] of refusals)
    assert.deepEqual(await admin('POST', `${path}?dry_run=true`, asked), await admin('POST', path, asked));
});
