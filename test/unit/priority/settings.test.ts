import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PrioritySettings } from '../../../src/config/config.ts';
import { changesOf, effectiveSettings } from '../../../src/priority/rows/settings.ts';

const configured: PrioritySettings = {
  enabled: { value: false, source: 'default' },
  default_priority: { value: 6, source: 'environment' },
  cache_ttl_sec: { value: 60, source: 'file' },
  x_priority: { value: 'lower', source: 'file' },
  mode: { value: 'enforce', source: 'default' },
};

test('a stored value wins over environment, file and default, and the rest stays as configured', () => {
  const rows = [
    { key: 'enabled', value: 'true' },
    { key: 'default_priority', value: '3' },
  ];
  assert.deepEqual(effectiveSettings(configured, rows), {
    settings: {
      ...configured,
      enabled: { value: true, source: 'database' },
      default_priority: { value: 3, source: 'database' },
    },
    faults: [],
  });
});

test('a value typed by hand may have spaces around it and any case', () => {
  const { settings } = effectiveSettings(configured, [
    { key: 'enabled', value: ' TRUE\n' },
    { key: 'x_priority', value: 'Ignore' },
  ]);
  assert.equal(settings.enabled.value, true);
  assert.equal(settings.x_priority.value, 'ignore');
});

test('unusable values and unknown keys are left out, each with its reason', () => {
  const rows = [
    { key: 'enabled', value: 'yes' },
    { key: 'default_priority', value: '10' },
    { key: 'cache_ttl_sec', value: '0' },
    { key: 'x_priority', value: 'everyone' },
    { key: 'enable', value: 'true' },
  ];
  const { settings, faults } = effectiveSettings(configured, rows);
  assert.deepEqual(settings, configured);
  assert.deepEqual(faults, [
    { key: 'enable', reason: 'unknown; there are enabled, default_priority, cache_ttl_sec, x_priority, mode' },
    { key: 'enabled', reason: 'must be true or false, not "yes"' },
    { key: 'default_priority', reason: 'must be a whole number from 0 to 9, not "10"' },
    { key: 'cache_ttl_sec', reason: 'must be a whole number from 1 to 86400, not "0"' },
    { key: 'x_priority', reason: 'must be allow or internal or lower or ignore, not "everyone"' },
  ]);
});

test('a patch becomes texts to store, null deletes a row, and absent fields stay', () => {
  assert.deepEqual(changesOf({ enabled: true, default_priority: null, x_priority: undefined }), [
    { key: 'enabled', value: 'true' },
    { key: 'default_priority', value: null },
  ]);
});

test('a patch that could not be read back is refused with the field', () => {
  for (const [patch, param] of [
    [{ default_priority: 1.5 }, 'default_priority'],
    [{ cache_ttl_sec: 86_401 }, 'cache_ttl_sec'],
    [JSON.parse('{"colour":"red"}'), 'colour'],
  ] as const)
    assert.throws(() => changesOf(patch), { code: 'invalid_request', param });
});
