// In a process of its own: it measures how long its thread is busy.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { readInWorker } from '../../src/priority/transfer/document-worker.ts';
import { TransferStore } from '../../src/priority/transfer/transfer-store.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase } from '../support/postgres.ts';
import { heavyRegex } from '../support/regex-arbitraries.ts';
import { longestTurn } from '../support/turns.ts';
import { until } from '../support/until.ts';

const ini = '[api_key_priority]\nenabled = true\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const path = '/admin/api-key-priority/mappings';

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: any;
}

async function arrange(t: TestContext, overrides: object = {}) {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url, overrides });
  const send = async (text: string, query = '', type = 'application/yaml'): Promise<Answer> => {
    const answer = await fetch(`${gateway.url}${path}/import${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': type },
      body: text,
    });
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() };
  };
  return { ...gateway, database, send };
}

const row = (number: number, fields: object = {}) => ({
  pattern: `tok_team${number}_*`,
  match_type: 'prefix',
  priority: number % 10,
  tenant_id: `tenant-${number}`,
  ...fields,
});
const jsonOf = (rows: readonly object[]) => JSON.stringify({ mappings: rows });
const small = jsonOf([row(1)]);
/** The library compares each name with all earlier ones. */
const names = Array.from({ length: 150_000 }, (_, at) => `n${at}: 1`);
const slow = `mappings:\n  - ${names.join('\n    ')}\n`;

test('a document that takes its time holds up no other import, and is ended when the time is over', async t => {
  const clock = new ManualClock(Date.now());
  const { send, admin } = await arrange(t, { clock });
  let isAnswered = false;
  const timers = clock.pending;
  const read = send(slow, '?dry_run=true').finally(() => {
    isAnswered = true;
  });
  await until(() => clock.pending > timers);
  const other = await send(small, '', 'application/json');
  assert.deepEqual([other.status, other.body.created, isAnswered], [200, 1, false]);
  clock.advance(20_000);
  const { status, body } = await read;
  assert.equal(status, 400);
  assert.match(body.error.message, /takes longer than 20 s to read: write it as an export is written, or divide it/);
  assert.equal((await admin('GET', path)).body.total, 1);
});

test('six imports are under way at once, read two by two; one more is told to come back', async t => {
  const clock = new ManualClock(Date.now());
  const { send } = await arrange(t, { clock });
  const answers: Answer[] = [];
  for (let sent = 0; sent < 7; sent++) void send(slow).then(answer => answers.push(answer));
  await until(() => answers.length > 0);
  const [refused] = answers;
  assert.deepEqual([refused?.status, refused?.retryAfter, refused?.body.error.code], [503, '5', 'unavailable']);
  assert.match(refused?.body.error.message, /^6 imports are under way already/);
  await until(() => {
    clock.advance(20_000);
    return answers.length === 7;
  });
  assert.deepEqual(
    answers.map(({ status }) => status),
    [503, 400, 400, 400, 400, 400, 400],
  );
  assert.equal((await send(small, '', 'application/json')).status, 200);
});

test('a document for which the memory does not suffice is refused, and only its thread ends', async () => {
  const bytes = Buffer.from(`mappings:\n${'- 0\n'.repeat(200_000)}`);
  await assert.rejects(readInWorker({ format: 'yaml', bytes }, systemClock, 48), {
    code: 'invalid_request',
    message: 'The document is too large to be read.',
  });
});

test('what the thread of a document compiles is kept for the next one', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'import-compiled-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const room = (name: string) => JSON.stringify(new URL(`../../src/${name}`, import.meta.url).href);
  // Only the thread loads the YAML library, and only for a document that uses more than plain YAML.
  const code = `
    import { readdirSync } from 'node:fs';
    import { flushCompileCache, getCompileCacheDir } from 'node:module';
    import { readInWorker } from ${room('priority/transfer/document-worker.ts')};
    import { systemClock } from ${room('domain/clock.ts')};
    const kept = () => readdirSync(getCompileCacheDir()).length;
    flushCompileCache();
    const before = kept();
    const bytes = Buffer.from('mappings: &all\\n  - {pattern: a, match_type: exact, priority: 3}\\n');
    const { rows } = await readInWorker({ format: 'yaml', bytes }, systemClock);
    process.stdout.write(JSON.stringify([rows.length, kept() > before]));
  `;
  const program = join(folder, 'read-one.mjs');
  await writeFile(program, code);
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  });
  assert.deepEqual(JSON.parse(stdout), [1, true]);
});

test('neither faults without number nor many rows keep the gateway from other work', async t => {
  const { send } = await arrange(t);
  const turns: string[] = [];
  const measured = async (name: string, text: string, query = ''): Promise<Answer> => {
    let answer: Answer | undefined;
    const ms = await longestTurn(async () => {
      answer = await send(text, query, 'application/json');
    });
    turns.push(`${name} ${Math.round(ms)} ms`);
    // The client and the compiler use this thread too; on an idle machine all stay below 20 ms.
    assert.ok(ms < 80, turns.at(-1));
    return answer ?? assert.fail();
  };
  const rows = (count: number, fields?: object) => jsonOf(Array.from({ length: count }, (_, at) => row(at, fields)));

  const none = await measured('no rows at all', `{"mappings":[${'0,'.repeat(7_800_000)}0]}`);
  assert.match(none.body.error.message, /more mappings than an import takes: at most 200000/);
  const misshaped = await measured('misshaped', `{"mappings":[${'0,'.repeat(199_999)}0]}`);
  assert.match(
    misshaped.body.error.message,
    /^Nothing is imported, 200000 of the file's rows are at fault: mappings\[0\]/,
  );
  assert.deepEqual([misshaped.body.faults.length, misshaped.body.faults_left_out], [1_000, 199_000]);
  const wrong = await measured('against the rules', rows(40_000, { priority: 10 }));
  assert.deepEqual([wrong.status, wrong.body.faults.length, wrong.body.faults_left_out], [400, 1_000, 39_000]);
  const twice = await measured('twice', rows(40_000, { pattern: 'tok_same' }));
  assert.deepEqual([twice.status, twice.body.faults_left_out], [400, 38_999]);
  const tried = await measured('tried', rows(40_000), '?dry_run=true');
  assert.deepEqual([tried.status, tried.body.created], [200, 40_000]);
  const created = await measured('created', rows(40_000));
  assert.deepEqual([created.status, created.body.created, created.body.changes_left_out], [200, 40_000, 39_000]);
  const kept = await measured('unchanged', rows(40_000), '?prune=true');
  assert.deepEqual([kept.status, kept.body.unchanged], [200, 40_000]);
  t.diagnostic(`the longest turns, in CPU time: ${turns.join(', ')}`);
});

test("a file whose regexes find no room beside those that serve is refused, and one that takes others' place is not", async t => {
  const { send, database } = await arrange(t);
  const regexes = (first: number, count: number, fields: object = {}) =>
    jsonOf(
      Array.from({ length: count }, (_, at) => ({
        pattern: heavyRegex(first + at),
        match_type: 'regex',
        priority: 5,
        ...fields,
      })),
    );
  const outcome = async (text: string, query = '') => {
    const { status, body } = await send(text, query, 'application/json');
    return status === 200 ? [body.created, body.updated, body.deleted, body.unchanged] : body.error.message;
  };
  const noRoom = /^Nothing is imported, there is no room for the file's regexes: they weigh \d+, the others/;
  assert.deepEqual(await outcome(regexes(0, 15)), [15, 0, 0, 0]);
  assert.match(await outcome(regexes(15, 5)), noRoom);
  assert.match(await outcome(regexes(15, 5), '?dry_run=true'), noRoom);
  assert.deepEqual(await outcome(regexes(15, 5, { enabled: false })), [5, 0, 0, 15]);
  assert.match(await outcome(regexes(15, 5)), noRoom);
  assert.deepEqual(await outcome(regexes(0, 15, { priority: 6 })), [0, 15, 0, 5]);
  assert.deepEqual(await outcome(regexes(30, 19), '?prune=true'), [19, 0, 20, 0]);
  // SQL may have inserted too many; an unrelated row is still accepted.
  for (let number = 60; number < 64; number++)
    await database.query(`INSERT INTO api_key_priority_mappings (pattern, match_type, priority)
      VALUES ('${heavyRegex(number)}', 'regex', 9)`);
  assert.deepEqual(await outcome(jsonOf([row(1)])), [1, 0, 0, 23]);
});

test('while much is planned the connection of its transaction is not silent', async t => {
  const { url, query } = await freshDatabase(t);
  const { db, close } = openPostgres(url);
  t.after(close);
  const clock = new ManualClock();
  const planning = Promise.withResolvers<void>();
  const written = new TransferStore(db, clock).write(async () => {
    await planning.promise;
    return { created: [], updated: [], deleted: [], unchanged: 0 };
  }, 'admin');
  const saysNothing = `SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query = 'SELECT 1'
    AND datname = current_database()`;
  await until(() => clock.pending === 1);
  assert.equal((await query(saysNothing)).length, 0);
  clock.advance(2_000);
  await until(async () => (await query(saysNothing)).length === 1);
  planning.resolve();
  assert.deepEqual(await written, { plan: { created: [], updated: [], deleted: [], unchanged: 0 }, createdIds: [] });
  assert.equal(clock.pending, 0);
});
