// `npm test` itself, if the account that has to run PostgreSQL does not reach the checkout.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { folderForNobody, installCopy, isRoot, root } from '../support/accounts.ts';

test('root who may not make user namespaces tests a checkout that only root may enter', async t => {
  if (!isRoot) return t.skip('needs root on Linux');
  const place = await folderForNobody();
  if ('reason' in place) return t.skip(place.reason);
  const { folder } = place;
  t.after(() => rm(folder, { recursive: true, force: true }));
  const checkout = join(folder, 'checkout');
  await mkdir(checkout);
  const node = installCopy(checkout);
  for (const path of ['test', 'package-lock.json'])
    await cp(join(root, path), join(checkout, path), { recursive: true });
  await chmod(checkout, 0o700);
  const refusing = join(folder, 'unshare');
  await writeFile(refusing, '#!/bin/sh\nexit 1\n');
  await chmod(refusing, 0o755);

  const { NODE_TEST_CONTEXT: _, TOKLIGENCE_TEST_POSTGRES_URL: _url, ...env } = process.env;
  const said = await promisify(execFile)(node, ['test/run.ts', 'test/integration/db-sqlite.test.ts'], {
    cwd: checkout,
    env: { ...env, PATH: `${folder}:${env.PATH}`, TMPDIR: folder },
  });
  assert.match(said.stdout, /the account nobody here, which cannot reach .*: testing a copy of it/);
  assert.match(said.stdout, /\n[1-9]\d* passed, 0 failed\n$/);
});
