import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { cliOf, runCli } from '../support/gateway-cli.ts';
import { freshDatabase } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';

async function arrange(t: TestContext) {
  const { url: database } = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database });
  return { ...gateway, cli: cliOf(gateway.url) };
}

async function home(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-cli-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('mappings are added, listed, changed and removed', async t => {
  const { cli, admin } = await arrange(t);
  const added = await cli('mappings', 'add', 'tok_prod*', '--priority', '0', '--tenant-id', 'dept-prod', '--json');
  assert.deepEqual([added.code, added.err], [0, '']);
  const { pattern, priority, match_type, tenant_id, enabled } = added.json;
  assert.deepEqual([pattern, priority, match_type, tenant_id, enabled], ['tok_prod*', 0, 'prefix', 'dept-prod', true]);

  const words = await cli('mappings', 'add', '*_ci', '--priority', '9', '--disabled');
  assert.match(words.out, /^Added mapping 2:\n.*\n +2 +P9 +suffix +\*_ci +- +- +disabled\n$/);
  assert.match((await cli('mappings', 'list')).out, /P0 +prefix +tok_prod\*[\s\S]*P9 +suffix[\s\S]*\n2 mappings\n$/);
  assert.deepEqual((await cli('mappings', 'list', '--disabled', '--json')).json.total, 1);

  const set = await cli('mappings', 'set', '1', '--priority', '4', '--no-tenant-id', '--description', 'shop', '--json');
  assert.deepEqual([set.json.priority, set.json.tenant_id, set.json.description], [4, null, 'shop']);
  assert.equal((await cli('mappings', 'rm', '1', '2')).out, 'Removed mapping 1\nRemoved mapping 2\n');
  assert.equal((await admin('GET', '/admin/api-key-priority/mappings')).body.total, 0);
});

test('a list longer than one page is shown whole, and controls in a row do not reach the terminal', async t => {
  const { url: database, query } = await freshDatabase(t);
  await query(`INSERT INTO api_key_priority_mappings (pattern, priority, match_type, tenant_id)
    SELECT 'tok_' || n || '*', 5, 'prefix', E'a\\u001b[2Jb' FROM generate_series(1, 1001) n`);
  const { url } = await startGateway(t, { ini, database });
  const all = await cliOf(url)('mappings', 'list');
  assert.match(all.out, /\n1001 mappings\n$/);
  assert.ok(all.out.includes('a\\u{1b}[2Jb') && !all.out.includes('\u001b'));
  assert.match((await cliOf(url)('mappings', 'list', '--limit', '1')).out, /\n1 of 1001 mappings\n$/);
});

test('one key is mapped by its hash and stands in no list', async t => {
  const { url, cli } = await arrange(t);
  const key = 'tok_a_key_of_somebody';
  const added = await cliOf(url, { stdin: `${key}\n` })('mappings', 'add', '--key-from', '-', '--priority', '2');
  assert.equal(added.code, 0, added.err);
  const [mapping] = (await cli('mappings', 'list', '--json')).json.mappings;
  assert.deepEqual([mapping.match_type, mapping.pattern], ['exact', `sha256:${hash('sha256', key)}`]);
  await cli('mappings', 'add', key.toUpperCase(), '--match-type', 'exact', '--priority', '2');
  assert.doesNotMatch((await cli('mappings', 'list')).out, /TOK_A_KEY/);
});

test('users and their keys', async t => {
  const { cli, chat } = await arrange(t);
  assert.match((await cli('users', 'add', 'A@b', '--role', 'gateway_user')).out, /^Added user 2: a@b /);
  const { out, err } = await cli('keys', 'create', '--user', 'a@b', '--prefix', 'prod');
  assert.match(err, /^Key 2 of user 2, shown this once:\n$/);
  assert.match(out, /^tok_prod_\S+\n$/);
  assert.equal((await chat(out.trim())).status, 200);
  const list = await cli('keys', 'list', '--user', 'a@b', '--json');
  assert.deepEqual([list.json.total, list.json.api_keys[0].key_prefix], [1, out.slice(0, 12)]);
  assert.match((await cli('users', 'list')).out, /2 +a@b +gateway_user +active/);
  const set = await cli('users', 'set', 'a@b', '--status', 'inactive', '--display-name', 'B', '--json');
  assert.deepEqual([set.json.status, set.json.display_name], ['inactive', 'B']);
  assert.equal((await chat(out.trim())).status, 401);
  assert.equal((await cli('keys', 'revoke', '2')).out, 'Revoked key 2\n');
  assert.equal((await cli('users', 'set', 'nobody@b', '--status', 'active')).code, 6);
});

test('exit codes tell what went wrong, and --json says it on standard error', async t => {
  const { cli, url, createKey } = await arrange(t);
  await cli('mappings', 'add', 'tok_prod*', '--priority', '0');
  const ends = async (code: number, text: RegExp, ...args: string[]) => {
    const ended = await cli(...args);
    assert.deepEqual([args.join(' '), ended.code, ended.out], [args.join(' '), code, '']);
    assert.match(ended.err, text);
  };
  await ends(2, /unknown command 'mapping'.*mappings/s, 'mapping');
  await ends(2, /whole number from 0 to 9/, 'mappings', 'add', 'x*', '--priority', '10');
  await ends(2, /say how .* is compared: --match-type exact, prefix/, 'mappings', 'add', 'x', '--priority', '1');
  await ends(2, /missing closing/, 'mappings', 'add', '(', '--match-type', 'regex', '--priority', '1');
  await ends(3, /cannot reach http:\/\/127\.0\.0\.1:9: /, 'users', 'list', '--server', 'http://127.0.0.1:9');
  await ends(4, /API key/, 'users', 'list', '--key', 'tok_unknown');
  await ends(4, /gateway_user may not call/, 'users', 'list', '--key', await createKey());
  await ends(5, /Mapping 1 already has this pattern/, 'mappings', 'add', 'tok_prod*', '--priority', '1');
  await ends(6, /^gateway: There is no mapping 99\.\n$/, 'mappings', 'set', '99', '--priority', '1');
  await ends(6, /There is no mapping 98\. Done before it: 1\.$/m, 'mappings', 'rm', '1', '98');
  const refused = await cli('mappings', 'rm', '99', '--json');
  const { error, exit_code } = JSON.parse(refused.err);
  assert.deepEqual([refused.out, error.code, error.status, exit_code], ['', 'not_found', 404, 6]);
  const nothing = await runCli(['users', 'list', '--server', url]);
  assert.equal(nothing.code, 4);
  assert.match(nothing.err, /no admin key for http.*--key-file, TOKLIGENCE_ADMIN_KEY or \S+cli\.ini/);
});

test('a command that Personal does not have ends with an exit code of its own', async t => {
  const { url } = await startGateway(t, { ini });
  assert.equal((await cliOf(url)('mappings', 'list')).code, 7);
  assert.equal((await cliOf(url)('users', 'list')).code, 0);
});

test('address and key come from flags, environment or a file that nobody else may read', async t => {
  const { url } = await arrange(t);
  const folder = await home(t);
  const file = join(folder, 'tokligence', 'cli.ini');
  await mkdir(join(folder, 'tokligence'));
  await writeFile(file, `[gateway]\nurl = ${url}/\nkey = ${adminKey}\n`);
  await chmod(file, 0o644);
  const env = { XDG_CONFIG_HOME: folder };
  const shared = await runCli(['users', 'list'], { env });
  assert.equal(shared.code, 2);
  assert.match(shared.err, /holds a key and others may read.*\(mode 644\): run chmod 600 .*cli\.ini/);
  await chmod(file, 0o600);
  assert.equal((await runCli(['users', 'list'], { env })).code, 0);

  const elsewhere = await runCli(['users', 'list', '--server', 'http://localhost:1'], { env });
  assert.equal(elsewhere.code, 4, 'its key goes nowhere else');
  assert.match(elsewhere.err, /the key in .* is for http/);
  const flag = await runCli(['users', 'list', '--key-file', '-'], { env, stdin: 'tok_wrong' });
  assert.equal(flag.code, 4, 'a flag wins over the file');
  const wrongFile = await runCli(['users', 'list'], { env: { ...env, TOKLIGENCE_ADMIN_KEY: 'tok_wrong' } });
  assert.equal(wrongFile.code, 4, 'the environment wins over the file');

  await writeFile(join(folder, 'key'), `${adminKey}\n`);
  await writeFile(file, `[gateway]\nurl = ${url}\nkey_file = ../key\n`);
  assert.equal((await runCli(['users', 'list'], { env })).code, 0);
  await writeFile(file, '[gateway]\nserver = x\n');
  const unknown = await runCli(['users', 'list'], { env });
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /\[gateway\] server: there are only url, key, key_file/);
});

