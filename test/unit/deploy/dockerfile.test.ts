// The Dockerfile: what a linter says, and what is promised of the image.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { validate } from 'dockerfile-utils';

const text = readFileSync('deploy/Dockerfile', 'utf8');
/** Instructions, with lines that go on joined. */
const instructions = text
  .split('\n')
  .filter(line => !/^\s*#/.test(line))
  .join('\n')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .map(line => line.trim())
  .filter(line => line !== '');
const last = instructions.slice(instructions.findLastIndex(line => line.startsWith('FROM')));
const of = (name: string) => last.filter(line => line.startsWith(`${name} `)).map(line => line.slice(name.length + 1));

test('a linter has nothing to say', () => {
  assert.deepEqual(
    validate(text).map(({ message, range }) => `${range.start.line + 1}: ${message}`),
    [],
  );
  assert.notDeepEqual(validate(`${text}\nENTRYPOIN x`), []);
});

test('the image runs as no root, without a shell, with Node as process 1', () => {
  const [user = ''] = of('USER');
  assert.match(user, /^[1-9]\d*:0$/);
  assert.deepEqual(of('RUN'), [], 'the last stage has no shell to run anything');
  const [entry = ''] = of('ENTRYPOINT');
  assert.deepEqual(JSON.parse(entry), [
    '/opt/tokligence-gateway/node_modules/.bin/node',
    '/opt/tokligence-gateway/bin/gatewayd.js',
  ]);
  assert.ok(Array.isArray(JSON.parse(of('CMD')[0] ?? '')));
  assert.match(of('HEALTHCHECK')[0] ?? '', / CMD \["\/opt\/tokligence-gateway\/node_modules\/\.bin\/node", "-e", /);
});

test('the image is made of what the package consists of, and its context has all of it', () => {
  const copied = of('COPY').flatMap(line =>
    line
      .split(' ')
      .filter(word => !word.startsWith('--'))
      .slice(0, -1),
  );
  const prefix = '/opt/tokligence-gateway/';
  const names = copied.filter(path => path.startsWith(prefix)).map(path => path.slice(prefix.length));
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
  const wanted = files.filter(file => !file.startsWith('!')).map(file => file.replace(/\/\*.*$/, ''));
  for (const name of [...wanted, 'package.json', 'LICENSE', 'node_modules']) assert.ok(names.includes(name), name);
  const ignore = readFileSync('deploy/Dockerfile.dockerignore', 'utf8').split('\n');
  const allowed = ignore.filter(line => line.startsWith('!')).map(line => line.slice(1));
  for (const path of allowed) assert.ok(existsSync(path), path);
  for (const name of [...wanted, 'src', 'supply', 'tsconfig.build.json', 'package-lock.json'])
    assert.ok(name === 'dist' || allowed.some(path => name === path || name.startsWith(`${path}/`)), name);
});
