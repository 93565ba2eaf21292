import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { texts as english } from '../../ui/src/texts/en/index.ts';
import { texts as chinese } from '../../ui/src/texts/zh/index.ts';

type Page = Readonly<Record<string, string>>;
const pages = (texts: object) => Object.entries(texts) as [string, Page][];
const flat = (texts: object) =>
  new Map(
    pages(texts).flatMap(([page, content]) => Object.entries(content).map(([key, text]) => [`${page}:${key}`, text])),
  );
const placeholders = (text: string) => [...text.matchAll(/\{\{\s*(\w+)/g)].map(([, name]) => name).sort();

const en = flat(english);
const zh = flat(chinese);

test('both languages say the same things, and leave none of them empty', () => {
  assert.deepEqual([...zh.keys()].sort(), [...en.keys()].sort());
  for (const [key, text] of [...en, ...zh]) assert.notEqual(text.trim(), '', key);
});

test('both languages name the same values in a text', () => {
  for (const [key, text] of en) {
    const other = zh.get(key) ?? '';
    // Chinese has one form for every number: it may leave the number of a singular away or keep it.
    if (key.endsWith('_one')) continue;
    assert.deepEqual(placeholders(other), placeholders(text), key);
  }
});

// Names are the same everywhere.
const names = new Set(['shell:product']);

test('what is said in words is said in Chinese', () => {
  const isWords = (text: string) => /[a-z]{3,} [a-z]{2,}/i.test(text.replaceAll(/\{\{.*?\}\}/g, ''));
  const untranslated = [...zh].filter(
    ([key, text]) => !names.has(key) && isWords(en.get(key) ?? '') && !/\p{Script=Han}/u.test(text),
  );
  assert.deepEqual(untranslated, [], 'left in English');
});

test('no text is left that no page shows', () => {
  const sources = globSync('ui/src/**/*.{ts,tsx}')
    .filter(file => !file.startsWith('ui/src/texts/'))
    .map(file => readFileSync(file, 'utf8'))
    .join('\n');
  const isUsed = (key: string) => {
    const name = key.replace(/_(?:one|other)$/, '');
    // `t(\`reason_${code}\`)` builds its key from a stem that ends in an underscore; a code may have some as well.
    const stems = [...name.matchAll(/_/g)].map(({ index }) => name.slice(0, index + 1));
    return (
      sources.includes(`'${name}'`) ||
      sources.includes(`:${name}`) ||
      stems.some(stem => sources.includes(`${stem}\${`))
    );
  };
  const unused = [...en.keys()].filter(key => !isUsed(key.split(':')[1] ?? '') && !key.endsWith(':title'));
  assert.deepEqual(unused, []);
});
