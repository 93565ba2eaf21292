import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Body } from '../../../src/domain/body.ts';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { BodyScan } from '../../../src/gateway/receiving/body-scan.ts';
import { bodyForUpstream } from '../../../src/upstreams/body-splice.ts';

/** The body as received, cut at these places. */
function received(text: string, cuts: readonly number[] = [5, text.length - 1]) {
  const bytes = Buffer.from(text);
  const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  const pieces = [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
  const scan = new BodyScan();
  for (const piece of pieces) scan.push(piece);
  return { body: { pieces, bytes: bytes.length }, bodyPlaces: scan.end().places };
}
const textOf = (body: Body | null): string => Buffer.concat(body?.pieces ?? []).toString();

const call = (level: number, body = '{"model":"m"}', path = '/chat/completions', dialect = 'openai') => ({
  dialect: dialect as 'openai' | 'anthropic',
  path,
  level: level as Level,
  model: 'm',
  upstreamModel: 'm',
  ...received(body),
});
const spliced = (how: 'vllm' | 'sglang' | 'service_tier', ...args: Parameters<typeof call>) =>
  textOf(bodyForUpstream(how, call(...args)));

const blank = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });
/** The name in one of the spellings that JSON allows. */
const spelled = (name: string) =>
  fc.array(fc.constantFrom('as it is', 'lower', 'upper'), { minLength: name.length, maxLength: name.length }).map(
    ways =>
      `"${[...name]
        .map((char, index) => {
          const hex = char.charCodeAt(0).toString(16).padStart(4, '0');
          if (ways[index] === 'as it is') return char;
          return `\\u${ways[index] === 'lower' ? hex : hex.toUpperCase()}`;
        })
        .join('')}"`,
  );
const json = fc.jsonValue({ maxDepth: 3 }).map(value => JSON.stringify(value));
const other = fc.tuple(
  fc
    .string()
    .filter(name => !['priority', 'service_tier', 'model', 'stream'].includes(name) && !name.startsWith('max_')),
  fc.oneof(json, fc.constant('{"priority":1,"a":[{"priority":2}],"service_tier":"x"}')),
);
const otherMember = other.map(([name, value]) => ({ name: JSON.stringify(name), value, isLevel: false }));
const levelMember = fc.tuple(spelled('priority'), json).map(([name, value]) => ({ name, value, isLevel: true }));
const modelMember = fc.constant({ name: '"model"', value: '"m"', isLevel: false });
const members = fc
  .tuple(modelMember, fc.array(otherMember, { maxLength: 5 }), fc.array(levelMember, { maxLength: 4 }))
  .chain(([model, others, levels]) => {
    const all = [model, ...others, ...levels];
    return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
  });

test('the client’s member is replaced wherever it is and however it is spelled, and every other byte stays', () => {
  fc.assert(
    fc.property(members, blank, fc.array(fc.nat(400)), (all, space, cuts) => {
      const body = (textOfValue: (member: (typeof all)[number]) => string, end = '') => {
        const written = all.map(member => `${space}${member.name}${space}:${space}${textOfValue(member)}${space}`);
        return `${space}{${written.join(',')}${end}}${space}`;
      };
      const given = received(
        body(({ value }) => value),
        cuts,
      );
      const result = bodyForUpstream('vllm', { ...call(3, '{"model":"m"}', '/completions'), ...given });
      const isWritten = all.some(({ isLevel }) => isLevel);
      const expected = body(({ value, isLevel }) => (isLevel ? '3' : value), isWritten ? '' : ',"priority":3');
      assert.equal(textOf(result), expected);
      assert.equal(result?.bytes, Buffer.byteLength(expected));
      assert.equal(JSON.parse(expected).priority, 3);
    }),
    { numRuns: 500 },
  );
});

test('the client’s value has no effect, whichever of two members a reader takes', () => {
  const text = spliced('vllm', 9, '{"priority":-1000,"model":"m","priority":-2000}');
  assert.equal(text, '{"priority":9,"model":"m","priority":9}');
  assert.equal(
    spliced('sglang', 0, '{"model":"m","prior\\u0069ty" : {"a":[1]} }'),
    '{"model":"m","prior\\u0069ty" : 200 }',
  );
  assert.equal(
    spliced('service_tier', 5, '{"service_tier":"priority","model":"m"}'),
    '{"service_tier":"default","model":"m"}',
  );
  assert.equal(spliced('service_tier', 8, '{"service_tier":null,"model":"m"}'), '{"service_tier":"flex","model":"m"}');
  assert.equal(
    spliced('service_tier', 4, '{"service_tier":"priority","model":"m"}', '/v1/messages', 'anthropic'),
    '{"service_tier":"standard_only","model":"m"}',
  );
  // Each engine has one of the two; the other is the client's.
  assert.equal(
    spliced('vllm', 1, '{"service_tier":"flex","model":"m"}'),
    '{"service_tier":"flex","model":"m","priority":1}',
  );
});

test('a name that is repeated too often is refused, so that nothing grows with it', () => {
  const many = (count: number) => `{"model":"m"${',"priority":1'.repeat(count)}}`;
  assert.equal(spliced('vllm', 2, many(8)), `{"model":"m"${',"priority":2'.repeat(8)}}`);
  assert.throws(() => received(many(9)), /The field `priority` stands more than 8 times/);
});

test('white space and a byte order mark stay where they are', () => {
  assert.equal(spliced('vllm', 0, ' {"model":"m"\n } \n'), ' {"model":"m"\n ,"priority":0} \n');
  assert.equal(spliced('vllm', 0, '\ufeff{"model":"m"}'), '\ufeff{"model":"m","priority":0}');
});

test('vLLM takes the least number first, SGLang the greatest, in steps that let it pre-empt', () => {
  for (const level of [0, 1, 9]) {
    assert.equal(JSON.parse(spliced('vllm', level)).priority, level);
    assert.equal(JSON.parse(spliced('sglang', level)).priority, 200 - 20 * level);
  }
});

test('levels become service tiers in the vendor’s words', () => {
  const tiers = (path: string, dialect: string) =>
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(
      level => JSON.parse(spliced('service_tier', level, '{"model":"m"}', path, dialect)).service_tier,
    );
  const [high, middle, low] = [Array(3).fill('priority'), Array(5).fill('default'), Array(2).fill('flex')];
  assert.deepEqual(tiers('/chat/completions', 'openai'), [...high, ...middle, ...low]);
  assert.deepEqual(tiers('/responses?x=1', 'openai'), [...high, ...middle, ...low]);
  assert.deepEqual(tiers('/v1/messages?beta=true', 'anthropic'), [
    ...Array(3).fill('auto'),
    ...Array(7).fill('standard_only'),
  ]);
});

test('the body of a route without such a field is unchanged', () => {
  const counting = call(0, '{"model":"m"}', '/v1/messages/count_tokens', 'anthropic');
  for (const how of ['vllm', 'sglang', 'service_tier'] as const) {
    assert.equal(bodyForUpstream(how, counting), counting.body);
    assert.equal(bodyForUpstream(how, { ...counting, body: null }), null);
  }
  for (const path of ['/embeddings', '/completions']) {
    const tierless = call(0, '{"model":"m"}', path);
    assert.equal(bodyForUpstream('service_tier', tierless), tierless.body);
    assert.equal(JSON.parse(spliced('vllm', 4, '{"model":"m"}', path)).priority, 4);
  }
});
