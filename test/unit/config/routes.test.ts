import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigFaults, loadConfig } from '../../../src/config/config-loader.ts';
import {
  mostAliases,
  mostTargets,
  type PlannedTarget,
  parsedAliases,
  parsedTargets,
  type TargetGroup,
  writtenAliases,
  writtenTargets,
} from '../../../src/config/routes/target-text.ts';

const only = (provider: string, model: string | null = null, weight = 1): PlannedTarget => ({
  provider,
  model,
  weight,
});
const faultIn = (text: string): string => {
  const found = parsedTargets(text);
  return 'fault' in found ? found.fault : assert.fail(`${text} was read as ${JSON.stringify(found)}`);
};

test('targets are read in their order, each provider split from its model at the first colon', () => {
  const expected: [string, TargetGroup[]][] = [
    ['gpu', [[only('gpu')]]],
    ['gpu:qwen3:8b', [[only('gpu', 'qwen3:8b')]]],
    [
      'vllm:meta-llama/Llama-3.3-70B, together:llama-3.3-70b',
      [[only('vllm', 'meta-llama/Llama-3.3-70B')], [only('together', 'llama-3.3-70b')]],
    ],
    [' a *3|b:x* 1 ,\tc : "y, | * \\" \\u00e9" ', [[only('a', null, 3), only('b', 'x')], [only('c', 'y, | * " é')]]],
  ];
  for (const [text, groups] of expected) assert.deepEqual(parsedTargets(text), groups, text);
});

