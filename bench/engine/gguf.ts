/**
 * Writes GGUF version 3, the file format of llama.cpp's models
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): a header, metadata, a description of each tensor, and
 * the data of the tensors. All numbers are little-endian.
 */

export type GgufValue =
  | { readonly type: 'u32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'f32s' | 'i32s'; readonly value: readonly number[] };

export interface Tensor {
  readonly name: string;
  /** The innermost dimension first: a matrix of `rows` × `columns` has [columns, rows]. */
  readonly dimensions: readonly number[];
  readonly type: 'f32' | 'f16';
  readonly data: Uint8Array;
}

/** The codes of the types of metadata. */
const code = { i32: 5, u32: 4, f32: 6, bool: 7, string: 8, array: 9 } as const;
/** The codes of the types of tensors. */
const tensorCode = { f32: 0, f16: 1 } as const;
/** Of each tensor's data, from the beginning of all data. The format's default, so the file need not tell it. */
const alignment = 32;

export function ggufOf(metadata: Readonly<Record<string, GgufValue>>, tensors: readonly Tensor[]): Buffer {
  const entries = Object.entries(metadata);
  const head = [
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(([key, value]) => [text(key), ...encoded(value)]),
    ...described(tensors),
  ];
  return Buffer.concat([padded(Buffer.concat(head)), ...tensors.map(({ data }) => padded(data))]);
}

function encoded(value: GgufValue): Buffer[] {
  switch (value.type) {
    case 'u32':
      return [u32(code.u32), u32(value.value)];
    case 'f32':
      return [u32(code.f32), f32(value.value)];
    case 'bool':
      return [u32(code.bool), Buffer.from([value.value ? 1 : 0])];
    case 'string':
      return [u32(code.string), text(value.value)];
    case 'strings':
      return array(code.string, value.value.map(text));
    case 'f32s':
      return array(code.f32, value.value.map(f32));
    case 'i32s':
      return array(code.i32, value.value.map(i32));
    default:
      return value satisfies never;
  }
}

const array = (itemCode: number, items: readonly Buffer[]): Buffer[] => [
  u32(code.array),
  u32(itemCode),
  u64(items.length),
  ...items,
];

function described(tensors: readonly Tensor[]): Buffer[] {
  let offset = 0;
  return tensors.flatMap(({ name, dimensions, type, data }) => {
    const description = [
      text(name),
      u32(dimensions.length),
      ...dimensions.map(u64),
      u32(tensorCode[type]),
      u64(offset),
    ];
    offset += alignedBytes(data.length);
    return description;
  });
}

const alignedBytes = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
const padded = (data: Uint8Array): Buffer =>
  Buffer.concat([data, Buffer.alloc(alignedBytes(data.length) - data.length)]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
