/// <reference lib="es2025.float16" />
/**
 * A model of the llama architecture whose weights are random: what it says has no meaning, but an engine spends the same
 * work on it as on any other model of its size. It needs no download.
 */
import { Random } from '../sim/random.ts';
import { type GgufValue, ggufOf, type Tensor } from './gguf.ts';

export interface Shape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForward: number;
  /** Tokens of a prompt and its answer together. */
  readonly contextTokens: number;
}

/** About 11 MB. */
export const smallShape: Shape = { width: 256, layers: 6, heads: 4, feedForward: 768, contextTokens: 2048 };

interface Piece {
  readonly text: string;
  /** 1 is a normal piece, 2 unknown text, 3 a control token, 6 a byte. */
  readonly type: 1 | 2 | 3 | 6;
}

const control: readonly Piece[] = [
  { text: '<unk>', type: 2 },
  { text: '<s>', type: 3 },
  { text: '</s>', type: 3 },
];

/** Any text has tokens: what has no piece of its own is written in bytes. */
const bytes: readonly Piece[] = Array.from({ length: 256 }, (_, byte) => ({
  text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  type: 6,
}));

/** Characters and syllables. SentencePiece writes a space as ▁, and joins two pieces to one that is in the vocabulary. */
function spoken(): readonly Piece[] {
  const syllables = [...'bcdfghjklmnpqrstvwxyz'].flatMap(first => [...'aeiou'].map(second => first + second));
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const texts = ['▁', ...letters, ...'.,?!', ...syllables, ...letters.map(letter => `▁${letter}`)];
  return [...texts, ...syllables.map(syllable => `▁${syllable}`)].map(text => ({ text, type: 1 }));
}

/** The ids of tokens are their places in it. */
export const vocabulary: readonly Piece[] = [...control, ...bytes, ...spoken()];

/** The same seed gives the same file. */
export function randomLlama(shape: Shape, seed: number): Buffer {
  return ggufOf(metadataOf(shape), tensorsOf(shape, new Random(seed)));
}

function metadataOf({ width, layers, heads, feedForward, contextTokens }: Shape): Record<string, GgufValue> {
  const u32 = (value: number): GgufValue => ({ type: 'u32', value });
  const string = (value: string): GgufValue => ({ type: 'string', value });
  return {
    'general.architecture': string('llama'),
    'general.name': string('random'),
    'general.file_type': u32(1), // mostly f16
    'llama.vocab_size': u32(vocabulary.length),
    'llama.context_length': u32(contextTokens),
    'llama.embedding_length': u32(width),
    'llama.block_count': u32(layers),
    'llama.feed_forward_length': u32(feedForward),
    'llama.attention.head_count': u32(heads),
    'llama.attention.head_count_kv': u32(heads),
    'llama.attention.layer_norm_rms_epsilon': { type: 'f32', value: 1e-5 },
    'llama.rope.dimension_count': u32(width / heads),
    'tokenizer.ggml.model': string('llama'),
    'tokenizer.ggml.tokens': { type: 'strings', value: vocabulary.map(({ text }) => text) },
    // Of two pairs that could be joined, the one with the better score is; a longer piece is the better one.
    'tokenizer.ggml.scores': {
      type: 'f32s',
      value: vocabulary.map(({ text, type }) => (type === 1 ? text.length : 0)),
    },
    'tokenizer.ggml.token_type': { type: 'i32s', value: vocabulary.map(({ type }) => type) },
    'tokenizer.ggml.unknown_token_id': u32(0),
    'tokenizer.ggml.bos_token_id': u32(1),
    'tokenizer.ggml.eos_token_id': u32(2),
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: true },
  };
}

function tensorsOf({ width, layers, feedForward }: Shape, random: Random): Tensor[] {
  const matrix = (name: string, columns: number, rows: number, firstRow = 0): Tensor => ({
    name: `${name}.weight`,
    dimensions: [columns, rows],
    type: 'f16',
    data: randomMatrix(random, columns, rows, firstRow),
  });
  const norm = (name: string): Tensor => ({
    name: `${name}.weight`,
    dimensions: [width],
    type: 'f32',
    data: new Uint8Array(new Float32Array(width).fill(1).buffer),
  });
  const layer = (of: string): Tensor[] => [
    norm(`${of}.attn_norm`),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map(name => matrix(`${of}.${name}`, width, width)),
    norm(`${of}.ffn_norm`),
    matrix(`${of}.ffn_gate`, width, feedForward),
    matrix(`${of}.ffn_up`, width, feedForward),
    matrix(`${of}.ffn_down`, feedForward, width),
  ];
  return [
    matrix('token_embd', width, vocabulary.length),
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
    norm('output_norm'),
    // Rows of zeros give control tokens and bytes a logit of 0. The best of all is above it, so an answer that takes the
    // best never ends early and is readable text.
    matrix('output', width, vocabulary.length, control.length + bytes.length),
  ];
}

/** Scaled by the number of columns, so that what goes through many layers neither grows nor fades. */
function randomMatrix(random: Random, columns: number, rows: number, firstRow: number): Uint8Array {
  const limit = Math.sqrt(3 / columns);
  const weights = new Float16Array(columns * rows);
  for (let at = firstRow * columns; at < weights.length; at++) weights[at] = random.between(-limit, limit);
  return new Uint8Array(weights.buffer);
}
