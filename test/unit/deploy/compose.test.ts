// The files of compose, of HAProxy and of systemd.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { DCLinter } from 'dclint';
import { parse } from 'yaml';
import { loadConfig } from '../../../src/config/config-loader.ts';
import { withoutHaproxy } from '../../support/haproxy.ts';

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}
interface Service {
  readonly volumes?: readonly string[];
  readonly secrets: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stop_grace_period: string;
}
const compose = parse(readFileSync('deploy/compose.yaml', 'utf8'), { merge: true }) as Compose;

interface LintMessage {
  readonly type: 'error' | 'warning';
  readonly message: string;
}

/** Against the schema of compose; what is a matter of style is a warning. */
const errorsIn = (file: string): string[] => {
  const found: readonly { readonly messages: readonly LintMessage[] }[] = new DCLinter({
    quiet: true,
    rules: {},
  }).lintFiles([file], false);
  return found.flatMap(({ messages }) => messages.filter(({ type }) => type === 'error').map(({ message }) => message));
};

/** What is made by hand, as docs/deploy.md says. */
const isSecret = (path: string) => path.startsWith('./secrets/');

test('compose.yaml has the schema of compose, and what it mounts is there', () => {
  assert.deepEqual(errorsIn('deploy/compose.yaml'), []);
  for (const { volumes = [] } of Object.values(compose.services))
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) assert.ok(existsSync(join('deploy', source)), source);
      else assert.ok(source in compose.volumes, source);
    }
  for (const { file } of Object.values(compose.secrets)) assert.ok(isSecret(file), file);
  assert.match(readFileSync('.gitignore', 'utf8'), /^deploy\/secrets\/$/m);
});

test('a mistake in such a file is found', t => {
  const folder = mkdtempSync(join(tmpdir(), 'compose-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'compose.yaml');
  writeFileSync(file, readFileSync('deploy/compose.yaml', 'utf8').replace('read_only: true', 'read_onyl: true'));
  assert.match(errorsIn(file).join(), /read_onyl|additional/);
});

test('the gateways of compose start with their settings, and have the time that a stop takes', () => {
  for (const name of ['gateway-1', 'gateway-2']) {
    const { environment, stop_grace_period, secrets } = compose.services[name] ?? assert.fail(name);
    const files = Object.entries(environment).filter(([, value]) => value.startsWith('/run/secrets/'));
    assert.deepEqual(files.map(([, path]) => path.slice('/run/secrets/'.length)).toSorted(), secrets.toSorted());
    const env = Object.fromEntries(Object.entries(environment).filter(([key]) => !key.endsWith('_FILE')));
    const text = readFileSync('deploy/compose/setting.ini', 'utf8');
    const { config, warnings } = loadConfig({ file: null, text, env, isTerminal: false });
    assert.deepEqual(warnings, []);
    assert.equal(config.gateway.name, name);
    const neededMs = config.gateway.shutdownDelayMs + config.gateway.shutdownGraceMs + 5_000;
    assert.ok(1_000 * Number.parseInt(stop_grace_period, 10) >= neededMs);
  }
});

test('HAProxy takes its file', { skip: withoutHaproxy }, () => {
  const { status, stderr } = spawnSync('haproxy', ['-c', '-f', 'deploy/compose/haproxy.cfg'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  assert.equal(status, 0, stderr);
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

test('systemd takes the unit, and rates it as well closed', { skip: !hasSystemd && 'no systemd-analyze here' }, t => {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'tokligence-gateway.service');
  // The program is where the package is installed.
  writeFileSync(
    file,
    readFileSync('deploy/systemd/tokligence-gateway.service', 'utf8').replace(
      /^ExecStart=\S+/m,
      `ExecStart=${resolve('bin/gatewayd.js')}`,
    ),
  );
  const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
  const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' });
  const rating = Number(/Overall exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]);
  assert.ok(rating < 2, `an exposure of ${rating} of 10`);
});
