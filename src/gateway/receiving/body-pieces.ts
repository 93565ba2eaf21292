/** Shorter pieces are copied together, because a piece of one byte takes some hundred times its size. */
const ownPieceBytes = 8 * 1024;
const firstBlockBytes = 4 * 1024;
const longestBlockBytes = 64 * 1024;

/** The pieces of one incoming body, and the memory that they take. */
export class BodyPieces {
  readonly pieces: Buffer[] = [];
  bytes = 0;
  /** The memory in use, blocks counted whole. */
  heldBytes = 0;
  #block: Buffer = noBlock;
  /** The begin of the last piece in the block, and that of the free part. */
  #from = 0;
  #free = 0;

  add(piece: Buffer): void {
    this.bytes += piece.length;
    if (this.pieces.length === 0 || piece.length >= ownPieceBytes) {
      this.pieces.push(piece);
      this.heldBytes += piece.length;
      this.#from = this.#free;
      return;
    }
    for (let at = 0; at < piece.length; ) at += this.#copy(piece, at);
  }

  /** Copies as much as fits in the block. */
  #copy(piece: Buffer, from: number): number {
    if (this.#free === this.#block.length) this.#begin();
    const copied = piece.copy(this.#block, this.#free, from);
    const isGoingOn = this.#from < this.#free;
    this.#free += copied;
    const joined = this.#block.subarray(this.#from, this.#free);
    if (isGoingOn) this.pieces[this.pieces.length - 1] = joined;
    else this.pieces.push(joined);
    return copied;
  }

  #begin(): void {
    const bytes = this.#block === noBlock ? firstBlockBytes : Math.min(2 * this.#block.length, longestBlockBytes);
    this.#block = Buffer.allocUnsafeSlow(bytes);
    this.heldBytes += bytes;
    this.#from = 0;
    this.#free = 0;
  }
}

const noBlock = Buffer.alloc(0);
