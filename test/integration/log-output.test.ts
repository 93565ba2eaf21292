// The output of the log, and what happens when it is not read: a daemon whose reader stops, files that are moved,
// deleted, or full.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openLogFile } from '../../src/telemetry/log/log-outlet.ts';
import { adminKey } from '../support/admin-key.ts';
import { settingFolder, startDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const unix = { skip: process.platform === 'win32' };

const settings = (log: string, port = 0) => `
[gateway]
port = ${port}
data_dir = "FOLDER/data"
shutdown_grace_sec = 1
[auth]
admin_key = ${adminKey}
[log]
format = json
${log}
[provider.local]
type = loopback
service_ms = 1
`;

const gatewayd = (t: TestContext, folder: string) =>
  startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);

/** A daemon whose standard output only `read` reads. */
const startUnread = (t: TestContext, folder: string) => {
  const args = ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', more => {
    text += more;
  });
  const readUntil = async (isEnough: (text: string) => boolean) => {
    child.stdout.resume();
    await until(() => isEnough(text));
    child.stdout.pause();
    return text;
  };
  return { child, exited, readUntil };
};

const urlIn = (text: string) => /Listening on (http:[\w.:/]+)/.exec(text)?.[1] ?? '';

/** Sends this many requests with unknown keys, 200 at a time. */
const knock = async (url: string, count: number) => {
  const { hostname, port } = new URL(url);
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\nx-request-id: ${'r'.repeat(128)}`;
  const request = `${head}\r\ncontent-length: 0\r\n\r\n`;
  for (let left = count; left > 0; left -= 200) {
    const socket = connect(Number(port), hostname);
    let answers = 0;
    socket.on('data', text => {
      answers += String(text).split('HTTP/1.1 401').length - 1;
      if (answers >= 200) socket.destroy();
    });
    socket.write(request.repeat(200));
    await once(socket, 'close');
    assert.equal(answers, 200);
  }
};

const droppedOf = async (url: string) =>
  Number(/^tokligence_log_lines_dropped_total (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1]);

const isRequest = (line: string) => line.includes('"outcome":"invalid_api_key"');
const isGap = (line: string) => /"level":"warn".*"msg":"Log: \d+ lines were dropped since /.test(line);

test('a reader that stands still gets 8 MiB when it goes on, whole lines and how many are missing', unix, async t => {
  const folder = await settingFolder(t, settings(''));
  const { child, exited, readUntil } = startUnread(t, folder);
  const url = urlIn(await readUntil(text => text.includes('Ready')));
  const knocks = 24_000;
  await knock(url, knocks);
  const dropped = await droppedOf(url);
  assert.ok(dropped > 0);
  const text = await readUntil(text => isGap(text));
  await knock(url, 200);
  child.kill('SIGTERM');
  const all = await readUntil(text => text.includes('Stopped'));
  assert.deepEqual(await exited, { code: 0, signal: null });
  const held = text.length;
  // 7 MiB of it are for ordinary lines; the buffers of pipes and sockets between two processes come on top.
  assert.ok(held > 6 * 2 ** 20 && held < 9 * 2 ** 20, `${held} bytes were kept`);
  const lines = all.trimEnd().split('\n');
  for (const line of lines) JSON.parse(line);
  const gaps = lines.filter(isGap).map(line => Number(/Log: (\d+) lines/.exec(line)?.[1]));
  assert.deepEqual(gaps, [dropped]);
  assert.equal(lines.filter(isRequest).length + dropped, knocks + 200);
});

test('SIGTERM ends a daemon whose log nobody reads', unix, async t => {
  const folder = await settingFolder(t, settings(''));
  const { child, exited, readUntil } = startUnread(t, folder);
  const url = urlIn(await readUntil(text => text.includes('Ready')));
  await knock(url, 2_000);
  const start = performance.now();
  child.kill('SIGTERM');
  assert.deepEqual(await exited, { code: 0, signal: null });
  assert.ok(performance.now() - start < 10_000);
});

const hasScript = (() => {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return process.platform === 'linux';
  } catch {
    return false;
  }
})();

/** Returns the child of this process. */
const childOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);

test('a terminal that is stopped stops no request', {
  skip: hasScript ? false : 'needs script of util-linux, which makes a terminal',
}, async t => {
  const folder = await settingFolder(t, settings(''));
  const command = `exec ${process.execPath} src/gatewayd.ts --config ${join(folder, 'setting.ini')}`;
  const daemon = startDaemon(t, 'script', ['-qefc', command, '/dev/null']);
  const url = urlIn(await daemon.said('"Ready"'));
  const gateway = childOf(daemon.pid);
  t.after(() => {
    if (existsSync(`/proc/${gateway}`)) process.kill(gateway, 'SIGKILL');
  });
  // It no longer reads the terminal, as after Ctrl-S.
  process.kill(daemon.pid, 'SIGSTOP');
  await knock(url, 2_000);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  process.kill(gateway, 'SIGTERM');
  await until(() => !existsSync(`/proc/${gateway}`) || / Z /.test(readFileSync(`/proc/${gateway}/stat`, 'utf8')));
  process.kill(daemon.pid, 'SIGCONT');
});

const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []);

const startInto = (t: TestContext, folder: string) => {
  const file = join(folder, 'logs', 'gateway.log');
  const said = (text: string, where = file) => until(() => linesOf(where).some(line => line.includes(text)));
  return { folder, file, daemon: gatewayd(t, folder), said };
};

const startWithFile = async (t: TestContext, prepare: (folder: string) => void = () => {}) => {
  const folder = await settingFolder(t, settings('file = FOLDER/logs/gateway.log'));
  mkdirSync(join(folder, 'logs'));
  prepare(folder);
  return startInto(t, folder);
};

test('a file is written by us alone, and begun anew when a signal says so', unix, async t => {
  const { folder, file, daemon, said } = await startWithFile(t, folder => {
    writeFileSync(join(folder, 'logs', 'gateway.log'), '{"of":"yesterday"}\n', { mode: 0o640 });
  });
  await said('"Ready"');
  const url = urlIn(readFileSync(file, 'utf8'));
  const setting = join(folder, 'setting.ini');

  await t.test('it begins where the file ends, and the mode that somebody chose stays', () => {
    assert.equal(linesOf(file)[0], '{"of":"yesterday"}');
    assert.equal(statSync(file).mode & 0o777, 0o640);
  });

  await t.test('after a rename, and after a deletion, SIGHUP begins a new file that only its owner reads', async () => {
    renameSync(file, `${file}.1`);
    await knock(url, 200);
    await until(() => linesOf(`${file}.1`).filter(isRequest).length === 200);
    assert.equal(existsSync(file), false);
    daemon.signal('SIGHUP');
    await said('the file is opened anew');
    await said('The configuration is read again');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await knock(url, 200);
    rmSync(file);
    daemon.signal('SIGHUP');
    await said('the file is opened anew');
    assert.equal(linesOf(`${file}.1`).filter(isRequest).length, 200);
  });

  await t.test('another file takes a restart, and SIGHUP says so', async () => {
    writeFileSync(setting, settings('file = FOLDER/other.log').replaceAll('FOLDER', folder));
    daemon.signal('SIGHUP');
    await said('only a restart takes it: [log] file');
    assert.ok(existsSync(file) && !existsSync(join(folder, 'other.log')));
  });

  await t.test('a faulty configuration is no reason to write to a deleted file', async () => {
    rmSync(file);
    writeFileSync(setting, 'nonsense');
    daemon.signal('SIGHUP');
    await said('the file is opened anew');
  });

  await t.test('SIGUSR1 begins a new file, too, and reads no configuration', async () => {
    renameSync(file, `${file}.2`);
    daemon.signal('SIGUSR1');
    await said('the file is opened anew');
    daemon.signal('SIGTERM');
    assert.equal(await daemon.exited, 0);
    for (const path of [`${file}.2`, file]) assert.doesNotMatch(readFileSync(path, 'utf8'), /The configuration/);
    assert.match(linesOf(file).at(-1) ?? '', /"Stopped"/);
  });

  assert.equal(daemon.output, '', 'nothing of it is on standard output');
});

test('where no new file is to be had the old one goes on, and standard error tells', unix, async t => {
  const { folder, file, daemon, said } = await startWithFile(t);
  await said('"Ready"');
  renameSync(file, `${file}.1`);
  mkdirSync(file);
  daemon.signal('SIGHUP');
  await daemon.said(/Log: what was written to before goes on: .*gateway\.log cannot be opened: it is a folder/);
  await said('it is a folder', `${file}.1`);
  rmSync(file, { recursive: true });
  // The folder no longer exists.
  renameSync(join(folder, 'logs'), join(folder, 'gone'));
  daemon.signal('SIGHUP');
  await daemon.said('its folder does not exist');
  assert.equal(
    (await fetch(`${urlIn(readFileSync(join(folder, 'gone', 'gateway.log.1'), 'utf8'))}/healthz`)).status,
    200,
  );
});

test('a file that cannot be opened is a fault of the configuration: exit code 2, and the reason', unix, async t => {
  const folder = await settingFolder(t, settings('file = FOLDER/none/gateway.log'));
  const daemon = gatewayd(t, folder);
  assert.equal(await daemon.exited, 2);
  assert.match(daemon.output, /\[log\] file: .*gateway\.log cannot be opened: its folder does not exist/);
  writeFileSync(join(folder, 'setting.ini'), settings('access_file = FOLDER/none/a.log').replaceAll('FOLDER', folder));
  const other = gatewayd(t, folder);
  assert.equal(await other.exited, 2);
  assert.match(other.output, /\[log\] access_file: .*a\.log cannot be opened: its folder does not exist/);
  assert.ok(!existsSync(join(folder, 'data')), 'nothing else was started');
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const reasons = {
    [folder]: 'it is a folder',
    [join(folder, 'setting.ini', 'gateway.log')]: 'a part of its path is no folder',
    [join(folder, 'pipe')]: 'it is a pipe that nobody reads, or a socket',
  };
  for (const [path, reason] of Object.entries(reasons)) {
    assert.throws(() => openLogFile(path), { name: 'LogFileFault', message: `${path} cannot be opened: ${reason}` });
  }
});

test('both files of the log may not be one, whatever it is called', unix, async t => {
  const folder = await settingFolder(t, '');
  const started = async (log: string) => {
    writeFileSync(join(folder, 'setting.ini'), settings(log).replaceAll('FOLDER', folder));
    const daemon = gatewayd(t, folder);
    assert.equal(await daemon.exited, 2);
    return daemon.output;
  };
  const refusal = /\[log\] access_file: .* cannot be opened: all other lines go there, too/;
  writeFileSync(join(folder, 'a.log'), '');
  symlinkSync('a.log', join(folder, 'by-name.log'));
  linkSync(join(folder, 'a.log'), join(folder, 'by-link.log'));
  for (const name of ['by-name', 'by-link'])
    assert.match(await started(`file = FOLDER/a.log\naccess_file = FOLDER/${name}.log`), refusal);
  writeFileSync(join(folder, 'setting.ini'), settings('access_file = /dev/stdout').replaceAll('FOLDER', folder));
  const piped = '"$0" src/gatewayd.ts --config "$1" 2>&1 | cat';
  assert.match(
    execFileSync('sh', ['-c', piped, process.execPath, join(folder, 'setting.ini')], { encoding: 'utf8' }),
    refusal,
  );
});

test('a FIFO is written without waiting for its reader', unix, async t => {
  const folder = await settingFolder(t, settings('file = FOLDER/pipe'));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  t.after(() => closeSync(fd));
  const daemon = gatewayd(t, folder);
  let text = '';
  const read = () => {
    const bytes = Buffer.alloc(1 << 16);
    try {
      text += bytes.toString('latin1', 0, readSync(fd, bytes));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
    return text;
  };
  await until(() => read().includes('"Ready"'));
  const url = urlIn(text);
  await knock(url, 2_000);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  await until(() => read().split('\n').filter(isRequest).length === 2_000);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
});

test('lines of requests have a file of their own, and SIGUSR1 begins both anew', unix, async t => {
  const keys = [
    'file = FOLDER/logs/gateway.log',
    'access_file = FOLDER/logs/access.log',
    'access_sample = not_found:0',
  ];
  const folder = await settingFolder(t, settings(keys.join('\n')).replace('format = json', 'format = pretty'));
  mkdirSync(join(folder, 'logs'));
  const { file, daemon, said } = startInto(t, folder);
  const access = join(folder, 'logs', 'access.log');
  await said('Ready');
  const url = urlIn(readFileSync(file, 'utf8'));
  assert.equal(statSync(access).mode & 0o777, 0o600);
  await fetch(`${url}/v1/nothing`);
  await knock(url, 200);
  await until(() => linesOf(access).length === 200);
  for (const line of linesOf(access)) assert.equal(JSON.parse(line).outcome, 'invalid_api_key');
  for (const path of [file, access]) renameSync(path, `${path}.1`);
  daemon.signal('SIGUSR1');
  await said('the file is opened anew');
  await said('the access_file is opened anew');
  await knock(url, 200);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  assert.deepEqual([linesOf(`${access}.1`).length, linesOf(access).length], [200, 200]);
  for (const path of [file, `${file}.1`]) {
    assert.doesNotMatch(readFileSync(path, 'utf8'), /invalid_api_key|not_found/);
  }
});

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
};

const isReady = (url: string) =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  );

test('a disk that is full stops nothing; what it could not take is written once there is another', unix, async t => {
  if (!existsSync('/dev/full')) return t.skip('there is no /dev/full here');
  const port = await freePort();
  const { file, daemon, said } = await startWithFile(t, folder => {
    symlinkSync('/dev/full', join(folder, 'logs', 'gateway.log'));
    writeFileSync(
      join(folder, 'setting.ini'),
      settings('file = FOLDER/logs/gateway.log', port).replaceAll('FOLDER', folder),
    );
  });
  const url = `http://127.0.0.1:${port}`;
  await until(() => isReady(url));
  await knock(url, 400);
  rmSync(file);
  daemon.signal('SIGHUP');
  await said('the file is opened anew');
  await until(() => linesOf(file).filter(isRequest).length === 400);
  assert.ok(
    linesOf(file).some(line => line.includes('Listening on')),
    'from the first line on',
  );
});

