import type { IncomingMessage } from 'node:http';
import { ClientLeft, errors } from '../domain/errors.ts';

export interface BodyLimits {
  /** Of one body. */
  readonly maxBytes: number;
  /** Of all bodies that have begun to come in and are not complete. */
  readonly maxReceivingBytes: number;
}

/** What a piece of a body takes at the least, however little it holds: a byte sent alone takes some 600. */
const leastPieceBytes = 1024;

/** Reads request bodies. Whole ones are the pool's to count; those still coming in are counted here. */
export class BodyReader {
  readonly #limits: BodyLimits;
  #receivingBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /**
   * The whole body as it came. Throws `request_too_large` for one beyond its limit, `queue_full` where
   * too much is being received at once, and `ClientLeft` when it breaks off.
   */
  read(req: IncomingMessage): Promise<Buffer> {
    const { maxBytes, maxReceivingBytes } = this.#limits;
    // Who left while its key was looked up is not heard of again.
    if (req.destroyed) return Promise.reject(new ClientLeft());
    if (Number(req.headers['content-length']) > maxBytes) return Promise.reject(tooLarge(maxBytes));
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      let heldBytes = 0;
      let state: 'coming' | 'whole' | 'refused' = 'coming';
      const letGo = () => {
        this.#receivingBytes -= heldBytes;
        heldBytes = 0;
      };
      const refuse = (error: Error) => {
        // What still comes is read and thrown away, so that the client gets to see the answer.
        state = 'refused';
        pieces.length = 0;
        letGo();
        reject(error);
      };
      req.on('data', (piece: Buffer) => {
        if (state === 'refused') return;
        const takes = Math.max(piece.length, leastPieceBytes);
        bytes += piece.length;
        heldBytes += takes;
        this.#receivingBytes += takes;
        if (bytes > maxBytes) refuse(tooLarge(maxBytes));
        else if (this.#receivingBytes > maxReceivingBytes) refuse(tooManyBytes(maxReceivingBytes));
        else pieces.push(piece);
      });
      req.on('end', () => {
        if (state === 'refused') return;
        state = 'whole';
        letGo();
        resolve(pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces, bytes));
      });
      req.on('close', () => {
        // Every request closes; an error with its stack is made only for the one that broke off, which
        // without a listener for errors closes like the rest.
        if (state === 'coming') refuse(new ClientLeft());
      });
    });
  }
}

const tooLarge = (maxBytes: number) =>
  errors.requestTooLarge(`The request body is larger than the ${maxBytes / 2 ** 20} MiB that this gateway takes.`);
const tooManyBytes = (maxBytes: number) =>
  errors.queueFull(
    `Request bodies of ${maxBytes / 2 ** 20} MiB are being received; that is all that this gateway takes at once.`,
    1,
  );