test('an empty variable of the environment is none', async t => {
  const { url } = await arrange(t);
  const folder = await home(t);
  const file = join(folder, 'tokligence', 'cli.ini');
  await mkdir(join(folder, 'tokligence'));
  await writeFile(file, `[gateway]\nurl = ${url}/\nkey = ${adminKey}\n`, { mode: 0o600 });
  for (const empty of ['', ' ']) {
    const env = { TOKLIGENCE_URL: empty, TOKLIGENCE_ADMIN_KEY: empty, TOKLIGENCE_ADMIN_KEY_FILE: empty };
    assert.equal((await runCli(['users', 'list'], { env: { ...env, XDG_CONFIG_HOME: folder } })).code, 0);
  }
});

test('a file in another encoding is refused by its name, whatever it is for', async t => {
  const { cli, url } = await arrange(t);
  const folder = await home(t);
  const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
  const mapping = 'mappings:\n  - pattern: a*\n    match_type: prefix\n    priority: 1\n    tenant_name: M\u00fcller\n';
  const [config, key, file] = [join(folder, 'tokligence', 'cli.ini'), join(folder, 'key'), join(folder, 'a.yaml')];

  await writeFile(file, Buffer.from(mapping, 'latin1'));
  const latin1 = await cli('mappings', 'import', file);
  assert.deepEqual(
    [latin1.code, latin1.err],
    [2, `gateway: ${file} is not UTF-8 in line 5: save it in that encoding\n`],
  );
  const piped = await cliOf(url, { stdin: utf16(mapping) })('mappings', 'import', '-');
  assert.match(piped.err, /^gateway: standard input is UTF-16 and must be UTF-8/);
  await writeFile(file, `\ufeff${mapping}`);
  assert.equal((await cli('mappings', 'import', file)).code, 0);
  assert.equal((await cli('mappings', 'list', '--json')).json.mappings[0].tenant_name, 'M\u00fcller');

  await writeFile(key, utf16(adminKey));
  const fromKey = await runCli(['users', 'list', '--server', url, '--key-file', key]);
  assert.match(fromKey.err, /^gateway: the key file .* is UTF-16 and must be UTF-8/);
  await mkdir(join(folder, 'tokligence'));
  await writeFile(config, utf16('[gateway]\n'));
  const fromConfig = await runCli(['users', 'list'], { env: { XDG_CONFIG_HOME: folder } });
  assert.deepEqual([fromKey.code, fromConfig.code], [2, 2]);
  assert.match(fromConfig.err, /cli\.ini is UTF-16 and must be UTF-8/);
});

