import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Classifiable, Classification, MappingMode, XPriorityPolicy } from '../../../src/domain/vocabulary.ts';
import { xPriorityPolicies } from '../../../src/domain/vocabulary.ts';
import { defaultClassify, mappedClassify } from '../../../src/priority/matching/classifier.ts';
import { compile, compileRow } from '../../../src/priority/matching/matcher.ts';
import { classifyBySettings } from '../../../src/priority/matching/shadow.ts';
import { prioritySettings } from '../../support/priority-settings.ts';

const { snapshot } = compile(
  [0, 4, 9].map((priority, at) =>
    compileRow({
      id: at + 1,
      pattern: `tok_${at}*`,
      match_type: 'prefix',
      priority,
      tenant_id: at === 2 ? null : `tenant-${at}`,
      tenant_name: null,
      tenant_type: at === 0 ? 'internal' : 'external',
    }),
  ),
  0,
);
const match = (key: string) => snapshot.match(key);

const requests: fc.Arbitrary<Classifiable> = fc.record({
  identity: fc.constant({ keyId: 3, userId: 4, role: 'gateway_user' as const }),
  key: fc.constantFrom(null, 'tok_0a', 'tok_1a', 'tok_2a', 'tok_other'),
  asked: fc.constantFrom(undefined, '0', '5', '9'),
});
const policies = fc.constantFrom(...xPriorityPolicies);

function arrange(x_priority: XPriorityPolicy, mode: MappingMode, enabled = true) {
  const settings = prioritySettings({ enabled, x_priority, mode });
  const shadowed: [string | null, Classification, Classification][] = [];
  const mapped: string[] = [];
  const events = {
    keyMapped: (key: string) => mapped.push(key),
    keyShadowed: (...what: (typeof shadowed)[number]) => shadowed.push(what),
  };
  return { settings, shadowed, mapped, classify: classifyBySettings({ settings, match, events }) };
}

test('in shadow every request is treated as while mapping is off, and is logged with its level under enforce', () => {
  fc.assert(
    fc.property(policies, requests, (policy, request) => {
      const { settings, classify, shadowed, mapped } = arrange(policy, 'shadow');
      const off = defaultClassify(settings)(request);
      const enforced = mappedClassify({ settings, match, events: { keyMapped: () => {} } })(request);
      assert.deepEqual(classify(request), off);
      assert.deepEqual(shadowed, [[request.key, off, enforced]]);
      assert.deepEqual(mapped, []);
    }),
  );
});

test('a malformed X-Priority is refused in shadow as it is when mapping is off, and counts as nothing', () => {
  const { classify, shadowed } = arrange('allow', 'shadow');
  assert.throws(() => classify({ identity: { keyId: 1, userId: 1, role: null }, key: 'tok_0a', asked: 'x' }), {
    code: 'invalid_request',
  });
  assert.deepEqual(shadowed, []);
});

for (const [mode, enabled] of [
  ['enforce', true],
  ['enforce', false],
  ['shadow', false],
] as const)
  test(`with mode = ${mode} and enabled = ${enabled} nothing is shadowed`, () => {
    const { classify, shadowed } = arrange('allow', mode, enabled);
    const identity = { keyId: 1, userId: 2, role: null };
    assert.equal(classify({ identity, key: 'tok_1a', asked: undefined }).level, enabled ? 4 : 7);
    assert.deepEqual(shadowed, []);
  });
