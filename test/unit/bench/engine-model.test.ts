/// <reference lib="es2025.float16" />
/** The model of the bench of a real engine; the engine itself is no part of the suite. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type GgufValue, ggufOf, type Tensor } from '../../../bench/engine/gguf.ts';
import { randomLlama, type Shape, smallShape, vocabulary } from '../../../bench/engine/random-llama.ts';
import { type ReadTensor, readGguf } from '../../support/gguf-reader.ts';

const text = fc.string({ unit: 'binary', maxLength: 20 });
const float = fc.float({ noNaN: true });
const value: fc.Arbitrary<GgufValue> = fc.oneof(
  fc.record({ type: fc.constant('u32' as const), value: fc.nat() }),
  fc.record({ type: fc.constant('f32' as const), value: float }),
  fc.record({ type: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('string' as const), value: text }),
  fc.record({ type: fc.constant('strings' as const), value: fc.array(text) }),
  fc.record({ type: fc.constant('f32s' as const), value: fc.array(float) }),
  fc.record({ type: fc.constant('i32s' as const), value: fc.array(fc.integer()) }),
);
const tensor: fc.Arbitrary<Tensor> = fc.record({
  name: text,
  dimensions: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
  type: fc.constantFrom('f32', 'f16'),
  data: fc.uint8Array({ maxLength: 100 }),
});

test('what was written is read again, each tensor at a multiple of 32 bytes', () => {
  fc.assert(
    fc.property(fc.dictionary(text, value, { maxKeys: 8 }), fc.array(tensor, { maxLength: 8 }), (metadata, tensors) => {
      const file = ggufOf(metadata, tensors);
      const read = readGguf(file);
      assert.equal(read.version, 3);
      const written = Object.entries(metadata).map(([key, one]) => [key, one.value]);
      assert.deepEqual([...read.metadata], written);
      assert.equal(read.tensors.length, tensors.length);
      for (const [index, { name, dimensions, type, data }] of tensors.entries()) {
        const found = read.tensors[index];
        assert.deepEqual([found?.name, found?.dimensions], [name, dimensions]);
        assert.equal(found?.type, type === 'f32' ? 0 : 1);
        assert.deepEqual(found?.data.subarray(0, data.length), Buffer.from(data));
        assert.equal((file.length - (found?.data.length ?? 0)) % 32, 0);
      }
    }),
    { numRuns: 50 },
  );
});

const tiny: Shape = { width: 8, layers: 2, heads: 2, feedForward: 24, contextTokens: 64 };

const valuesOf = ({ dimensions, type, data }: ReadTensor): number[] => {
  const count = dimensions.reduce((product, dimension) => product * dimension, 1);
  const own = Uint8Array.from(data.subarray(0, count * (type === 0 ? 4 : 2))).buffer;
  return [...(type === 0 ? new Float32Array(own) : new Float16Array(own))];
};

test('the model has the tensors of llama, of its shape, and every weight is a number', () => {
  const { tensors, metadata } = readGguf(randomLlama(tiny, 1));
  const shapes = Object.fromEntries(tensors.map(({ name, dimensions }) => [name, dimensions]));
  const layer = (index: number) => ({
    [`blk.${index}.attn_norm.weight`]: [8],
    [`blk.${index}.attn_q.weight`]: [8, 8],
    [`blk.${index}.attn_k.weight`]: [8, 8],
    [`blk.${index}.attn_v.weight`]: [8, 8],
    [`blk.${index}.attn_output.weight`]: [8, 8],
    [`blk.${index}.ffn_norm.weight`]: [8],
    [`blk.${index}.ffn_gate.weight`]: [8, 24],
    [`blk.${index}.ffn_up.weight`]: [8, 24],
    [`blk.${index}.ffn_down.weight`]: [24, 8],
  });
  const words = vocabulary.length;
  assert.deepEqual(shapes, {
    'token_embd.weight': [8, words],
    ...layer(0),
    ...layer(1),
    'output_norm.weight': [8],
    'output.weight': [8, words],
  });
  for (const each of tensors) assert.ok(valuesOf(each).every(Number.isFinite), each.name);
  assert.equal(metadata.get('llama.vocab_size'), words);
  assert.equal(metadata.get('llama.block_count'), 2);
  assert.equal(metadata.get('llama.rope.dimension_count'), 4);
});

test('the vocabulary has every byte, no piece twice, and both halves of each longer piece', () => {
  const texts = vocabulary.map(({ text }) => text);
  assert.equal(new Set(texts).size, texts.length);
  assert.equal(vocabulary.filter(({ type }) => type === 6).length, 256);
  assert.deepEqual(texts.slice(0, 4), ['<unk>', '<s>', '</s>', '<0x00>']);
  const spoken = vocabulary.filter(({ type }) => type === 1).map(({ text }) => text);
  // SentencePiece joins two pieces at a time, so a piece without such halves would never be found in a text.
  for (const piece of spoken.filter(({ length }) => length > 1)) {
    const places = Array.from({ length: piece.length - 1 }, (_, index) => index + 1);
    assert.ok(
      places.some(place => spoken.includes(piece.slice(0, place)) && spoken.includes(piece.slice(place))),
      piece,
    );
  }
});

test('an answer is never ended or made unreadable: control tokens and bytes have rows of zeros, all others do not', () => {
  const output = readGguf(randomLlama(tiny, 1)).tensors.find(({ name }) => name === 'output.weight');
  assert.ok(output);
  const weights = valuesOf(output);
  for (const [id, { text, type }] of vocabulary.entries()) {
    const row = weights.slice(id * tiny.width, (id + 1) * tiny.width);
    assert.equal(
      row.every(weight => weight === 0),
      type !== 1,
      text,
    );
  }
});

test('the file of the bench has 256 × 6 in about 11 MB, and the same seed gives the same file', () => {
  const file = randomLlama(smallShape, 1);
  assert.ok(Math.abs(file.length - 11e6) < 0.5e6, `${file.length} bytes`);
  const { metadata } = readGguf(file);
  assert.equal(metadata.get('llama.embedding_length'), 256);
  assert.equal(metadata.get('llama.block_count'), 6);
  assert.deepEqual(randomLlama(tiny, 7), randomLlama(tiny, 7));
  assert.notDeepEqual(randomLlama(tiny, 7), randomLlama(tiny, 8));
});
