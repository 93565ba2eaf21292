import type { IncomingMessage } from 'node:http';
import type { Body } from '../../domain/body.ts';
import type { Clock } from '../../domain/clock.ts';
import { ClientLeft, errors } from '../../domain/errors.ts';
import type { Operation } from '../operations.ts';
import { BodyPieces } from './body-pieces.ts';
import type { ScannedBody } from './body-scan.ts';
import { inviteBody } from './invitation.ts';
import { type Scan, scanOf } from './scan.ts';
import { ScanTurns } from './scan-turns.ts';
import { type Sender, type Upload, type UploadLimits, Uploads } from './uploads.ts';

/** A request whose body is to be read. */
interface Incoming {
  readonly req: IncomingMessage;
  readonly operation: Operation;
  /** Its turn: null where the answer may be written now; else resolves when it may. */
  readonly sink: { turn(): Promise<void> | null };
}

export interface ReadBody {
  readonly body: Body;
  readonly fields: ScannedBody;
}

/** Reads request bodies, and scans them as they come in. Complete ones are counted by the pool. */
export class BodyReader {
  readonly limits: UploadLimits;
  readonly uploads: Uploads;
  readonly turns: ScanTurns;

  constructor(limits: UploadLimits, clock: Clock) {
    this.limits = limits;
    this.uploads = new Uploads(limits, clock);
    this.turns = new ScanTurns(clock);
  }

  /**
   * Resolves to the whole body, once the answer's turn has come. Rejects with `request_too_large` beyond the limit,
   * `invalid_request` for a text that is no valid JSON object, or no form, `unsupported_media_type`, `tenant_limit`, `queue_full` and `request_timeout` as in
   * uploads.ts, and `ClientLeft` when the body breaks off.
   */
  read(incoming: Incoming, sender: Sender): Promise<ReadBody> {
    const { req } = incoming;
    const { maxBytes } = this.limits;
    // If the client left while its key was looked up, no further event comes.
    if (req.destroyed) return Promise.reject(new ClientLeft());
    if (Number(req.headers['content-length']) > maxBytes) return Promise.reject(tooLarge(maxBytes));
    return new Promise((resolve, reject) => {
      const reading = new Reading(this, incoming, sender, { resolve, reject });
      inviteBody(req);
      req.on('data', (piece: Buffer) => reading.came(piece));
      req.on('end', () => reading.ended());
      // Every request closes; an error with its stack is created only for a request that broke off, which without a
      // listener for errors closes like the rest.
      req.on('close', () => reading.closed());
    });
  }
}

interface Settle {
  readonly resolve: (read: ReadBody) => void;
  readonly reject: (error: unknown) => void;
}

/** One incoming body. */
class Reading {
  readonly #reader: BodyReader;
  readonly #incoming: Incoming;
  readonly #sender: Sender;
  readonly #settle: Settle;
  #body = new BodyPieces();
  readonly #scan: Scan;
  /** NaN if it is not declared. */
  readonly #bytesTold: number;
  /** Set once the body is seen to come in several pieces. */
  #upload: Upload | null = null;
  #state: 'coming' | 'whole' | 'refused' = 'coming';

  /** Throws `unsupported_media_type` or `invalid_request` for a body that cannot be read. */
  constructor(reader: BodyReader, incoming: Incoming, sender: Sender, settle: Settle) {
    this.#scan = scanOf(incoming.operation, incoming.req.headers);
    this.#reader = reader;
    this.#incoming = incoming;
    this.#sender = sender;
    this.#settle = settle;
    this.#bytesTold = Number(incoming.req.headers['content-length']);
  }

  came(piece: Buffer): void {
    // Bytes after a refusal are discarded, so that the client gets to read the answer.
    if (this.#state === 'refused') return;
    this.#body.add(piece);
    const { maxBytes } = this.#reader.limits;
    if (this.#body.bytes > maxBytes) this.#refuse(tooLarge(maxBytes));
    else if (this.#mayGoOn(piece)) this.#look(piece);
  }

  ended(): void {
    if (this.#state === 'refused') return;
    try {
      const fields = this.#scan.end();
      this.#state = 'whole';
      const turn = this.#incoming.sink.turn();
      if (turn === null) this.#handOver(fields);
      else this.#wait(turn, fields);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #handOver(fields: ScannedBody): void {
    if (this.#state !== 'whole') return;
    this.#letGo();
    this.#settle.resolve({ body: this.#body, fields });
  }

  /** The client pipelined it. No pool counts it before its turn, so until then it counts as incoming. */
  #wait(turn: Promise<void>, fields: ScannedBody): void {
    const { uploads } = this.#reader;
    this.#upload ??= uploads.begin(this.#sender, error => this.#refuse(error));
    this.#upload.isWhole = true;
    turn.then(
      () => this.#handOver(fields),
      error => this.#refuse(error),
    );
    uploads.grown(this.#upload, this.#body.heldBytes, 0);
  }

  closed(): void {
    if (this.#state === 'coming') this.#refuse(new ClientLeft());
  }

  /** False if it had to make room for others. */
  #mayGoOn(piece: Buffer): boolean {
    const { bytes, heldBytes } = this.#body;
    if (bytes === this.#bytesTold) return true;
    const { uploads } = this.#reader;
    this.#upload ??= uploads.begin(this.#sender, error => this.#refuse(error));
    uploads.grown(this.#upload, heldBytes, piece.length);
    return this.#state === 'coming';
  }

  #look(piece: Buffer): void {
    try {
      // Most bodies are one piece, which is scanned quickly.
      if (this.#body.bytes === piece.length) this.#scan.push(piece);
      else this.#reader.turns.take(this.#incoming.req, () => this.#scan.push(piece));
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (this.#state === 'refused') return;
    this.#state = 'refused';
    this.#letGo();
    this.#body = new BodyPieces();
    this.#settle.reject(error);
  }

  #letGo(): void {
    if (this.#upload !== null) this.#reader.uploads.end(this.#upload);
    this.#upload = null;
  }
}

const tooLarge = (maxBytes: number) =>
  errors.requestTooLarge(`The request body is larger than the ${maxBytes / 2 ** 20} MiB that this gateway takes.`);