test('each fault of the targets says which target it is in, and what is allowed', () => {
  assert.match(faultIn(''), /^target 1 must begin with the name of a provider/);
  assert.match(faultIn('a, '), /^target 2 must begin with the name of a provider/);
  assert.match(faultIn('a | b, :x'), /^target 3 must begin with the name of a provider/);
  assert.match(faultIn('a, b:'), /^target 2 must have the model's name after its colon, of 1 to 256 characters/);
  assert.match(faultIn('a:""'), /^target 1 must have the model's name/);
  assert.match(faultIn('a:"x'), /^target 1 must have the model's name/);
  assert.match(faultIn('a:"\\n"'), /^target 1 must have the model's name/);
  assert.match(faultIn('a:"\\ud800"'), /^target 1 must have the model's name/);
  assert.match(faultIn(`a:${'m'.repeat(257)}`), /^target 1 must have the model's name/);
  assert.match(faultIn('a:x y'), /^target 1 must be followed by a comma, \|/);
  assert.match(faultIn('a:x"y"'), /^target 1 must be followed by a comma, \|/);
  assert.match(faultIn('a*0 | b'), /^target 1 must have a whole number from 1 to 1000 after its \*/);
  assert.match(faultIn('a | b*1001'), /^target 2 must have a whole number from 1 to 1000/);
  assert.match(faultIn('a | b*x'), /^target 2 must have a whole number from 1 to 1000/);
  assert.match(faultIn('a, b*2'), /^target 2 has a weight, but shares its place with no other/);
  assert.match(
    faultIn(
      Array<string>(mostTargets + 1)
        .fill('a')
        .join(),
    ),
    /^has more than 16 targets/,
  );
  assert.ok(!('fault' in parsedTargets(Array<string>(mostTargets).fill('a').join())));
});

const name = fc
  .oneof(
    fc.stringMatching(/^[A-Za-z0-9./:_-]{1,40}$/),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    fc.constantFrom('a,b', '|', '*', '"', ' ', 'a*3', '\\', 'a b', '\u00a0', 'gpt-4.1', 'é\u{1f600}'),
  )
  .filter(text => text.length <= 256 && !/\p{Cc}/u.test(text) && text.isWellFormed());
const target = fc
  .tuple(
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/),
    fc.option(name, { nil: null }),
    fc.integer({ min: 1, max: 1000 }),
  )
  .map(parts => only(...parts));
const group = fc
  .array(target, { minLength: 1, maxLength: 4 })
  .map(
    targets => (targets.length === 1 ? targets.map(one => ({ ...one, weight: 1 })) : targets) as never as TargetGroup,
  );

test('what is written of targets and names is read as the same', () => {
  fc.assert(
    fc.property(fc.array(group, { minLength: 1, maxLength: 4 }), groups => {
      assert.deepEqual(parsedTargets(writtenTargets(groups)), groups);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 6 }), names => {
      assert.deepEqual(parsedAliases(writtenAliases(names)), names);
    }),
    { numRuns: 1000 },
  );
});

test('any text is read or has a fault, and what is read is read again from what is written of it', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .array(fc.constantFrom('a', 'b:', ':', '"', '\\', ',', '|', '*', '3', ' ', 'x y', '""', '\n'), { maxLength: 20 })
      .map(parts => parts.join('')),
  );
  let read = 0;
  fc.assert(
    fc.property(text, given => {
      const names = parsedAliases(given);
      if (!('fault' in names)) assert.deepEqual(parsedAliases(writtenAliases(names)), names);
      const groups = parsedTargets(given);
      if ('fault' in groups) return;
      read++;
      assert.deepEqual(parsedTargets(writtenTargets(groups)), groups);
    }),
    { numRuns: 5000 },
  );
  assert.ok(read > 50, `only ${read} texts were read`);
});

test('a text of the greatest length is read or refused in a moment', () => {
  for (const part of ['"', '\\', 'a', ' ', 'a:"', '| ', '*1', 'a|', 'a:"\\']) {
    const text = part.repeat(16_384 / part.length);
    const began = performance.now();
    parsedTargets(text);
    parsedAliases(text);
    const took = performance.now() - began;
    assert.ok(took < 200, `${part}: ${took} ms`);
  }
});

test('aliases are whole names', () => {
  assert.deepEqual(parsedAliases('gpt-4o, default,"a, b"'), ['gpt-4o', 'default', 'a, b']);
  for (const [text, fault] of [
    ['', /^name 1 must be a name of 1 to 256 characters/],
    ['a,,b', /^name 2 must be a name/],
    ['a, gpt-*', /^name 2 must be followed by a comma or the end of the text, and is no glob; a name with blanks/],
    ['a b', /^name 1 must be followed by a comma/],
    [
      Array<string>(mostAliases + 1)
        .fill('a')
        .join(),
      /^has more than 64 names/,
    ],
  ] as const) {
    const found = parsedAliases(text);
    assert.ok('fault' in found, text);
    assert.match(found.fault, fault);
  }
});

const providers = `
[provider.vllm]
type = openai
base_url = http://vllm/v1
[provider.vllm2]
type = openai
base_url = http://vllm2/v1
pool = vllm
[provider.claude]
type = anthropic
base_url = http://claude
[provider.local]
type = loopback
`;
const load = (text: string, env: Record<string, string> = {}) =>
  loadConfig({ file: null, text: providers + text, env, isTerminal: false });
const faultsOf = (text: string): string => {
  try {
    load(text);
  } catch (error) {
    assert.ok(error instanceof ConfigFaults, String(error));
    return error.faults.map(({ section, key, message }) => `[${section}] ${key}: ${message}`).join('\n');
  }
  return assert.fail('no fault was found');
};

test('a model’s section has nearly any name, and all that it says is read', () => {
  for (const name of ['gpt-4.1', 'qwen3:8b', 'meta-llama/Llama-3.3-70B', 'größe', 'a b', 'm'.repeat(200)]) {
    const { config } = load(
      `[model.${name}]\ntargets = vllm:x, local\naliases = gpt-4o, "a, b"\nspill_after_sec = 2\nspill_levels = 0 - 2,5,7-9\n`,
    );
    assert.deepEqual(config.routes, [
      {
        name,
        aliases: ['gpt-4o', 'a, b'],
        groups: [[only('vllm', 'x')], [only('local')]],
        spill: { afterMs: 2000, levels: [0, 1, 2, 5, 7, 8, 9] },
        source: 'file',
      },
    ]);
  }
});

const faults: [string, RegExp][] = [
  [
    '[model.x]',
    /^\[model\.x\] targets: is missing: must be a text of 1 to 16384 characters, such as gpu:llama-70b, cloud/,
  ],
  ['[model.x]\ntargets =', /^\[model\.x\] targets: is missing/],
  ['[model.x]\ntargets = a:x y', /^\[model\.x\] targets: target 1 must be followed by a comma/],
  ['[model.x]\ntargets = vllm, vlm', /^\[model\.x\] targets: target 2 names no provider: is vllm meant\?$/],
  ['[model.x]\ntargets = zebra', /target 1 names no provider: there are vllm, vllm2, claude, local$/],
  ['[model.x]\ntargets = vllm, local, vllm:x', /target 3 is the same as target 1: a weight \(\*2\)/],
  [
    '[model.x]\ntargets = vllm\naliases = a, x',
    /aliases: name 2 is that of the route itself; a name leads to one route$/,
  ],
  ['[model.x]\ntargets = vllm\naliases = a, a', /aliases: name 2 stands twice; a name leads to one route$/],
  [
    '[model.x]\ntargets = vllm\naliases = a\n[model.y]\ntargets = vllm\naliases = a',
    /^\[model\.y\] aliases: name 1 is an alias of \[model\.x\] too; a name leads to one route$/,
  ],
  [
    '[model.x]\ntargets = vllm\naliases = y\n[model.y]\ntargets = vllm',
    /^\[model\.x\] aliases: name 1 has a section of its own, \[model\.y\]; a name leads to one route$/,
  ],
  ['[model.x]\ntargets = vllm, local\nspill_after_sec = 2', /spill_after_sec: needs spill_levels beside it/],
  ['[model.x]\ntargets = vllm, local\nspill_levels = 0', /spill_levels: needs spill_after_sec beside it/],
  ...['vllm', 'vllm, vllm2:y', 'vllm, claude', 'vllm:a | vllm:b'].map((targets): [string, RegExp] => [
    `[model.x]\ntargets = ${targets}\nspill_after_sec = 2\nspill_levels = 0-2`,
    /spill_after_sec: needs a second target of the same API whose provider has another pool$/,
  ]),
  [
    '[model.x]\ntargets = vllm, local\nspill_after_sec = x\nspill_levels = 0',
    /spill_after_sec: must be a number of seconds/,
  ],
  [
    '[model.x]\ntargets = vllm, local\nspill_after_sec = 1\nspill_levels = 2-0',
    /spill_levels: must be levels or ranges/,
  ],
  [
    '[model.x]\ntargets = vllm, local\nspill_after_sec = 1\nspill_levels = 0-10',
    /spill_levels: must be levels or ranges/,
  ],
  ['[model.x]\ntargets = vllm\ntarget = vllm', /\[model\.x\] target: unknown key: is targets meant\?/],
  ['[model.]\ntargets = vllm', /\[model\.\] null: no dots in names but/],
  ['[modl.x]\ntargets = vllm', /\[modl\.x\] null: no dots in names but .*\[model\.NAME\]/],
];

test('each fault of a route is named with its section, its key and what is allowed', async t => {
  for (const [text, expected] of faults)
    await t.test(text.replaceAll('\n', ' · '), () => assert.match(faultsOf(text), expected));
});

test('a faulty part of a route causes no further fault', () => {
  const text = '[model.x]\ntargets = a:x y\naliases = ,\nspill_after_sec = x\nspill_levels = 0-2\n';
  assert.deepEqual(faultsOf(text).split('\n').length, 3, faultsOf(text));
});

test('a route whose targets are of several APIs may spill in the one that has two pools', () => {
  const { config } = load(
    '[model.x]\ntargets = claude, vllm, local\nspill_after_sec = 0\nspill_levels = 0\n[model.y]\ntargets = vllm | local\nspill_after_sec = 0\nspill_levels = 0\n',
  );
  assert.deepEqual(
    config.routes.map(({ spill }) => spill),
    [
      { afterMs: 0, levels: [0] },
      { afterMs: 0, levels: [0] },
    ],
  );
});

test('the environment overrides a route that the file names, and warns of others', () => {
  const text = '[model.gpt-4.1]\ntargets = vllm\n';
  const { config, warnings } = load(text, {
    TOKLIGENCE_MODEL_GPT_4_1_TARGETS: 'local:a:b',
    TOKLIGENCE_MODEL_OTHER_TARGETS: 'local',
  });
  assert.deepEqual(config.routes[0]?.groups, [[only('local', 'a:b')]]);
  assert.deepEqual(warnings, [
    'TOKLIGENCE_MODEL_OTHER_TARGETS in the environment is unknown: it only overrides keys of models that the file names',
  ]);
});

test('10,000 routes are read within seconds', () => {
  const text = Array.from(
    { length: 10_000 },
    (_, n) => `[model.m${n}]\ntargets = vllm:x${n}, local\naliases = a${n}\n`,
  );
  const began = performance.now();
  assert.equal(load(text.join('')).config.routes.length, 10_000);
  const took = performance.now() - began;
  assert.ok(took < 10_000, `${took} ms`);
});
