// The README has a Chinese twin. Whoever changes one page changes the other, or these tests fail.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { outlineOf, type Part, partsOf } from '../support/page-structure.ts';

const pages = ['README.md', 'README.zh-CN.md'] as const;
const [english, chinese] = pages.map(page => readFileSync(page, 'utf8')) as [string, string];

/** The link by which each page leads to the other is the same link. */
const outline = (page: string): object[] =>
  partsOf(page.replace(/\]\(README(?:\.zh-CN)?\.md\)/, '](the other)')).map(outlineOf);

test('both READMEs have the same structure, code, tables, links, pictures and numbers', () => {
  const [ours, theirs] = [outline(english), outline(chinese)];
  assert.ok(ours.length > 100);
  for (const [at, part] of ours.entries()) assert.deepEqual(theirs[at], part, partsOf(english)[at]?.pieces.join('|'));
  assert.equal(theirs.length, ours.length);
});

/** One change of each kind, to the first place that has it. */
const changes: readonly (readonly [what: string, from: RegExp | string, to: string])[] = [
  ['a level of a heading', /^## /m, '### '],
  ['a heading more', /^## /m, '## 1\n\n## '],
  ['a heading less', /^## .+\n/m, ''],
  ['a paragraph more', /^## /m, 'More.\n\n## '],
  ['a byte of code', 'npm run quickstart', 'npm run  quickstart'],
  ['the language of a block', '```sh', '```bash'],
  ['a block less', /^```ini[\s\S]*?^```\n/m, ''],
  ['what the test of the README is told', 'stays until "Ready"', 'stays until "Steady"'],
  ['a row less', /^\| `\[database\]`.+\n/m, ''],
  ['a column more', /^(\| `\[database\]`.+)$/m, '$1 |'],
  ['rows in another order', /^(\| \| `fleet.+\n)(\| \| `listen.+\n)/m, '$2$1'],
  ['the target of a link', '(docs/cli.md)', '(docs/fleet.md)'],
  ['the anchor of a link', '#x-priority-who-may-choose', '#the-console'],
  ['the address of a page elsewhere', 'dynamo/issues/15187', 'dynamo/issues/15188'],
  ['an address', '<http://127.0.0.1:8081/console/>', '<http://127.0.0.1:8082/console/>'],
  ['a picture', '(docs/images/lanes.png)', '(docs/images/pools.png)'],
  ['a link that becomes a picture', '[docs/cli.md]', '![docs/cli.md]'],
  ['a picture without alternative text', /!\[[^\]]+\]/, '![]'],
  ['an address without a link', /^## /m, 'https://example.com/docs\n\n## '],
  ['a quotation', /^(?=[A-Z\p{Script=Han}].*Node)/mu, '> '],
  ['a word in bold', '**366 ms**', '366 ms'],
  ['a measured figure', '366 ms', '367 ms'],
  ['a number in prose', 'Node 20', 'Node 22'],
  ['a default', 'shutdown_grace_sec = 10', 'shutdown_grace_sec = 11'],
  ['the name of a header', '`Retry-After`', '`Retry-Later`'],
  ['an item less', /^- .*`hybrid`[^\n]*(?:\n {2}.*)*\n/m, ''],
  ['an item that becomes a paragraph', /^- /m, '\n'],
  ['the number of an item', /^4\. /m, '5. '],
];

for (const [at, page] of pages.entries()) {
  test(`a change of ${page} alone is found`, () => {
    const [changed, other] = at === 0 ? [english, chinese] : [chinese, english];
    for (const [what, from, to] of changes) {
      const next = changed.replace(from, to);
      assert.notEqual(next, changed, `${what}: the page has no such place`);
      assert.notDeepEqual(outline(next), outline(other), what);
    }
  });
}

const words = (text: string): string[] =>
  text.replace(/`[^`]*`|\]\([^)]*\)|<[^>]*>/g, ' ').match(/(?<![\w/.-])[a-z]{2,}(?![\w/.-])/g) ?? [];

test('nothing of the Chinese README is left in English, and nothing of the English one is Chinese', () => {
  const isProse = ({ kind }: Part) => kind !== 'code' && kind !== 'comment';
  const pieces = partsOf(chinese)
    .filter(isProse)
    .flatMap(({ pieces }) => pieces);
  assert.deepEqual(
    pieces.filter(piece => words(piece).length > 3 && !/\p{Script=Han}/u.test(piece)),
    [],
  );
  assert.deepEqual(english.match(/\p{Script=Han}+/gu), ['简体中文']);
});

test('each README leads to the other before anything else', () => {
  const first = (page: string) => /\]\(([^)]+)\)/.exec(page)?.[1];
  assert.deepEqual([first(english), first(chinese)], pages.toReversed());
});

test('each measured figure of the README is one of the benches, with its case and date', () => {
  const benches = readFileSync('bench/README.md', 'utf8');
  const rows = partsOf(english).filter(
    ({ kind, pieces }) => kind === 'row' && /\d{4}-\d{2}-\d{2}/.test(pieces[3] ?? ''),
  );
  assert.ok(rows.length >= 6);
  for (const { pieces } of rows) {
    const [, ours = '', theirs = '', source = ''] = pieces;
    const [, bench = '', part = bench, date = ''] = /`(\w+)`(?:, ([a-z]+))?, ([\d-]+)/.exec(source) ?? [];
    assert.match(benches, new RegExp(`^\\| \`${bench}\``, 'm'));
    assert.ok(benches.includes(part) && benches.includes(date), source);
    const figures = `${ours} ${theirs.replace(/\]\(.+\)/, '')}`.match(/\d[\d,.]*\d|\d/g) ?? [];
    for (const figure of figures)
      assert.match(benches, new RegExp(`(?<![\\d.,])${figure.replaceAll('.', '\\.')}(?!\\d)`), `${figure}: ${source}`);
  }
});