test('a boost holds until it is ended, and a dry run writes nothing', async t => {
  const { cli, createKey } = await arrange(t);
  await cli('mappings', 'add', 'tok_prod*', '--priority', '5', '--tenant-id', 'dept-prod');
  const boosted = await cli('mappings', 'boost', '1', '--priority', '0', '--for', '1h30m', '--reason', 'launch');
  assert.deepEqual([boosted.code, boosted.err], [0, '']);
  assert.match(boosted.out, /^Mapping 1 is at P0 until \d{4}-.*: launch\n$/);
  assert.match((await cli('mappings', 'list')).out, /P0 \(row P5\).*boosted until .*: launch/);
  const wouldBoost = await cli(
    'mappings',
    'boost',
    '1',
    '--priority',
    '3',
    '--for',
    '1h',
    '--reason',
    'x',
    '--dry-run',
  );
  assert.deepEqual([wouldBoost.code, wouldBoost.err], [0, '']);
  assert.match(wouldBoost.out, /^Nothing is written\. It would change:\n/);
  assert.match(
    wouldBoost.out,
    /shares of pool \S+ \(hybrid, by level\) if all who were active wanted more than there is\n/,
  );
  assert.match(wouldBoost.out, / {4}\S+ {2}P0 before all others → P3 100\.0 %\n/);
  assert.match((await cli('mappings', 'boost', '1', '--end')).out, /has ended\n$/);
  assert.match((await cli('mappings', 'list')).out, / P5 +prefix/);
  for (const wrong of [['--for', '1x'], ['--until', 'x', '--for', '1h'], []]) {
    const ended = await cli('mappings', 'boost', '1', '--priority', '0', '--reason', 'x', ...wrong);
    assert.equal(ended.code, 2, wrong.join(' '));
  }

  await createKey('prod');
  const tried = await cli('mappings', 'set', '1', '--priority', '2', '--dry-run');
  assert.deepEqual([tried.code, tried.err], [0, '']);
  assert.match(
    tried.out,
    /^Nothing is written\. It would change:\n +\d+ of 2 keys.*\n[\s\S]*requests since .*\n[\s\S]*Mapping is off/,
  );
  assert.equal((await cli('mappings', 'rm', '1', '--dry-run', '--json')).json.dry_run, true);
  assert.match((await cli('mappings', 'add', 'x*', '--priority', '1', '--dry-run')).out, /^Nothing is written/);
  const [mapping] = (await cli('mappings', 'list', '--json')).json.mappings;
  assert.equal(mapping.priority, 5);
  await cli('mappings', 'set', '1', '--priority', '6');
  const stale = await cli('mappings', 'set', '1', '--priority', '7', '--if-match', mapping.etag);
  assert.equal(stale.code, 5, stale.err);
});

