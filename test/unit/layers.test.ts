// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';

type Files = Record<string, string>;

/** Runs a check of the project over a small tree with these files, path → content. */
function run(
  t: TestContext,
  files: Files,
  { program, args, settings }: Check,
): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'layers-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  for (const file of [settings, 'tsconfig.json', 'package.json']) copyFileSync(file, join(folder, file));
  const command = [resolve('node_modules/.bin', program), ...args, '--config', settings];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

interface Check {
  readonly program: string;
  readonly args: readonly string[];
  readonly settings: string;
}

const check = (t: TestContext, files: Files) =>
  run(t, files, { program: 'depcruise', args: ['src'], settings: '.dependency-cruiser.js' });

const tree = {
  'src/app.ts': "import './http/server.ts';\nimport './scheduler/scheduler.ts';\n",
  'src/http/server.ts': "import '../domain/errors.ts';\n",
  'src/domain/errors.ts': 'export const errors = {};\n',
  'src/scheduler/scheduler.ts': "import '../domain/errors.ts';\n",
};

test('the layer check reads TypeScript and lets a sound tree pass', t => {
  const { status, output } = check(t, tree);
  assert.equal(status, 0, output);
  assert.match(output, /4 modules/);
});

test('the layer check names each planted import and its rule', t => {
  const planted: Record<string, readonly [content: string, rule: string]> = {
    'src/domain/errors.ts': ["import '../http/server.ts';\nexport const errors = {};\n", 'domain-imports-nothing'],
    'src/http/server.ts': ["import '../scheduler/scheduler.ts';\n", 'only-the-desk-meets-the-scheduler'],
    'src/gateway/pool/dispatcher.ts': ["import './seating.ts';\n", 'carriers-of-requests-know-any-desk'],
    'src/gateway/pool/pool-desk.ts': ["import './pool-ticket.ts';\n", 'the-desk-knows-any-guest'],
    'src/scheduler/scheduler.ts': ["import 'node:fs';\n", 'pure-core'],
    'src/priority/matching/matcher.ts': ["import 'node:fs';\n", 'pure-core'],
    'src/priority/rows/settings.ts': ["import '../serving/mapper.ts';\n", 'priority-rows-is-below-serving'],
    'src/history/history.ts': ["import '../priority/priority.ts';\n", 'features-do-not-know-each-other'],
    'src/priority/priority.ts': ["import '../schedules/windows.ts';\n", 'schedules-by-the-front-door'],
    'src/fleet/link/link.ts': ["import '../fleet-store.ts';\n", 'the-link-carries-messages-only'],
    'src/fleet/fleet.ts': ["import '../gateway/gateway.ts';\n", 'fleet-stands-beside-the-features'],
    'src/observed/wait-window.ts': ["import '../app.ts';\n", 'infrastructure-knows-no-feature'],
    'src/telemetry/telemetry.ts': ["import './tracing/tracing.ts';\n", 'traces-are-loaded-on-demand'],
    'src/cli/gateway/users.ts': ["import '../../http/server.ts';\n", 'commands-know-only-the-contract'],
    'src/cli/gateway/keys.ts': ["import '../../http/admin/contract/contract.ts';\n", 'commands-import-types-only'],
  };
  const imported = {
    'src/fleet/fleet-store.ts': '',
    'src/gateway/gateway.ts': '',
    'src/priority/serving/mapper.ts': '',
    'src/schedules/windows.ts': '',
    'src/telemetry/tracing/tracing.ts': '',
    'src/gateway/pool/seating.ts': '',
    'src/gateway/pool/pool-ticket.ts': '',
    'src/http/admin/contract/contract.ts': 'export const user = {};\n',
  };
  const sources = Object.fromEntries(Object.entries(planted).map(([path, [content]]) => [path, content]));
  const { status, output } = check(t, { ...tree, ...imported, ...sources });
  assert.notEqual(status, 0);
  for (const [path, [, rule]] of Object.entries(planted))
    assert.ok(output.includes(`${rule}: ${path}`), `${rule}: ${path}\n${output}`);
});

/** Members of a ServerResponse that write an answer, end it, or tell how far it is. */
const answering =
  /\bres\.(writeHead|setHeader|flushHeaders|write|end|destroy|destroyed|headersSent|statusCode|writable\w*)\b/g;

test('only the sink writes the answers of model routes, and the upstreams know no response of node:http', () => {
  const onTheWay = globSync(['src/gateway/**/*.ts', 'src/upstreams/**/*.ts', 'src/http/model-routes.ts']);
  assert.ok(onTheWay.length > 50, `${onTheWay.length} files`);
  const writers = onTheWay.filter(path => readFileSync(path, 'utf8').replaceAll('#', '').search(answering) >= 0);
  assert.deepEqual(writers, ['src/gateway/client-sink.ts']);
  const upstreams = onTheWay.filter(path => path.startsWith('src/upstreams/'));
  assert.deepEqual(
    upstreams.filter(path => readFileSync(path, 'utf8').includes('ServerResponse')),
    [],
  );
});

test('an export that nobody imports is found', t => {
  const knip = { program: 'knip', args: ['--no-config-hints'], settings: 'knip.jsonc' };
  const files = {
    'src/gatewayd.ts': "import { used } from './domain/errors.ts';\nused();\n",
    'src/domain/errors.ts': 'export const used = () => {};\n',
  };
  assert.deepEqual(run(t, files, knip), { status: 0, output: '' });
  const planted = { ...files, 'src/domain/errors.ts': `${files['src/domain/errors.ts']}export const unused = 1;\n` };
  const { status, output } = run(t, planted, knip);
  assert.equal(status, 1, output);
  assert.match(output, /unused/);
});
