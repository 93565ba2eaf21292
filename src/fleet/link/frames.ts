/**
 * Frames: the length of what follows in 4 bytes, most significant first, then so many bytes. A reader is told how long a
 * frame may be and holds no more than one of that length.
 */
const headBytes = 4;

/** A frame with room for its content, and that room. */
export function emptyFrame(bytes: number): { readonly frame: Buffer; readonly content: Buffer } {
  const frame = Buffer.allocUnsafe(headBytes + bytes);
  frame.writeUInt32BE(bytes);
  return { frame, content: frame.subarray(headBytes) };
}

export function frameOf(content: Uint8Array): Buffer {
  const { frame, content: room } = emptyFrame(content.length);
  room.set(content);
  return frame;
}

export class FrameReader {
  /** The longest frame, in bytes; may be changed between frames. */
  most: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(most: number) {
    this.most = most;
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** The content of the next frame; null: it has not come in yet. */
  next(): Buffer | 'too long' | null {
    if (this.#bytes < headBytes) return null;
    const length = this.#joined(headBytes).readUInt32BE();
    if (length > this.most) return 'too long';
    if (this.#bytes < headBytes + length) return null;
    const whole = this.#joined(headBytes + length);
    this.#drop(headBytes + length);
    return whole.subarray(headBytes);
  }

  /** The first bytes, in one piece. What has come in is copied once per frame, however many pieces it came in. */
  #joined(bytes: number): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= bytes) return first.subarray(0, bytes);
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [all];
    return all.subarray(0, bytes);
  }

  #drop(bytes: number): void {
    const [first] = this.#pieces;
    this.#bytes -= bytes;
    if (first === undefined || first.length === bytes) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(bytes);
  }
}
