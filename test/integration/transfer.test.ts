import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { adminKey, startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';

const ini = '[api_key_priority]\nenabled = true\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const url = '/admin/api-key-priority/mappings';
const digest = (key: string) => `sha256:${hash('sha256', key)}`;

async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const send = async (text: string | Buffer, query = '', type = 'application/yaml') => {
    const answer = await fetch(`${gateway.url}${url}/import${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': type },
      body: text,
    });
    return { status: answer.status, body: (await answer.json()) as any };
  };
  const exported = async (accept?: string) => {
    const headers = { authorization: `Bearer ${adminKey}`, ...(accept ? { accept } : {}) };
    const answer = await fetch(`${gateway.url}${url}/export`, { headers });
    return { type: answer.headers.get('content-type'), text: await answer.text() };
  };
  const rows = () => database.query('SELECT * FROM api_key_priority_mappings ORDER BY id');
  const counts = ({ created, updated, deleted, unchanged }: any) => [created, updated, deleted, unchanged];
  return { ...gateway, database, send, exported, rows, counts };
}

const file = `
mappings:
  - pattern: tok_prod*
    match_type: prefix
    priority: 0 # the best
    tenant_id: dept-prod
    tenant_name: 'Production Team'
    tenant_type: internal
  - {pattern: "*-beta", match_type: suffix, priority: 9, enabled: false}
  - pattern: tok_exact_key_in_clear
    match_type: exact
    priority: 3
`;

test('a file is taken in as it stands, and an export taken in again changes nothing', async t => {
  const { send, exported, rows, counts, admin, database } = await arrange(t);
  const first = await send(file);
  assert.equal(first.status, 200);
  assert.deepEqual([first.body.success, first.body.dry_run, ...counts(first.body)], [true, false, 3, 0, 0, 0]);
  assert.deepEqual(
    (await rows()).map(({ id, pattern, priority, enabled, created_by }) => [
      id,
      pattern,
      priority,
      enabled,
      created_by,
    ]),
    [
      [1, 'tok_prod*', 0, true, 'admin@local'],
      [2, '*-beta', 9, false, 'admin@local'],
      [3, 'tok_exact_key_in_clear', 3, true, 'admin@local'],
    ],
  );

  // Rows that only SQL can create: faulty ones, and both spellings of one key side by side.
  await database.query(`INSERT INTO api_key_priority_mappings (pattern, priority, match_type, tenant_type, description)
    VALUES ('(', 1, 'regex', NULL, NULL), ('', 2, 'contains', 'odd', E'two\\nlines: "x" \\u0085'), ('twice', 4, 'exact', NULL, NULL),
      ('${digest('twice')}', 5, 'exact', NULL, NULL), ('sha256:short', 5, 'exact', NULL, 'null')`);
  const before = await rows();
  for (const [accept, type] of [
    [undefined, 'application/yaml'],
    ['application/json', 'application/json'],
  ] as const) {
    const out = await exported(accept);
    assert.ok(out.type?.startsWith(type), out.type ?? '');
    assert.equal(out.text.includes('tok_exact_key_in_clear'), false);
    assert.ok(out.text.includes(digest('tok_exact_key_in_clear')));
    const again = await send(out.text, '?prune=true', type);
    assert.deepEqual([again.status, ...counts(again.body), again.body.changes], [200, 0, 0, 0, 8, []]);
    assert.deepEqual(await rows(), before);
  }
  const { mappings } = parse((await exported()).text);
  const order = mappings.map(({ pattern }: { pattern: string }) => pattern);
  const shown = (await admin('GET', url)).body.mappings.map(({ id }: { id: number }) => id);
  assert.deepEqual(shown, [1, 4, 5, 3, 6, 7, 8, 2]);
  assert.deepEqual(order.slice(0, 3), ['tok_prod*', '(', '']);
});

test('rows are found by their pattern, an exact one in either spelling, and what the file leaves out is as in a new row', async t => {
  const { send, rows, counts, chat, createKey, database } = await arrange(t);
  await send(file);
  const key = await createKey('prod');
  const level = async () => (await chat(key)).headers.get('x-tokligence-priority');
  assert.equal(await level(), '0');
  const { status, body } = await send(`mappings:
- pattern: tok_prod*
  match_type: prefix
  priority: 6
- pattern: ${digest('tok_exact_key_in_clear')}
  match_type: exact
  priority: 3
- pattern: "*-beta"
  match_type: contains
  priority: 9
- pattern: tok_new*
  match_type: prefix
  priority: 1
`);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(counts(body), [1, 2, 0, 1]);
  assert.equal(await level(), '6');
  const [prod, beta, exact, fresh] = await rows();
  assert.deepEqual(
    [prod?.tenant_id, prod?.tenant_name, beta?.match_type, beta?.enabled],
    [null, null, 'contains', true],
  );
  assert.equal(exact?.pattern, 'tok_exact_key_in_clear');
  assert.deepEqual([fresh?.id, fresh?.pattern], [4, 'tok_new*']);
  const update = body.changes.find(({ id }: { id: number }) => id === 1);
  assert.deepEqual([update.action, update.before.priority, update.after.priority], ['update', 0, 6]);
  assert.deepEqual(
    body.changes.map(({ action, id }: { action: string; id: number }) => [action, id]),
    [
      ['create', 4],
      ['update', 1],
      ['update', 2],
    ],
  );

  const pruned = await send(
    JSON.stringify({ mappings: [{ pattern: 'tok_new*', match_type: 'prefix', priority: 1 }] }),
    '?prune=true',
    'application/json',
  );
  assert.deepEqual(counts(pruned.body), [0, 0, 3, 1]);
  assert.deepEqual(
    (await rows()).map(({ id }) => id),
    [4],
  );
  const history = await database.query('SELECT * FROM api_key_priority_history');
  assert.equal(JSON.stringify(history).includes('tok_exact_key_in_clear'), false);
  const kinds = history.map(({ kind, actor }) => `${kind} ${actor}`);
  assert.deepEqual(kinds.filter((one: string) => one === 'delete admin@local').length, 3);
  assert.deepEqual(kinds.filter((one: string) => one === 'create admin@local').length, 4);
  assert.deepEqual(kinds.filter((one: string) => one === 'update admin@local').length, 2);
});

test('a file with faults is refused whole, and every row at fault is named with its line, its field and the reason', async t => {
  const { send, rows } = await arrange(t);
  await send(file);
  const before = await rows();
  const { status, body } = await send(`mappings:
  - pattern: tok_good*
    match_type: prefix
    priority: 1
  - pattern: tok_p*
    match_type: prefix
    priority: 10
  - pattern: (
    match_type: regex
    priority: 1
  - match_type: prefix
    priority: 1
  - pattern: tok_x
    match_type: glob
    priority: 1
  - pattern: tok_good*
    match_type: suffix
    priority: 2
  - just text
  - pattern: tok_y
    match_type: prefix
    priority: 1
    tenant: misspelled
  - pattern: tok_exact_key_in_clear
    match_type: exact
    priority: 77
  - pattern: tok_z
    match_type: prefix
    priority: 1
    tenant_type: partner
    tenant_id: ""
`);
  assert.equal(status, 400);
  assert.equal(body.error.code, 'invalid_request');
  assert.match(body.error.message, /^Nothing is imported, 9 of the file's rows are at fault: line 5: priority must be/);
  const told = body.faults.map(({ index, line, field }: any) => [index, line, field]);
  assert.deepEqual(told, [
    [1, 5, 'priority'],
    [2, 8, 'pattern'],
    [3, 11, 'pattern'],
    [4, 13, 'match_type'],
    [5, 16, 'pattern'],
    [6, 19, null],
    [7, 20, 'tenant'],
    [8, 24, 'priority'],
    [9, 27, 'tenant_type'],
  ]);
  assert.match(body.faults[4].reason, /pattern of line 2 again/);
  assert.match(body.faults[1].reason, /missing closing \)/);
  assert.equal(body.faults_left_out, 0);
  assert.deepEqual(await rows(), before);

  const inJson = await send(
    '{"mappings":[{"pattern":"tok_a","match_type":"prefix","priority":"1"}]}',
    '',
    'application/json',
  );
  assert.deepEqual(inJson.body.faults, [
    { index: 0, line: null, field: 'priority', reason: 'priority must be a whole number from 0 (best) to 9' },
  ]);
});

const bomb = `a: &a [x, x, x, x, x, x, x, x, x]
${[...'bcdefghi'].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghi'[at]}`).join(', ')}]`).join('\n')}
mappings: *i
`;
const documents: [string, string, string, RegExp][] = [
  ['an alias bomb', bomb, 'application/yaml', /one field, mappings/],
  [
    'an alias in a row',
    'mappings:\n  - &a {pattern: a, match_type: prefix, priority: 1}\n  - *a\n',
    'text/yaml',
    /Aliases .* line 3/,
  ],
  ['a merge of an anchor', 'mappings:\n  - &a {priority: 1}\n  - {<<: *a, pattern: b}\n', 'text/yaml', /Aliases/],
  ['brackets without end', `mappings: ${'['.repeat(60_000)}`, 'application/yaml', /not valid YAML|too deep/],
  [
    'broken YAML',
    'mappings:\n  - pattern: "tok_secret_0123456789\n',
    'application/yaml',
    /not valid YAML \(line \d+\)/,
  ],
  [
    'two fields of one name',
    'mappings:\n  - {pattern: a, pattern: b}\n',
    'application/yaml',
    /not valid YAML \(line 2\)/,
  ],
  ['broken JSON', '{"mappings":[', 'application/json', /not valid JSON/],
  ['large broken JSON', `{"mappings":[${'1,'.repeat(600_000)}`, 'application/json', /not valid JSON/],
  ['another field', '{"mappings":[],"rows":[]}', 'application/json', /one field, mappings/],
  ['a list', '- pattern: a\n', 'application/yaml', /one field, mappings/],
  ['nothing', '', 'application/yaml', /empty/],
  ['a comment', '# nothing\n', 'application/yaml', /one field, mappings/],
  ['a form', 'mappings=1', 'application/x-www-form-urlencoded', /application\/yaml or application\/json/],
];

test('a document that is no file of mappings is refused with a reason that quotes nothing of it', async t => {
  const { send } = await arrange(t);
  for (const [name, text, type, reason] of documents)
    await t.test(name, async () => {
      const { status, body } = await send(text, '?prune=true', type);
      assert.equal(status, 400, JSON.stringify(body));
      assert.match(body.error.message, reason);
      assert.equal(body.error.message.includes('tok_secret_0123456789'), false);
    });
  await t.test('bytes that are no text', async () => {
    assert.match((await send(Buffer.from([0xff, 0xfe]))).body.error.message, /UTF-8/);
  });
  await t.test('17 MiB', async () => {
    const { status, body } = await send(Buffer.alloc(17 * 2 ** 20, '#'));
    assert.equal(status, 413);
    assert.match(body.error.message, /16 MiB/);
  });
  await t.test('an unknown query parameter', async () => {
    assert.equal((await send(file, '?dryrun=true')).status, 400);
  });
  await t.test('an empty list, which with prune is meant', async () => {
    await send(file);
    const { status, body } = await send('mappings: []\n', '?prune=true');
    assert.deepEqual([status, body.deleted], [200, 3]);
  });
});

test('ten thousand rows come in, change and leave in one piece each', async t => {
  const { send, exported, counts, createKey, chat } = await arrange(t);
  const rows = (priority: number) =>
    Array.from({ length: 10_000 }, (_, at) =>
      [
        `  - pattern: tok_team${at}_*`,
        'match_type: prefix',
        `priority: ${(at + priority) % 10}`,
        `tenant_id: tenant-${at}`,
        `tenant_name: "Tenant number ${at}"`,
        'tenant_type: external',
      ].join('\n    '),
    );
  const text = (priority: number) => `mappings:\n${rows(priority).join('\n')}\n`;
  const key = await createKey('team77');
  const timed = async (body: string, query: string) => {
    const began = performance.now();
    const answer = await send(body, query);
    const ms = performance.now() - began;
    assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 500));
    return { ms, counts: counts(answer.body), changes: answer.body.changes.length, left: answer.body.changes_left_out };
  };
  const steps = [
    ['tried', await timed(text(0), '?dry_run=true')],
    ['created', await timed(text(0), '')],
    ['updated', await timed(text(1), '')],
    ['unchanged', await timed((await exported()).text, '?prune=true')],
    ['deleted', await timed('mappings: []', '?prune=true')],
  ] as const;
  t.diagnostic(steps.map(([name, { ms }]) => `${name} ${Math.round(ms)} ms`).join(', '));
  assert.deepEqual(
    steps.map(([, { counts }]) => counts),
    [
      [10_000, 0, 0, 0],
      [10_000, 0, 0, 0],
      [0, 10_000, 0, 0],
      [0, 0, 0, 10_000],
      [0, 0, 10_000, 0],
    ],
  );
  assert.deepEqual([steps[1][1].changes, steps[1][1].left], [1_000, 9_000]);
  assert.equal((await chat(key)).headers.get('x-tokligence-priority'), '7');
});
