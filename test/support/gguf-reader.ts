/** Reads GGUF as its specification describes it, independently of bench/engine/gguf.ts. */
export interface ReadTensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: number;
  /** From its offset to the end of the file. */
  readonly data: Buffer;
}

export interface ReadGguf {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly ReadTensor[];
  /** Of the data, from the beginning of the file. */
  readonly dataStart: number;
}

export function readGguf(file: Buffer): ReadGguf {
  let at = 0;
  const take = <T>(bytes: number, value: T): T => {
    at += bytes;
    return value;
  };
  const u32 = () => take(4, file.readUInt32LE(at));
  const u64 = () => take(8, Number(file.readBigUInt64LE(at)));
  const text = () => {
    const bytes = u64();
    return take(bytes, file.toString('utf8', at, at + bytes));
  };
  const times = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, () => read());
  const value = (type: number): unknown => {
    if (type === 4) return u32();
    if (type === 5) return take(4, file.readInt32LE(at));
    if (type === 6) return take(4, file.readFloatLE(at));
    if (type === 7) return take(1, file.readUInt8(at) === 1);
    if (type === 8) return text();
    if (type !== 9) throw new Error(`no type ${type}`);
    const itemType = u32();
    return times(u64(), () => value(itemType));
  };
  if (file.toString('latin1', 0, 4) !== 'GGUF') throw new Error('no GGUF');
  at = 4;
  const version = u32();
  const [tensorCount, entryCount] = [u64(), u64()];
  const metadata = new Map(times(entryCount, () => [text(), value(u32())] as const));
  const described = times(tensorCount, () => ({
    name: text(),
    dimensions: times(u32(), u64),
    type: u32(),
    offset: u64(),
  }));
  const dataStart = Math.ceil(at / 32) * 32;
  const tensors = described.map(({ offset, ...rest }) => ({ ...rest, data: file.subarray(dataStart + offset) }));
  return { version, metadata, tensors, dataStart };
}
