// The daemon as an operator runs it: a process, signals, exit codes.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminKey } from '../support/admin-key.ts';
import { type Daemon, groupLives, inFolder, settingFolder, startDaemon } from '../support/daemon.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { until } from '../support/until.ts';

const settings = ({ edition = 'personal', grace = 5, provider = 'type = loopback\nservice_ms = 1' }) => `
[gateway]
edition = ${edition}
port = 0
data_dir = "FOLDER/data"
shutdown_grace_sec = ${grace}
[auth]
admin_key = ${adminKey}
[log]
format = pretty
[provider.local]
${provider}
`;

const gatewayd = (t: TestContext, folder: string, env = {}): Daemon =>
  startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')], env);

const chat = (url: string, stream = false) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}` },
    body: JSON.stringify({ model: 'm', stream, messages: [] }),
  });

const postmasterPid = (folder: string): number => {
  const file = join(folder, 'data/postgres/cluster/postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
};
const lives = (pid: number): boolean => pid !== 0 && existsSync(`/proc/${pid}`);

test('SIGTERM through npm: exit code 0, and no process is left', async t => {
  const folder = await settingFolder(t, settings({}));
  const daemon = startDaemon(t, 'npm', ['start', '--', '--config', join(folder, 'setting.ini')]);
  const url = await daemon.ready();
  assert.equal((await chat(url)).status, 200);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  assert.equal(groupLives(daemon.pid), false);
});

test('Ctrl-C reaches the whole group, npm and daemon, and counts once', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, gated: true });
  const folder = await settingFolder(t, settings({ provider: `type = openai\nbase_url = ${upstream.url}/v1` }));
  const daemon = startDaemon(t, 'npm', ['start', '--', '--config', join(folder, 'setting.ini')]);
  const url = await daemon.ready();
  const streaming = await chat(url, true);
  process.kill(-daemon.pid, 'SIGINT');
  await daemon.said('Stopping');
  upstream.open();
  assert.match(await streaming.text(), /\[DONE\]/, 'the stream runs to its end');
  assert.equal(await daemon.exited, 0);
  assert.equal(groupLives(daemon.pid), false);
});

test('signals that end nothing, and at last the one that ends it', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const provider = `type = openai\nmax_concurrent = 1\nbase_url = ${upstream.url}/v1`;
  const ini = settings({ grace: 1, provider });
  const folder = await settingFolder(t, ini);
  const daemon = gatewayd(t, folder);
  const url = await daemon.ready();

  await t.test('none that others send by habit cuts a request or opens a debugger', async () => {
    const running = chat(url);
    await upstream.waitForActive(1);
    for (const signal of ['SIGPIPE', 'SIGWINCH', 'SIGUSR1'] as const) daemon.signal(signal);
    // The last signal by number: earlier ones have been handled by then.
    daemon.signal('SIGUSR2');
    await daemon.said('The configuration is read again');
    upstream.open();
    assert.equal((await running).status, 200);
  });

  await t.test('SIGHUP reads the file again, a faulty one too', async () => {
    const write = (sections: string) => writeFileSync(join(folder, 'setting.ini'), inFolder(ini, folder) + sections);
    const pool = async () => {
      const answer = await fetch(`${url}/admin/scheduler/pools/local`, { headers: { 'x-api-key': adminKey } });
      const { policy, source } = (await answer.json()) as any;
      return [policy, source.policy];
    };
    assert.deepEqual(await pool(), ['hybrid', 'default']);
    write('[pool.local]\npolicy = strict\n[provider.b]\ntype = loopback\n');
    daemon.signal('SIGHUP');
    await daemon.said('only a restart takes it: [provider.b]');
    assert.deepEqual(await pool(), ['strict', 'file']);

    write('[pool.local]\npolicy = fair\nreserved = 1,2\n[pool.locl]\n');
    daemon.signal('SIGHUP');
    await daemon.said('[pool.locl]: no provider has this pool: is local meant?');
    await daemon.said('[pool.local] policy: must be strict');
    await daemon.said('[pool.local] reserved: must be ten whole numbers');
    assert.deepEqual(await pool(), ['strict', 'file']);
    assert.equal((await chat(url)).status, 200);
  });

  await t.test(
    'on SIGTERM a waiting request is answered 503, and a stream that outlives the grace period ends with an error event',
    async () => {
      upstream.reply({ chunks: 2, fault: 'stall' });
      const streaming = await chat(url, true);
      const queued = chat(url);
      await until(async () => {
        const stats = await fetch(`${url}/admin/scheduler/stats`, { headers: { 'x-api-key': adminKey } });
        return ((await stats.json()) as any).pools[0].levels[7].waiting === 1;
      });
      daemon.signal('SIGTERM');
      const refused = await queued;
      assert.equal(refused.status, 503);
      assert.equal(((await refused.json()) as any).error.code, 'unavailable');
      assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
      assert.match(await streaming.text(), /data: \{"error":\{.*"code":"unavailable"/);
      assert.equal(await daemon.exited, 0);
    },
  );

  assert.match(daemon.output, /Stopped/);
  assert.doesNotMatch(daemon.output, /debugger|inspector/i);
});

test('a second signal, more than a second later, cuts the grace period short', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 1, fault: 'stall' });
  const folder = await settingFolder(
    t,
    settings({ grace: 60, provider: `type = openai\nbase_url = ${upstream.url}/v1` }),
  );
  const daemon = gatewayd(t, folder);
  const url = await daemon.ready();
  const streaming = await chat(url, true);
  daemon.signal('SIGTERM');
  await daemon.said('Stopping');
  const start = performance.now();
  await until(() => performance.now() - start > 1100);
  daemon.signal('SIGTERM');
  assert.match(await streaming.text(), /"code":"unavailable"/);
  assert.equal(await daemon.exited, 0);
});

test('signals that come while the daemon is being loaded do not end it either', async t => {
  const folder = await settingFolder(t, settings({}));
  const sendWhenLoading = `
    import { registerHooks } from 'node:module';
    registerHooks({
      load(url, context, next) {
        if (url.endsWith('/src/app.ts'))
          for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.kill(process.pid, signal);
        return next(url, context);
      },
    });`;
  const preloaded = `--import=data:text/javascript,${encodeURIComponent(sendWhenLoading)}`;
  const daemon = gatewayd(t, folder, { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${preloaded}` });
  assert.equal((await chat(await daemon.ready())).status, 200);
  // Which another supervisor sends to end it.
  daemon.signal('SIGQUIT');
  assert.equal(await daemon.exited, 0);
  assert.match(daemon.output, /Stopped/);
  assert.doesNotMatch(daemon.output, /debugger|inspector/i);
});