test('explain tells which mapping wins, of a key that never stands on the command line', async t => {
  const { url, cli, createKey } = await arrange(t);
  await cli('mappings', 'add', 'tok_prod*', '--priority', '5', '--tenant-id', 'dept-prod');
  await cli('mappings', 'add', 'tok_*', '--priority', '8');
  const key = await createKey('prod');
  const whole = await cliOf(url, { stdin: key })('mappings', 'explain', '--key-from', '-');
  assert.deepEqual([whole.code, whole.err], [0, '']);
  assert.match(whole.out, /^Requests get P7 by default[\s\S]*Mapping is off; enforced, they would get P5 by mapping/);
  assert.match(whole.out, /▶ +1 +P5 +prefix +tok_prod\* +match[\s\S]*2 +P8 +prefix +tok_\* +match/);
  assert.ok(!whole.out.includes(key));
  assert.match((await cli('mappings', 'explain', '--prefix', 'tok_p')).out, /tok_prod\* +unknown[\s\S]*tok_\* +match/);
  assert.equal((await cli('mappings', 'explain')).code, 2);
});

test('lint says what can never win, and whoever adds it is warned', async t => {
  const { cli } = await arrange(t);
  const clean = await cli('mappings', 'lint', '--json');
  assert.deepEqual([clean.code, clean.json.counts.never_wins], [clean.json.findings.length > 0 ? 8 : 0, 0]);
  await cli('mappings', 'add', 'tok_ext*', '--priority', '5');
  const wish = ['mappings', 'add', 'tok_ext_free*', '--priority', '9'];
  const tried = await cli(...wish, '--dry-run');
  const added = await cli(...wish);
  assert.deepEqual([tried.code, added.code, tried.err], [0, 0, added.err]);
  const { mappings } = (await cli('mappings', 'list', '--json')).json;
  assert.deepEqual([mappings.length, mappings[0].requests_per_min, mappings[0].never_wins], [2, 0, null]);
  assert.match(added.err, /^warning: `tok_ext_free\*` P9 never wins: `tok_ext\*` P5 matches every key it matches$/m);
  const lint = await cli('mappings', 'lint');
  assert.equal(lint.code, 8);
  assert.match(lint.out, /^1 never win:\n {2}`tok_ext_free\*` P9 never wins/m);
});

