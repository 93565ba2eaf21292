import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { divided, joined } from '../support/processes.ts';

const files = globSync('test/{unit,integration,e2e}/**/*.test.ts');

test('every file of tests runs in exactly one process, with files of its own kind', () => {
  const groups = divided(files);
  assert.deepEqual(groups.flat().toSorted(), files.toSorted());
  for (const group of groups) assert.equal(new Set(group.map(file => file.split(/[\\/]/)[1])).size, 1, group.join(' '));
  assert.ok(groups.length < files.length / 3, `${groups.length} processes for ${files.length} files`);
});

test('a file that asks for a process of its own has one, and so has a file from elsewhere', () => {
  const groups = divided([...files, 'test/run.ts']);
  for (const file of ['test/run.ts', 'test/integration/daemon.test.ts'])
    assert.deepEqual(
      groups.filter(group => group.includes(file)),
      [[file]],
    );
});

async function folderOf(t: TestContext, files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'processes-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** Runs the files in one process; returns its exit code and what it printed. */
async function together(t: TestContext, files: Record<string, string>) {
  const folder = await folderOf(t, files);
  const [path = ''] = joined(join(folder, 'processes'), [Object.keys(files).map(name => join(folder, name))]);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, [path], { env, encoding: 'utf8' });
  return { status, stdout };
}

const passing = `import { test } from 'node:test';\ntest('passes', () => {});\n`;

test('files that share a process all run, whatever is in their names', async t => {
  const { status, stdout } = await together(t, { 'a "b" ü.mjs': passing, 'c.mjs': passing });
  assert.match(stdout, /pass 2$/m);
  assert.equal(status, 0);
});

test('a process that ends before its tests are through has failed, also with exit code 0', async t => {
  const leaving = passing.replace('{}', '{ process.exit(0); }');
  assert.equal((await together(t, { 'a.mjs': leaving, 'b.mjs': passing })).status, 1);
});
