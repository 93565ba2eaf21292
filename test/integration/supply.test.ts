// The gateway's packages: the allowed licences, and the document that lists all shipped ones.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { faultsOf } from '../../supply/licence-rules.ts';

const run = (program: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise(resolve => {
    execFile(process.execPath, [`supply/${program}.ts`, ...args], (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });

const folder = (t: TestContext, files: Record<string, unknown> = {}): string => {
  const path = mkdtempSync(join(tmpdir(), 'supply-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), JSON.stringify(content));
  }
  return path;
};

/** Returns the faults of a package with this licence. */
const judged = (licence: unknown, isShipped = true) => {
  const declared = licence === undefined ? [] : [licence];
  const faults = faultsOf([
    { name: 'a', version: '1.0.0', path: 'node_modules/a', isShipped, integrity: null, declared },
  ]);
  return faults[0] ?? null;
};

test('expressions are read as SPDX means them', () => {
  for (const good of ['MIT', '(MIT OR GPL-3.0-only)', 'MIT AND ISC', '(MIT AND (GPL-2.0-only OR ISC))'])
    assert.equal(judged(good), null, good);
  for (const bad of [
    'GPL-3.0-only',
    'MIT AND GPL-3.0-only',
    'Apache-2.0+',
    'Apache-2.0 WITH LLVM-exception',
    'MPL-2.0',
  ])
    assert.match(judged(bad) ?? '', /^a@1\.0\.0 \(shipped\) has the licence .*, which is not on its list$/, bad);
});

test('a tool may ask for more than what is shipped, but not for anything', () => {
  assert.equal(judged('MPL-2.0', false), null);
  assert.match(judged('AGPL-3.0-or-later', false) ?? '', /^a@1\.0\.0 \(a tool\) has the licence AGPL-3\.0-or-later/);
});

test('a package whose licence is missing or unreadable is named', () => {
  assert.equal(judged(undefined), 'a@1.0.0 (shipped) declares no licence');
  const unreadable = ['UNLICENSED', 'SEE LICENSE IN LICENSE.txt', 'mit', 'MIT/X11', '', null, { type: 'MIT' }, ['MIT']];
  for (const text of unreadable)
    assert.equal(judged(text), `a@1.0.0 (shipped) declares ${JSON.stringify(text)}, which is no SPDX expression`);
});

const lock = (packages: Record<string, object>) => ({
  lockfileVersion: 3,
  packages: { '': { name: 'gateway' }, ...packages },
});
const built = 'ui/dist/.vite/licences.json';

test('the check fails with a sentence for each package, whoever says the licence', async t => {
  const path = folder(t, {
    'package-lock.json': lock({
      'node_modules/good': { version: '1.0.0', license: 'MIT' },
      'node_modules/good/node_modules/inner': { version: '2.0.0', license: 'GPL-2.0-only', optional: true },
      'node_modules/@scope/changed': { version: '3.0.0', license: 'MIT' },
      'node_modules/tool': { version: '4.0.0', license: 'MPL-2.0', dev: true },
      'node_modules/in-console': { version: '5.0.0', license: 'MPL-2.0', dev: true },
      'node_modules/of-ours': { resolved: 'of-ours', link: true },
    }),
    'node_modules/@scope/changed/package.json': { license: 'SSPL-1.0' },
    [built]: [{ name: 'in-console', version: '5.0.0' }],
  });
  const { code, err } = await run('licences', path);
  assert.equal(code, 1);
  assert.deepEqual(
    err
      .trim()
      .split('\n')
      .map(line => line.replace(/, which.*/, '')),
    [
      'licences: inner@2.0.0 (shipped) has the licence GPL-2.0-only',
      'licences: @scope/changed@3.0.0 (shipped) has the licence SSPL-1.0',
      'licences: in-console@5.0.0 (shipped) has the licence MPL-2.0',
    ],
  );
});

test('without a build of the console that fits, or without any package, the check fails too', async t => {
  const unbuilt = await run('licences', folder(t, { 'package-lock.json': lock({}) }));
  assert.deepEqual(
    [unbuilt.code, /^licences: .*licences\.json cannot be read.*node ui\/build\.js\n$/.test(unbuilt.err)],
    [1, true],
  );
  const old = {
    'package-lock.json': lock({ 'node_modules/a': { version: '2.0.0', dev: true } }),
    [built]: [{ name: 'a', version: '1.0.0' }],
  };
  const outdated = await run('licences', folder(t, old));
  assert.deepEqual(
    [
      outdated.code,
      /^licences: the console was built with a@1\.0\.0, which .*node ui\/build\.js\n$/.test(outdated.err),
    ],
    [1, true],
  );
  const empty = await run('licences', folder(t, { 'package-lock.json': lock({}), [built]: [] }));
  assert.deepEqual([empty.code, /ships no package/.test(empty.err)], [1, true]);
});

test('all that is used here is allowed', async () => {
  const { code, out, err } = await run('licences');
  assert.equal(code, 0, err);
  assert.match(out, /^licences: looked at \d{3} packages that are shipped and \d{2,} tools\n$/);
});

test('the bill of materials names what runs and what the console takes in, for every platform, and no tool', async t => {
  const file = join(folder(t), 'new', 'sbom.cdx.json');
  const { code, err } = await run('sbom', file);
  assert.equal(code, 0, err);
  const bill = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual([bill.bomFormat, bill.specVersion], ['CycloneDX', '1.6']);
  assert.equal(bill.metadata.component.name, 'tokligence-gateway');
  assert.ok(Date.parse(bill.metadata.timestamp) > 0);
  const named = new Map<string, any>(
    bill.components.map((each: any) => [[each.group, each.name].filter(Boolean).join('/'), each]),
  );
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies }))
    assert.equal(named.get(name)?.version, version, name);
  for (const name of ['react', '@mantine/core', 'pg-types']) assert.ok(named.has(name), name);
  for (const name of ['vite', 'typescript', '@biomejs/biome', 'libxmljs2']) assert.ok(!named.has(name), name);
  for (const each of bill.components) assert.match(each.hashes[0].content, /^[0-9a-f]{128}$/, each.name);
  const refs = new Set([bill.metadata.component['bom-ref'], ...bill.components.map((each: any) => each['bom-ref'])]);
  for (const { ref, dependsOn } of bill.dependencies)
    for (const each of [ref, ...dependsOn]) assert.ok(refs.has(each), each);
});