test('mappings travel as a file: what is exported changes nothing, an edit shows as a diff, pruning deletes', async t => {
  const { cli, url } = await arrange(t);
  await cli('mappings', 'add', 'tok_prod*', '--priority', '5', '--tenant-id', 'dept-prod');
  await cli('mappings', 'add', 'tok_somebodys_key', '--match-type', 'exact', '--priority', '1');
  const file = join(await home(t), 'mappings.yaml');
  assert.equal((await cli('mappings', 'export', file)).err, `Written to ${file}\n`);
  const text = await readFile(file, 'utf8');
  assert.ok(text.includes('pattern: tok_prod*') && text.includes('sha256:') && !text.includes('somebodys'), text);
  assert.equal((await cli('mappings', 'export')).out, text);
  assert.equal((await cli('mappings', 'export', '--json')).json.mappings.length, 2);
  const same = await cli('mappings', 'import', file, '--dry-run', '--prune', '--exit-code');
  assert.equal(same.code, 0, same.err);
  assert.match(same.out, /^0 created, 0 updated, 0 deleted, 2 unchanged\nNothing is written/);

  await writeFile(
    file,
    'mappings:\n  - pattern: tok_prod*\n    match_type: prefix\n    priority: 2\n    tenant_id: dept-prod\n',
  );
  const args = ['mappings', 'import', file, '--prune', '--exit-code'];
  const tried = await cli(...args, '--dry-run');
  assert.equal(tried.code, 8, tried.err);
  assert.match(tried.out, /@@ update 1 prefix tok_prod\* @@\n[\s\S]*^- {3}priority: 5\n\+ {3}priority: 2$/m);
  assert.match(
    tried.out,
    /@@ delete 2 exact sha256:\S+… @@\n- {3}pattern:[\s\S]*\n0 created, 1 updated, 1 deleted, 0 unchanged\n/,
  );
  assert.equal((await cli('mappings', 'list', '--json')).json.total, 2);
  assert.equal((await cli(...args)).code, 8);
  const [only, ...more] = (await cli('mappings', 'list', '--json')).json.mappings;
  assert.deepEqual([only.id, only.priority, more], [1, 2, []]);

  const faulty = await cliOf(url, { stdin: 'mappings:\n  - pattern: x\n    priority: 11\n    match_type: prefix\n' })(
    'mappings',
    'import',
    '-',
  );
  assert.equal(faulty.code, 2);
  assert.match(
    faulty.err,
    /^-:2: priority must be a whole number from 0 \(best\) to 9\ngateway: Nothing is imported, 1 of/,
  );
  assert.equal((await cli('mappings', 'import', '/nonexistent.yaml')).code, 2);

  const many = join(await home(t), 'many.json');
  await writeFile(many, JSON.stringify({ mappings: Array.from({ length: 30 }, (_, at) => ({ pattern: `a${at}` })) }));
  const told = await cli('mappings', 'import', many);
  assert.equal(told.code, 2);
  assert.match(
    told.err,
    /many\.json: mappings\[19\]: match_type is missing.*\n… and 10 more \(--json names the first 30\)\n/,
  );
  assert.equal((await cli('mappings', 'import', many, '--json')).err.includes('… and'), false);
  await writeFile(many, `{"mappings":[${'0,'.repeat(200_000)}0]}`);
  const tooMany = await cli('mappings', 'import', many);
  assert.deepEqual(
    [tooMany.code, tooMany.err],
    [2, 'gateway: The file has more mappings than an import takes: at most 200000.\n'],
  );
});

test('every command explains itself', async () => {
  const { out, code } = await runCli(['--help']);
  assert.equal(code, 0);
  assert.match(out, /TOKLIGENCE_ADMIN_KEY_FILE[\s\S]*chmod 600[\s\S]*Exit codes:/);
  const [, list = ''] = /Commands:\n([\s\S]*?)\n\n/.exec(out) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name ?? '');
  assert.ok(names.length >= 8, list);
  for (const name of names) assert.match((await runCli([name, '--help'])).out, /^Usage: gateway/, name);
});
