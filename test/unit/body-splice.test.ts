import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Body } from '../../src/domain/body.ts';
import type { Level } from '../../src/domain/vocabulary.ts';
import { bodyWithLevel, withLastMember } from '../../src/upstreams/body-splice.ts';

/** In pieces that are cut in the middle of it and at its last brace. */
function closed(text: string) {
  const bytes = Buffer.from(text);
  const bodyClosedAt = bytes.lastIndexOf('}');
  const pieces = [bytes.subarray(0, 5), bytes.subarray(5, bodyClosedAt), bytes.subarray(bodyClosedAt)];
  return { body: { pieces, bytes: bytes.length }, bodyClosedAt };
}
const textOf = (body: Body | null): string => Buffer.concat(body?.pieces ?? []).toString();

const call = (level: number, body = '{"model":"m"}', path = '/chat/completions', dialect = 'openai') => ({
  dialect: dialect as 'openai' | 'anthropic',
  path,
  level: level as Level,
  ...closed(body),
});
const spliced = (how: 'vllm' | 'sglang' | 'service_tier', ...args: Parameters<typeof call>) =>
  textOf(bodyWithLevel(how, call(...args)));

const whiteSpace = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 4 });

test('whatever the object holds, JSON.parse reads it as before with the member as its last', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      fc.tuple(whiteSpace, whiteSpace, whiteSpace),
      fc.constantFrom(undefined, 0, 2),
      (object, [before, inside, after], indent) => {
        const text = JSON.stringify(object, null, indent);
        const whole = `${before}${text.slice(0, -1)}${inside}}${after}`;
        const { body, bodyClosedAt } = closed(whole);
        const { pieces, bytes } = withLastMember(body, bodyClosedAt, '"priority":3');
        const result = textOf({ pieces, bytes });
        assert.equal(bytes, Buffer.byteLength(result));
        assert.deepEqual(JSON.parse(result), { ...JSON.parse(text), priority: 3 });
        assert.match(result, /"priority":3\}[ \t\n\r]*$/);
        assert.equal(result.replace(/,?"priority":3(?=\}[ \t\n\r]*$)/, ''), whole, 'all other bytes stay');
      },
    ),
  );
});

test('what the client wrote under that name does not count', () => {
  const text = spliced('vllm', 9, '{"priority":-1000,"model":"m","priority":-2000}');
  assert.equal(text, '{"priority":-1000,"model":"m","priority":-2000,"priority":9}');
  assert.equal(JSON.parse(text).priority, 9);
  assert.equal(JSON.parse(spliced('service_tier', 5, '{"service_tier":"priority"}')).service_tier, 'default');
});

test('white space and a byte order mark stay where they are', () => {
  assert.equal(spliced('vllm', 0, ' {"a":1\n } \n'), ' {"a":1\n ,"priority":0} \n');
  assert.equal(spliced('vllm', 0, '\ufeff{"a":{}}'), '\ufeff{"a":{},"priority":0}');
});

test('vLLM takes the least number first, SGLang the greatest, in steps that let it pre-empt', () => {
  for (const level of [0, 1, 9]) {
    assert.equal(JSON.parse(spliced('vllm', level)).priority, level);
    assert.equal(JSON.parse(spliced('sglang', level)).priority, 200 - 20 * level);
  }
});

test('levels are told as service tiers in the words of the vendor', () => {
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

test('a route that has no such field keeps the very body', () => {
  const counting = call(0, '{"model":"m"}', '/v1/messages/count_tokens', 'anthropic');
  for (const how of ['vllm', 'sglang', 'service_tier'] as const) {
    assert.equal(bodyWithLevel(how, counting), counting.body);
    assert.equal(bodyWithLevel(how, { ...counting, body: null }), null);
  }
  for (const path of ['/embeddings', '/completions']) {
    const tierless = call(0, '{"model":"m"}', path);
    assert.equal(bodyWithLevel('service_tier', tierless), tierless.body);
    assert.equal(JSON.parse(spliced('vllm', 4, '{"model":"m"}', path)).priority, 4);
  }
});
