import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { conventional, own, schemaUrl } from '../../../src/telemetry/tracing/names.ts';

test('every attribute that is not the product’s own is one of OpenTelemetry’s conventions, in the version that is named', () => {
  const known = new Set<unknown>(Object.values(conventions));
  for (const name of Object.values(conventional)) assert.ok(known.has(name), name);
  for (const name of Object.values(own)) assert.match(name, /^tokligence\.[a-z_]+$/);
  const { version } = JSON.parse(readFileSync('node_modules/@opentelemetry/semantic-conventions/package.json', 'utf8'));
  assert.equal(schemaUrl, `https://opentelemetry.io/schemas/${version}`);
});

test('docs/traces.md explains every attribute', () => {
  const page = readFileSync('docs/traces.md', 'utf8');
  for (const name of [...Object.values(conventional), ...Object.values(own)])
    assert.ok(page.includes(`\`${name}\``), name);
});
