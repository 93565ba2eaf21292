import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const program = `
import { keepCompiledCode, reuseCompiledCode } from './compiled-code.ts';
reuseCompiledCode();
await import('./other.ts');
keepCompiledCode();
process.kill(process.pid, 'SIGKILL');`;

/** Runs a program that keeps its code and is killed, in an installation of its own; answers how it ended. */
function killed(t: TestContext, prepare: (folder: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'compiled-code-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'src'));
  cpSync('src/compiled-code.ts', join(folder, 'src/compiled-code.ts'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'src/other.ts'), 'export const other: number = 1;\n');
  writeFileSync(join(folder, 'src/program.ts'), program);
  prepare(folder);
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  let signal: unknown = null;
  try {
    execFileSync(process.execPath, [join(folder, 'src/program.ts')], { env, stdio: 'pipe' });
  } catch (error) {
    signal = (error as { signal?: unknown }).signal;
  }
  return { signal, kept: join(folder, 'node_modules/.cache/compiled-code') };
}

test('a process that is killed has kept its compiled code', t => {
  const { signal, kept } = killed(t, folder => mkdirSync(join(folder, 'node_modules')));
  assert.equal(signal, 'SIGKILL', 'it came to its end');
  const files = readdirSync(kept, { recursive: true, withFileTypes: true }).filter(file => file.isFile());
  assert.ok(files.length > 0);
});

test('where nothing can be kept, it runs all the same', t => {
  const { signal, kept } = killed(t, folder => writeFileSync(join(folder, 'node_modules'), 'a file'));
  assert.equal(signal, 'SIGKILL', 'it came to its end');
  assert.equal(existsSync(kept), false);
});
