import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Classifiable, XPriorityPolicy } from '../../../src/domain/vocabulary.ts';
import { defaultClassify, mappedClassify } from '../../../src/priority/matching/classifier.ts';
import { compile, compileRow } from '../../../src/priority/matching/matcher.ts';
import { prioritySettings } from '../../support/priority-settings.ts';

const settings = (x_priority: XPriorityPolicy = 'allow', default_priority = 7) =>
  prioritySettings({ x_priority, default_priority });

const request = (fields: Partial<Classifiable> = {}): Classifiable => ({
  identity: { keyId: 3, userId: 4, role: 'gateway_user' },
  key: 'tok_unmapped',
  asked: undefined,
  ...fields,
});

const tenant = { match_type: 'prefix', tenant_name: null } as const;
const { snapshot } = compile(
  [
    compileRow({ ...tenant, id: 1, pattern: 'tok_int*', priority: 4, tenant_id: 'dept', tenant_type: 'internal' }),
    compileRow({ ...tenant, id: 2, pattern: 'tok_ext*', priority: 4, tenant_id: 'shop', tenant_type: 'external' }),
    compileRow({ ...tenant, id: 3, pattern: 'tok_none*', priority: 4, tenant_id: null, tenant_type: null }),
  ],
  0,
);

function mapped(policy: XPriorityPolicy = 'allow') {
  const said: unknown[][] = [];
  const keyMapped = (...what: unknown[]) => said.push(what);
  const match = (key: string) => snapshot.match(key);
  return { said, classify: mappedClassify({ settings: settings(policy), match, events: { keyMapped } }) };
}

test('without a mapping a request gets the default priority and its user as the flow', () => {
  const expected = { level: 7, source: 'default', flowId: 'user:4', mappingId: null, isRaised: false };
  assert.deepEqual(defaultClassify(settings())(request()), expected);
  assert.deepEqual(mapped().classify(request()), expected);
});

test('a mapped key gets the mapping’s priority and the tenant as the flow', () => {
  const { classify, said } = mapped();
  const key = 'tok_int_1';
  const expected = { level: 4, source: 'mapping', flowId: 'dept', mappingId: 1, isRaised: false };
  assert.deepEqual(classify(request({ key })), expected);
  assert.deepEqual(said, [[key, 4, null]]);
  assert.equal(classify(request({ key: 'tok_none_1' })).flowId, 'mapping:3');
});

test('without authentication everybody is one anonymous flow, and a presented key maps to nothing', () => {
  const nobody = request({ identity: { keyId: null, userId: null, role: null }, key: null });
  const expected = { level: 7, source: 'default', flowId: 'anonymous', mappingId: null, isRaised: false };
  assert.deepEqual(mapped().classify(nobody), expected);
});

test('X-Priority wins over mapping and default, and never changes the flow', () => {
  const asked = '0';
  assert.deepEqual(mapped().classify(request({ key: 'tok_ext_1', asked })), {
    level: 0,
    source: 'header',
    flowId: 'shop',
    mappingId: 2,
    isRaised: true,
  });
  assert.deepEqual(defaultClassify(settings())(request({ asked })), {
    level: 0,
    source: 'header',
    flowId: 'user:4',
    mappingId: null,
    isRaised: true,
  });
});

// The key's type, the header, the policy, and the resulting level; the key's own level is P4, or P7 unmapped.
const cases: [XPriorityPolicy, string, string, number, string][] = [
  ['internal', 'tok_int_1', '1', 1, 'header'],
  ['internal', 'tok_int_1', '8', 8, 'header'],
  ['internal', 'tok_ext_1', '1', 4, 'mapping'],
  ['internal', 'tok_ext_1', '8', 8, 'header'],
  ['internal', 'tok_none_1', '1', 4, 'mapping'],
  ['internal', 'tok_unmapped', '1', 7, 'default'],
  ['internal', 'tok_unmapped', '9', 9, 'header'],
  ['lower', 'tok_int_1', '1', 4, 'mapping'],
  ['lower', 'tok_int_1', '4', 4, 'header'],
  ['lower', 'tok_int_1', '9', 9, 'header'],
  ['ignore', 'tok_int_1', '9', 4, 'mapping'],
  ['ignore', 'tok_int_1', 'nonsense', 4, 'mapping'],
];
for (const [policy, key, asked, level, source] of cases)
  test(`under ${policy}, ${key} asking for ${asked} gets P${level}`, () => {
    const { level: given, source: from } = mapped(policy).classify(request({ key, asked }));
    assert.deepEqual([given, from], [level, source]);
  });

test('only a request that gets a better level than its own by the header counts as raised', () => {
  const raised = (policy: XPriorityPolicy, key: string, asked?: string) =>
    mapped(policy).classify(request({ key, asked })).isRaised;
  const answers = (policy: XPriorityPolicy, key: string) =>
    [undefined, '3', '4', '9'].map(asked => raised(policy, key, asked));
  assert.deepEqual(answers('allow', 'tok_ext_1'), [false, true, false, false]);
  assert.deepEqual(answers('internal', 'tok_int_1'), [false, true, false, false]);
  for (const policy of ['internal', 'lower', 'ignore'] as const)
    assert.deepEqual(answers(policy, 'tok_ext_1'), [false, false, false, false], policy);
});

test('while mapping is off nobody is internal: under that policy everyone may only lower', () => {
  const classify = defaultClassify(settings('internal'));
  assert.equal(classify(request({ key: 'tok_int_1', asked: '2' })).level, 7);
  assert.equal(classify(request({ key: 'tok_int_1', asked: '8' })).level, 8);
});

for (const asked of ['10', '-1', '1.5', '', 'P1', ' 1', '1, 1', '٣', ['1', '1']])
  test(`X-Priority ${JSON.stringify(asked)} is refused by name`, () => {
    const refusal = { code: 'invalid_request', param: 'X-Priority', message: /one digit from 0 .* to 9, sent once/ };
    assert.throws(() => defaultClassify(settings())(request({ asked })), refusal);
    assert.throws(() => mapped('lower').classify(request({ key: 'tok_int_1', asked })), refusal);
    assert.equal(defaultClassify(settings('ignore'))(request({ asked })).level, 7);
  });
