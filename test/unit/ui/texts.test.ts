import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';
import { texts as english } from '../../../ui/src/texts/en/index.ts';
import { texts as chinese } from '../../../ui/src/texts/zh/index.ts';

type Page = Readonly<Record<string, string>>;
const pages = (texts: object) => Object.entries(texts) as [string, Page][];
const flat = (texts: object) =>
  new Map(
    pages(texts).flatMap(([page, content]) => Object.entries(content).map(([key, text]) => [`${page}:${key}`, text])),
  );
const placeholders = (text: string) => [...text.matchAll(/\{\{\s*(\w+)/g)].map(([, name]) => name).sort();

const en = flat(english);
const zh = flat(chinese);

test('both languages have the same texts, and none is empty', () => {
  assert.deepEqual([...zh.keys()].sort(), [...en.keys()].sort());
  for (const [key, text] of [...en, ...zh]) assert.notEqual(text.trim(), '', key);
});

test('both languages name the same values in a text', () => {
  for (const [key, text] of en) {
    const other = zh.get(key) ?? '';
    // Chinese has one form for every number: the number may be omitted in a singular.
    if (key.endsWith('_one')) continue;
    assert.deepEqual(placeholders(other), placeholders(text), key);
  }
});

// Names and units are the same in all languages.
const names = new Set([
  'shell:product',
  'explain:xPriority',
  'mappings:id',
  'pools:unit_mb',
  'pools:suffix_mb',
  'settings:openapi',
  'providers:type_anthropic',
  'providers:urlExample',
]);

test('texts that contain words are translated into Chinese', () => {
  const isWords = (text: string) => /[a-z]{2,}/i.test(text.replaceAll(/\{\{.*?\}\}/g, ''));
  const untranslated = [...zh].filter(
    ([key, text]) => !names.has(key) && isWords(en.get(key) ?? '') && !/\p{Script=Han}/u.test(text),
  );
  assert.deepEqual(untranslated, [], 'left in English');
});

/** The literal texts of a page: text between tags, and attributes and fields that are read out. */
function saidIn(file: string): string[] {
  const said: string[] = [];
  const look = (node: ts.Node): void => {
    const text = saidBy(node)?.trim() ?? '';
    if (/\p{L}{2}/u.test(text) && !marks.has(text)) said.push(`${file}: ${text}`);
    ts.forEachChild(node, look);
  };
  look(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true));
  return said;
}

const readOut = /^(?:label|title|placeholder|aria-label|aria-description|alt|description|error|hint|text|message)$/;
/** The beginning of a key, in every language. */
const marks = new Set(['tok_']);

function saidBy(node: ts.Node): string | undefined {
  if (ts.isJsxText(node)) return node.text;
  if (!ts.isStringLiteralLike(node)) return undefined;
  const { parent } = node;
  if (ts.isJsxExpression(parent)) return ts.isJsxAttribute(parent.parent) ? undefined : node.text;
  const isNamed = ts.isJsxAttribute(parent) || ts.isPropertyAssignment(parent);
  return isNamed && readOut.test(parent.name.getText()) ? node.text : undefined;
}

test('a page shows no text that is not in the catalogue', () => {
  const files = globSync('ui/src/**/*.{ts,tsx}').filter(file => !file.startsWith('ui/src/texts/'));
  assert.ok(files.length > 50);
  assert.deepEqual(files.flatMap(saidIn), []);
});

test('no text is unused', () => {
  const sources = globSync('ui/src/**/*.{ts,tsx}')
    .filter(file => !file.startsWith('ui/src/texts/'))
    .map(file => readFileSync(file, 'utf8'));
  const isUsed = (page: string, key: string) => {
    const name = key.replace(/_(?:one|other)$/, '');
    // `t(\`reason_${code}\`)` builds its key from a stem that ends in an underscore; a code may contain underscores
    // too.
    const stems = [...name.matchAll(/_/g)].map(({ index }) => name.slice(0, index + 1));
    // A file that uses a page's texts names the page; all files may use the shell's.
    const speaks = (source: string) => page === 'shell' || source.includes(`'${page}'`) || source.includes(`${page}:`);
    return sources.some(
      source =>
        source.includes(`'${name}'`) ||
        source.includes(`:${name}`) ||
        (speaks(source) && stems.some(stem => source.includes(`${stem}\${`))),
    );
  };
  const unused = [...en.keys()].filter(key => {
    const [page = '', name = ''] = key.split(':');
    return name !== 'title' && !isUsed(page, name);
  });
  assert.deepEqual(unused, []);
});