test('a configuration that came through a pipe is not read again, and SIGHUP stops no request', async t => {
  const folder = await settingFolder(t, settings({}));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', pipe]);
  await writeFile(pipe, readFileSync(join(folder, 'setting.ini')));
  const url = await daemon.ready();
  daemon.signal('SIGHUP');
  await daemon.said('it is a pipe or a device, which is read at the start only');
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
});

test('faults of the configuration are told all at once, and the exit code is 2', async t => {
  const folder = await settingFolder(t, '[gateway]\nport = 70000\nhots = ::1\n[scheduler]\npolicy = fair\n');
  const daemon = gatewayd(t, folder);
  assert.equal(await daemon.exited, 2);
  for (const named of ['port', 'hots', 'host', 'policy', 'strict', 'provider']) {
    assert.ok(daemon.output.includes(named), `${named} in: ${daemon.output}`);
  }
  const missing = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'none.ini')]);
  assert.equal(await missing.exited, 2);
  assert.match(missing.output, /none\.ini/);
  const wrong = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--confg', 'x']);
  assert.equal(await wrong.exited, 2);
  assert.match(wrong.output, /--confg/);
});

test('without admin_key a key is drawn, printed once and works', async t => {
  const folder = await settingFolder(t, settings({}).replace(`admin_key = ${adminKey}`, ''));
  const first = gatewayd(t, folder);
  const url = await first.ready();
  const key = /(tok_[\w-]{43})/.exec(await first.said(/tok_[\w-]{43}/))?.[1];
  const users = await fetch(`${url}/admin/users`, { headers: { 'x-api-key': key ?? '' } });
  assert.equal(((await users.json()) as any).users[0].email, 'admin@local');
  first.signal('SIGTERM');
  assert.equal(await first.exited, 0);
  const second = gatewayd(t, folder);
  await second.said('Ready');
  assert.doesNotMatch(second.output, /tok_/);
  second.signal('SIGTERM');
  assert.equal(await second.exited, 0);
});

test('the embedded PostgreSQL, in a folder of ours alone, outlives a gateway that is killed, and no other', async t => {
  const folder = await settingFolder(t, settings({ edition: 'team' }));
  const killed = gatewayd(t, folder);
  assert.equal((await chat(await killed.ready())).status, 200);
  const orphan = postmasterPid(folder);
  assert.ok(lives(orphan));
  killed.signal('SIGKILL');
  await killed.exited;
  assert.ok(lives(orphan), 'the database outlives its gateway');

  const next = gatewayd(t, folder);
  assert.equal((await chat(await next.ready())).status, 200);
  assert.equal(postmasterPid(folder), orphan, 'and is adopted');
  next.signal('SIGTERM');
  assert.equal(await next.exited, 0);
  // Its pid file is gone by now; the process itself takes a moment more to end.
  await until(() => !lives(orphan));

  await t.test('a port that is taken is told in one sentence, and the database does not stay behind', async t => {
    const upstream = await startFakeUpstream(t);
    const daemon = gatewayd(t, folder, { TOKLIGENCE_GATEWAY_PORT: new URL(upstream.url).port });
    assert.equal(await daemon.exited, 1);
    assert.match(daemon.output, /EADDRINUSE/);
    assert.equal(postmasterPid(folder), 0);
  });
});