/** A file system of 4 MiB; null if mounting is not permitted. */
const smallDisk = (folder: string): Disposable | null => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' });
    return { [Symbol.dispose]: () => void execFileSync('umount', ['-l', folder]) };
  } catch {
    return null;
  }
};

const fill = (file: string) => {
  try {
    writeFileSync(file, Buffer.alloc(4 * 2 ** 20));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
};

test('a file on a full disk goes on by itself as soon as there is room, with whole lines', unix, async t => {
  const folder = await settingFolder(t, settings('file = FOLDER/logs/gateway.log'));
  mkdirSync(join(folder, 'logs'));
  using disk = smallDisk(join(folder, 'logs'));
  if (disk === null) return t.skip('mounting a small disk is not permitted here');
  const { daemon, file, said } = startInto(t, folder);
  await said('"Ready"');
  const url = urlIn(readFileSync(file, 'utf8'));
  fill(`${file}.filling`);
  await knock(url, 1_000);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.ok(linesOf(file).filter(isRequest).length < 100);
  rmSync(`${file}.filling`);
  await until(() => linesOf(file).filter(isRequest).length === 1_000);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  for (const line of linesOf(file)) JSON.parse(line);
  assert.match(linesOf(file).at(-1) ?? '', /"Stopped"/);
});

test('SIGTERM ends a daemon whose disk is full', unix, async t => {
  if (!existsSync('/dev/full')) return t.skip('there is no /dev/full here');
  const port = await freePort();
  const folder = await settingFolder(t, settings('file = /dev/full', port));
  const daemon = gatewayd(t, folder);
  await until(() => isReady(`http://127.0.0.1:${port}`));
  const start = performance.now();
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  assert.ok(performance.now() - start < 5_000);
});

test('a file system that hangs does not keep a process that has stopped', unix, async t => {
  const folder = await settingFolder(t, '');
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  t.after(() => closeSync(fd));
  const room = (name: string) => JSON.stringify(new URL(`../../src/telemetry/log/${name}`, import.meta.url).href);
  // A blocking descriptor replaces the file system: a thread of the pool never returns from it.
  const code = `
    const { LineBuffer } = await import(${room('line-buffer.ts')});
    const { LogWriter } = await import(${room('log-writer.ts')});
    const { pooledOutlet } = await import(${room('log-outlet.ts')});
    const { openSync } = await import('node:fs');
    const buffer = new LineBuffer({ gapLine: () => '', date: () => new Date() });
    const writer = new LogWriter({ buffer, outlet: pooledOutlet(openSync(${JSON.stringify(pipe)}, 'w')) });
    writer.writeAtExit();
    for (let i = 0; i < 1_000; i++) buffer.append('x'.repeat(1_000), false);
    await writer.close();
    process.exit(0);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' });
  t.after(() => child.kill('SIGKILL'));
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGKILL');
});
