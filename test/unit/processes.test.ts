import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
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

test('the file of a shared process imports its tests, and a file alone is run as it is', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'processes-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [alone, shared = ''] = joined(folder, [['test/run.ts'], ['test/a "b".test.ts', 'test/c.test.ts']]);
  assert.equal(alone, 'test/run.ts');
  const imports = [...readFileSync(shared, 'utf8').matchAll(/^import (".+");$/gm)].map(([, url = '']) =>
    JSON.parse(url),
  );
  assert.deepEqual(
    imports,
    ['test/a "b".test.ts', 'test/c.test.ts'].map(file => pathToFileURL(resolve(file)).href),
  );
});
