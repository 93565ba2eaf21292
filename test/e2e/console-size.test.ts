/** The gzip sizes of the console's files that a browser loads, as built by `npm ci`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}
const manifest: Record<string, Chunk> = JSON.parse(readFileSync('ui/dist/.vite/manifest.json', 'utf8'));

/** Returns the files of a chunk and of everything that it imports before it runs. */
function filesOf(name: string, found = new Set<string>()): Set<string> {
  const { file, imports = [], css = [] } = manifest[name] ?? assert.fail(`the build has no ${name}`);
  if (found.has(file)) return found;
  for (const each of [file, ...css]) found.add(each);
  for (const each of imports) filesOf(each, found);
  return found;
}

function gzipBytes(files: Iterable<string>): number {
  let bytes = 0;
  for (const file of files) bytes += statSync(`ui/dist/${file}${existsSync(`ui/dist/${file}.gz`) ? '.gz' : ''}`).size;
  return bytes;
}

test('the first visit loads at most 250 kB before the charts', t => {
  const page = readFileSync('ui/dist/index.html', 'utf8');
  const files = new Set([...page.matchAll(/(?:src|href)="\/console\/([^"]+)"/g)].map(([, file]) => file ?? ''));
  assert.ok(files.size >= 3, 'a script, a style sheet, an icon');
  filesOf('src/texts/en/index.ts', files);
  assert.ok(![...files].some(file => file.includes('chart')), 'the charts come later');
  const bytes = gzipBytes(files);
  t.diagnostic(`first visit: ${bytes} bytes in ${files.size} files`);
  assert.ok(bytes <= 250_000, `${bytes} bytes`);
});

test('the whole console is at most 400 kB', t => {
  const files = globSync('ui/dist/assets/*.{js,css,svg}').map(file => file.slice('ui/dist/'.length));
  const bytes = gzipBytes(files);
  t.diagnostic(`all: ${bytes} bytes in ${files.length} files`);
  assert.ok(bytes <= 400_000, `${bytes} bytes`);
});

test('every component that is used has its styles', () => {
  const classesOf = (text: string) => new Set(text.match(/\bm_[0-9a-f]{5,8}\b/g));
  const read = (files: string[]) => files.map(file => readFileSync(file, 'utf8')).join('\n');
  const used = classesOf(read(globSync('ui/dist/assets/*.js')));
  const styled = classesOf(read(globSync('ui/dist/assets/*.css')));
  const missing = globSync('node_modules/@mantine/{core,dates}/styles/*.css')
    .filter(sheet => !sheet.endsWith('.layer.css'))
    .filter(sheet => [...classesOf(readFileSync(sheet, 'utf8'))].some(name => used.has(name) && !styled.has(name)));
  assert.deepEqual(missing, [], 'to be imported in ui/src/styles.css');
});

test('where its tools are not installed the build says so, and stops nothing', t => {
  const folder = mkdtempSync(join(tmpdir(), 'console-build-'));
  t.after(() => rmSync(folder, { recursive: true }));
  copyFileSync('ui/build.js', join(folder, 'build.mjs'));
  const said = execFileSync(process.execPath, [join(folder, 'build.mjs')], { encoding: 'utf8' });
  assert.match(said, /^The console is not built: vite is not installed/);
});
