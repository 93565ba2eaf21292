// When the console is built, by `npm ci` and by the first `npx gateway` of an account. A stand-in for vite counts its builds.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const standIn = `
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
export async function build() {
  const dist = join(import.meta.dirname, '../../ui/dist');
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(join(dist, 'assets'), { recursive: true });
  mkdirSync(join(dist, '.vite'));
  appendFileSync(join(import.meta.dirname, 'builds'), '.');
  if (process.env.BREAK) throw new Error('broken off');
  writeFileSync(join(dist, 'assets/first.js'), 'first');
}`;

function checkout(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'console-build-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const at = (path: string) => join(folder, path);
  for (const path of ['ui/src', 'node_modules/vite']) mkdirSync(at(path), { recursive: true });
  cpSync('ui/build.js', at('ui/build.js'));
  for (const path of ['package.json', 'package-lock.json']) writeFileSync(at(path), '{ "type": "module" }');
  writeFileSync(at('ui/src/main.ts'), 'one');
  writeFileSync(at('node_modules/vite/package.json'), '{ "type": "module", "exports": "./index.js" }');
  writeFileSync(at('node_modules/vite/index.js'), standIn);
  writeFileSync(at('node_modules/vite/builds'), '');
  const build = (env: Record<string, string> = {}) =>
    execFileSync(process.execPath, [at('ui/build.js')], { env: { ...process.env, ...env }, stdio: 'pipe' });
  return { at, build, builds: () => readFileSync(at('node_modules/vite/builds'), 'utf8').length };
}

test('a build of the same sources is left alone, since a gateway may serve it', t => {
  const { at, build, builds } = checkout(t);
  build();
  build();
  assert.equal(builds(), 1);
  assert.equal(readFileSync(at('ui/dist/assets/first.js'), 'utf8'), 'first');
});

test('other sources are built, however old their files are', t => {
  const { at, build, builds } = checkout(t);
  build();
  writeFileSync(at('ui/src/main.ts'), 'two');
  utimesSync(at('ui/src/main.ts'), 0, 0);
  build();
  assert.equal(builds(), 2);
  writeFileSync(at('ui/src/more.ts'), '');
  build();
  assert.equal(builds(), 3);
  appendFileSync(at('package-lock.json'), '\n');
  build();
  assert.equal(builds(), 4, 'other libraries');
});

test('a build that was broken off is done again', t => {
  const { at, build, builds } = checkout(t);
  build();
  writeFileSync(at('ui/src/main.ts'), 'two');
  assert.throws(() => build({ BREAK: 'yes' }));
  writeFileSync(at('ui/src/main.ts'), 'one');
  build();
  assert.equal(builds(), 3, 'also of the sources that were built before');
});
