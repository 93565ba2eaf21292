// The claims of the documents about files and versions, which are easily forgotten in changes.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/config-loader.ts';

test('operators are told which Node each machine gets', () => {
  const told = readFileSync('docs/operate.md', 'utf8');
  const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const nodes = Object.entries<string>(optionalDependencies).filter(([name]) => name.startsWith('node-'));
  assert.ok(nodes.length >= 4);
  for (const [name, version] of nodes)
    assert.match(told, new RegExp(`\\| \`${name}\` \\| ${version.replaceAll('.', '\\.')}\\b`));
});

test('the settings that the README shows can be copied into a file as they stand', () => {
  const [settings = ''] = [...readFileSync('README.md', 'utf8').matchAll(/```ini\n([\s\S]+?)```/g)].map(
    ([, text]) => text,
  );
  const { config, warnings } = loadConfig({ file: null, text: settings, env: {}, isTerminal: false });
  assert.deepEqual(
    [config.providers.map(({ name }) => name), warnings],
    [['vllm', 'openai', 'anthropic', 'litellm'], []],
  );
});

test('the threat model names tests that are there', () => {
  const named =
    readFileSync('docs/threat-model.md', 'utf8').match(/(?<=`)(?:unit|integration|e2e)\/[a-z0-9*/-]+(?=`)/g) ?? [];
  assert.ok(named.length > 40);
  for (const name of new Set(named)) assert.ok(globSync(`test/${name}.test.ts`).length > 0, name);
});
