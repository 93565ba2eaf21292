// `gateway providers` and `gateway routes`, against a real gateway, its database and fake upstreams.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { cliOf, runCli } from '../support/gateway-cli.ts';
import { freshDatabase } from '../support/postgres.ts';

const env = { TOKLIGENCE_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') };
const ini = '[provider.ofFile]\ntype = loopback\nmodels = of-file\nservice_ms = 0\nchunk_ms = 0\n';
const secret = 'sk-of-the-vendor-0123456789';

async function arrange(t: TestContext) {
  const { url: database } = await freshDatabase(t);
  const upstream = await startFakeUpstream(t, { body: { object: 'list', data: [{ id: 'm', object: 'model' }] } });
  const gateway = await startGateway(t, { ini, env, database });
  const cli = cliOf(gateway.url);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-cli-providers-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  /** Asserts how a command ends, and that it says why on standard error alone. */
  const ends = async (code: number, text: RegExp, ...args: string[]) => {
    const ended = await cli(...args);
    assert.deepEqual([args.join(' '), ended.code, ended.out], [args.join(' '), code, '']);
    assert.match(ended.err, text);
  };
  return { ...gateway, upstream, base: `${upstream.url}/v1`, cli, ends, folder };
}

test('a provider is added, served, changed, shown with the source of each setting, and removed', async t => {
  const { cli, base, url, chat, createKey, upstream } = await arrange(t);
  const words = ['gpu', 'type=openai', `base_url=${base}`, 'max_concurrent=3', 'models=m'];
  const added = await cliOf(url, { stdin: `${secret}\n` })('providers', 'add', ...words, '--api-key-file', '-');
  assert.deepEqual([added.code, added.err], [0, '']);
  assert.match(added.out, /^gpu \(database\)\n/);
  assert.match(added.out, /\n +max_concurrent +3 +database\n/);
  assert.match(added.out, /\n +connect_timeout_sec +10 +default\n/);
  assert.match(added.out, /\n +proxy +none +default\n/);
  assert.match(added.out, new RegExp(`\\n  key \\S+: [0-9a-f]{12} for ${upstream.url}: used\\n$`));
  assert.equal((await chat(await createKey(), { model: 'm' })).status, 200);
  assert.equal(upstream.requests.at(-1)?.headers.authorization, `Bearer ${secret}`);

  const set = await cli('providers', 'set', 'gpu', 'max_concurrent=', 'retry_unsafe=true', '--json');
  assert.deepEqual([set.json.settings.max_concurrent, set.json.sources.max_concurrent], ['8', 'default']);
  assert.equal(set.json.settings.retry_unsafe, 'true');
  assert.equal(set.json.etag, (await cli('providers', 'show', 'gpu', '--json')).json.etag);
  const off = await cli('providers', 'set', 'gpu', 'enabled=false');
  assert.match(off.out, /^gpu \(database, out of service\)\n/);
  assert.doesNotMatch((await cli('providers', 'list')).out, /gpu/);

  const gone = await cli('providers', 'remove', 'gpu');
  assert.deepEqual([gone.code, gone.out], [0, 'What was stored of the provider gpu is deleted.\n']);
  assert.equal((await cli('providers', 'show', 'gpu')).code, 6);
});

test('a provider of the file is changed by a row over it, and is as in the file again', async t => {
  const { cli, ends } = await arrange(t);
  const set = await cli('providers', 'set', 'ofFile', 'service_ms=1', '--json');
  assert.deepEqual(
    [set.json.source, set.json.settings.service_ms, set.json.sources.service_ms, set.json.sources.chunk_ms],
    ['database', '1', 'database', 'file'],
  );
  assert.equal((await cli('providers', 'remove', 'ofFile')).code, 0);
  const shown = (await cli('providers', 'show', 'ofFile', '--json')).json;
  assert.deepEqual([shown.source, shown.settings.service_ms], ['file', '0']);
  await ends(5, /ofFile/, 'providers', 'remove', 'ofFile');
});

test('keys come from files and standard input, never from words of the command', async t => {
  const { cli, ends, base, url, folder, chat, createKey, upstream, log } = await arrange(t);
  await ends(2, /a key is not given as a word .*--api-key-file/, 'providers', 'add', 'gpu', `api_key=${secret}`);
  await ends(2, /unknown option '--api-key'/, 'providers', 'add', 'gpu', `--api-key=${secret}`);
  await cli('providers', 'add', 'gpu', 'type=openai', `base_url=${base}`, 'models=m');
  const file = join(folder, 'key');
  await writeFile(file, `${secret}\n`);
  const stored = await cli(
    'providers',
    'add-key',
    'gpu',
    '--api-key-file',
    file,
    '--description',
    'the first',
    '--json',
  );
  assert.deepEqual([stored.code, stored.json.origins, stored.json.description], [0, [upstream.url], 'the first']);
  const other = `${secret}-2`;
  const replaced = await cliOf(url, { stdin: other })(
    'providers',
    'add-key',
    'gpu',
    '--api-key-file',
    '-',
    '--replace',
  );
  assert.match(replaced.out, new RegExp(`^Stored the key [0-9a-f]{12} \\(\\S+\\) for ${upstream.url}\\n$`));
  const { keys } = (await cli('providers', 'show', 'gpu', '--json')).json;
  assert.equal(keys.length, 1);
  const key = await createKey();
  assert.equal((await chat(key, { model: 'm' })).status, 200);
  assert.equal(upstream.requests.at(-1)?.headers.authorization, `Bearer ${other}`);

  assert.match(
    (await cli('providers', 'reseal')).out,
    /^Sealed 0 keys with the master key [0-9a-f]{8}; 1 had it already\n$/,
  );
  assert.equal((await cli('providers', 'remove-key', 'gpu', keys[0].id)).out, `The key ${keys[0].id} is deleted.\n`);
  assert.equal((await chat(key, { model: 'm' })).status, 200);
  assert.equal(upstream.requests.at(-1)?.headers.authorization, undefined);

  await ends(6, /no stored key/, 'providers', 'remove-key', 'gpu', keys[0].id);
  await ends(2, /there is no such file/, 'providers', 'add-key', 'gpu', '--api-key-file', join(folder, 'none'));
  await ends(2, /standard input holds no key/, 'providers', 'add-key', 'gpu', '--api-key-file', '-');
  await ends(2, /required option '--api-key-file/, 'providers', 'add-key', 'gpu');
  await ends(6, /no provider nobody/, 'providers', 'add-key', 'nobody', '--api-key-file', file);
  await writeFile(file, 'sk a blank');
  await ends(2, /api_key|visible/, 'providers', 'add-key', 'gpu', '--api-key-file', file);
  assert.ok(!log.join('\n').includes(secret));
});

test('a provider is tried before it is stored, and a stored one with other settings', async t => {
  const { cli, base, upstream } = await arrange(t);
  const tried = await cli('providers', 'try', 'type=openai', `base_url=${base}`, '--model', 'm');
  assert.equal(tried.code, 0, tried.err);
  assert.match(tried.out, new RegExp(`^${base}: 1 model in \\d+ ms: m\\n  one request: 200 in \\d+ ms\\n$`));
  assert.doesNotMatch((await cli('providers', 'list')).out, /trial/);
  await cli('providers', 'add', 'gpu', 'type=openai', `base_url=${base}`);
  upstream.reply({ status: 401, body: { error: { message: 'no such key' } } });
  const again = await cli('providers', 'try', '--name', 'gpu', '--json');
  assert.deepEqual([again.code, again.json.endpoints.length, again.json.endpoints[0].answers], [0, 1, false]);
  assert.equal((await cli('providers', 'try')).code, 2);
});

test('providers and routes go out as a file without keys and come back whole, or not at all', async t => {
  const { cli, ends, base, url, folder } = await arrange(t);
  await cliOf(url, { stdin: secret })(
    'providers',
    'add',
    'gpu',
    'type=openai',
    `base_url=${base}`,
    '--api-key-file',
    '-',
  );
  await cli('routes', 'add', 'gpt-4.1', 'targets=gpu:m', 'aliases=best');
  const file = join(folder, 'providers.json');
  const out = await cli('providers', 'export', file);
  assert.deepEqual([out.code, out.out, out.err], [0, '', `Written to ${file}\n`]);
  const text = await readFile(file, 'utf8');
  assert.ok(!text.includes('sk-') && !text.includes('sealed'));
  assert.equal((await cli('providers', 'export')).out, text);
  await ends(2, /cannot be written/, 'providers', 'export', join(folder, 'none', 'x.json'));

  for (const [kind, name] of [
    ['routes', 'gpt-4.1'],
    ['providers', 'gpu'],
  ] as const)
    assert.equal((await cli(kind, 'remove', name)).code, 0);
  const dry = await cli('providers', 'import', file, '--dry-run');
  assert.equal(dry.out, 'Can be stored: 1 provider, 1 route\n', dry.err);
  assert.equal((await cli('routes', 'list', '--json')).json.total, 0);
  assert.equal((await cliOf(url, { stdin: text })('providers', 'import', '-')).out, 'Stored: 1 provider, 1 route\n');
  assert.equal((await cli('providers', 'export')).out, text);

  const changed = JSON.parse(text);
  changed.providers[0].max_concurrent = '99';
  changed.routes[0].targets = 'nobody:m';
  await writeFile(file, JSON.stringify(changed));
  await ends(2, /gpt-4\.1: targets target 1 names no provider: there are ofFile, gpu/, 'providers', 'import', file);
  assert.equal((await cli('providers', 'export')).out, text);
  await writeFile(file, '{');
  await ends(2, /providers\.json is not JSON: /, 'providers', 'import', file);
  await writeFile(file, '{"providers":[]}');
  await ends(2, /routes is missing: it must be a list of at most 2000 routes/, 'providers', 'import', file);
});

test('endpoints are listed with what runs there, drained and resumed', async t => {
  const { cli, ends, base, upstream, chat, createKey } = await arrange(t);
  await cli('providers', 'add', 'gpu', 'type=openai', `base_url=${base}`, 'models=m', 'max_concurrent=2');
  upstream.reply({ hold: true });
  const running = chat(await createKey(), { model: 'm' });
  await upstream.waitForActive(1);
  const { out } = await cli('providers', 'list');
  assert.match(out, new RegExp(`\\n +gpu +gpu +${upstream.url} +up +\\S+ \\S+ +1 +2 +0 +- +- *\\n2 providers\\n$`));
  assert.equal((await cli('providers', 'drain', 'gpu', upstream.url)).out, `Drained ${upstream.url} of gpu: drained\n`);
  assert.equal((await cli('providers', 'resume', 'gpu', upstream.url, '--json')).json.state, 'up');
  await ends(6, /has no endpoint x; it has http/, 'providers', 'drain', 'gpu', 'x');
  await ends(6, /nobody/, 'providers', 'drain', 'nobody', upstream.url);
  upstream.open();
  assert.equal((await running).status, 200);
  const listed = (await cli('providers', 'list', '--json')).json.providers[1];
  assert.deepEqual([listed.name, listed.source, listed.endpoints[0].in_use], ['gpu', 'database', 0]);
});

test('routes are added, listed, changed and removed', async t => {
  const { cli, ends } = await arrange(t);
  const added = await cli('routes', 'add', 'a name/with:all*', 'targets=ofFile:of-file', 'aliases=x, y');
  assert.match(
    added.out,
    /^a name\/with:all\* \(database\)\n[\s\S]*\n +targets +ofFile:of-file *\n[\s\S]*aliases +x, y/,
  );
  assert.match((await cli('routes', 'list')).out, /a name\/with:all\* +x, y +ofFile:of-file +- +database\n1 route\n$/);
  assert.equal((await cli('routes', 'set', 'a name/with:all*', 'aliases=')).code, 0);
  assert.deepEqual((await cli('routes', 'list', '--json')).json.routes[0].aliases, []);
  await ends(2, /give a setting to change, as KEY=VALUE/, 'routes', 'set', 'a name/with:all*');
  await ends(2, /targets target 1 names no provider: is ofFile meant\?/, 'routes', 'add', 'b', 'targets=offile:m');
  await ends(
    2,
    /spill_after_sec must be a number of seconds/,
    'routes',
    'add',
    'b',
    'targets=ofFile:m',
    'spill_after_sec=-1',
  );
  await ends(2, /unknown option '--api-key-file'/, 'routes', 'add', 'b', '--api-key-file', 'x');
  await ends(5, /already/, 'routes', 'add', 'a name/with:all*', 'targets=ofFile:m');
  await ends(6, /There is no route b\./, 'routes', 'set', 'b', 'aliases=z');
  assert.equal((await cli('routes', 'remove', 'a name/with:all*')).code, 0);
  assert.equal((await cli('routes', 'list')).out, '0 routes\n');
});

test('bad input says which word or setting is wrong, and changes nothing', async t => {
  const { cli, ends, base } = await arrange(t);
  await ends(2, /max_concurrent is not KEY=VALUE/, 'providers', 'add', 'gpu', 'max_concurrent');
  await ends(2, /type is given twice/, 'providers', 'add', 'gpu', 'type=openai', 'type=loopback');
  await ends(2, /unknown field 'seats'; allowed are name, type, /, 'providers', 'add', 'gpu', 'seats=3');
  await ends(2, /gpu: type is missing: must be openai or anthropic or loopback/, 'providers', 'add', 'gpu');
  await ends(2, /name must be a letter/, 'providers', 'add', 'a b', 'type=loopback');
  await ends(
    2,
    /max_concurrent must be a whole number from 1/,
    'providers',
    'add',
    'gpu',
    'type=loopback',
    'max_concurrent=0',
  );
  await ends(2, /gpu: base_url .*http/, 'providers', 'add', 'gpu', 'type=openai', 'base_url=ftp://x');
  await ends(
    2,
    /no credentials in the database/,
    'providers',
    'add',
    'gpu',
    'type=openai',
    `base_url=${base}`,
    'proxy=http://u:p@h:1',
  );
  await ends(2, /missing required argument 'name'/, 'providers', 'add');
  await ends(2, /give a setting to change/, 'providers', 'set', 'ofFile');
  assert.equal((await cli('providers', 'list', '--json')).json.providers.length, 1);
  const refused = JSON.parse((await cli('providers', 'show', 'gpu', '--json')).err);
  assert.deepEqual([refused.error.code, refused.exit_code], ['not_found', 6]);
});

test('only root admins may write, and Personal has no stored providers', async t => {
  const { url, admin } = await arrange(t);
  const body = { email: 'ops@b', role: 'gateway_admin' };
  const user = await admin('POST', '/admin/users', body);
  const { key } = (await admin('POST', '/admin/api-keys', { user_id: user.body.id })).body;
  const ops = (...args: string[]) => runCli([...args, '--server', url], { env: { TOKLIGENCE_ADMIN_KEY: key } });
  assert.equal((await ops('providers', 'list')).code, 0);
  assert.equal((await ops('routes', 'list')).code, 0);
  for (const args of [
    ['add', 'x'],
    ['set', 'x', 'type=openai'],
    ['remove', 'x'],
    ['show', 'x'],
    ['export'],
    ['reseal'],
    ['try'],
    ['drain', 'ofFile', 'x'],
  ])
    assert.equal((await ops('providers', ...args)).code, 4, args.join(' '));
  const personal = await startGateway(t, { ini });
  const refused = await cliOf(personal.url)('providers', 'add', 'gpu', 'type=openai');
  assert.equal(refused.code, 7);
  assert.match(refused.err, /Team edition/);
});

test('every command of providers and routes has help, and completion knows it', async () => {
  const commands = {
    providers: [
      'list',
      'show',
      'add',
      'set',
      'remove',
      'add-key',
      'remove-key',
      'reseal',
      'try',
      'export',
      'import',
      'drain',
      'resume',
    ],
    routes: ['list', 'show', 'add', 'set', 'remove'],
  };
  const scripts = await Promise.all(
    ['bash', 'zsh', 'fish'].map(async shell => (await runCli(['completion', shell])).out),
  );
  for (const [group, names] of Object.entries(commands)) {
    for (const name of names) {
      const help = await runCli([group, name, '--help']);
      assert.equal(help.code, 0);
      assert.match(help.out, new RegExp(`^Usage: gateway ${group} ${name} `));
      for (const script of scripts) assert.ok(script.includes(`${group} ${name}`), `${group} ${name}`);
    }
  }
});
