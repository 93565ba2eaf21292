// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/**
 * Fills the young generation with objects that all survive, from eight places in the code; prints from how many of them V8
 * allocates in the old generation afterwards. Without the flag from one to eight.
 */
const program = `
import { keepObjectsYoung } from ${JSON.stringify(new URL('../../src/young-objects.ts', import.meta.url))};
keepObjectsYoung();
const text = 'for (let i = 0; i < count; i++) kept.push([i, kept]);';
const places = Array.from({ length: 8 }, () => new Function('kept', 'count', text));
const old = places.filter(add => {
  const kept = [];
  for (let round = 0; round < 60; round++) add(kept, 30_000);
  add(kept, 1);
  return !new Function('value', 'return %InYoungGeneration(value)')(kept.at(-1));
});
console.log(old.length);
`;

test('objects are allocated in the young generation, however many from the same place in the code have survived', () => {
  const command = ['--allow-natives-syntax', '--input-type=module', '--eval', program];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  assert.equal(stdout, '0\n', stderr);
});
