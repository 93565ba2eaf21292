/**
 * One connection between two processes that have proved themselves. Messages of one turn of the event loop leave in one
 * frame, a JSON array; what comes in is read once, by the schemas of messages/.
 */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Clock } from '../../domain/clock.ts';
import { MessageFault, type Read } from '../messages/messages.ts';
import { emptyFrame, type FrameReader } from './frames.ts';

/** The process at the other end, as its hand-shake has proved. */
export interface Peer {
  readonly id: string;
  /** Counts the connections of whoever opened this one. */
  readonly generation: number;
  readonly epoch: number;
  /** The version of the protocol that is spoken. */
  readonly version: number;
}

export interface LinkBounds {
  readonly mostFrameBytes: number;
  /** The most bytes that may wait to be written; an end that does not read is silent, and is closed. */
  readonly mostUnwrittenBytes: number;
}

export interface LinkParts<In> {
  readonly socket: Socket;
  /** With what came in behind the proof. */
  readonly frames: FrameReader;
  readonly peer: Peer;
  readonly read: Read<In>;
  readonly clock: Clock;
  readonly bounds: LinkBounds;
}

export interface LinkEvents<In> {
  said(message: In): void;
  /** Once; not after `close`. */
  ended(why: string): void;
}

/** After `close`, what was said has so long to be written. */
const lingerMs = 2_000;

export class Link<In, Out extends object> {
  readonly peer: Peer;
  readonly #parts: LinkParts<In>;
  #events: LinkEvents<In> | null = null;
  #state: 'open' | 'closing' | 'over' = 'open';
  #turn: string[] = [];
  #turnChars = 0;
  #passedOver = 0;

  constructor(parts: LinkParts<In>) {
    this.#parts = parts;
    this.peer = parts.peer;
    parts.frames.most = parts.bounds.mostFrameBytes;
  }

  /** Messages of a kind that is not known here. */
  get passedOver(): number {
    return this.#passedOver;
  }

  /** Called once, before anything is said on it. */
  begin(events: LinkEvents<In>): void {
    const { socket, frames } = this.#parts;
    this.#events = events;
    socket.on('data', (piece: Buffer) => {
      // Read to its end also while it is closed: unread bytes would reset the connection, and take our last words with them.
      if (this.#state !== 'open') return;
      frames.push(piece);
      this.#receive();
    });
    socket.on('error', error => this.#fail(error.message));
    // The end would else wait until everything is written, to somebody who may never read it.
    socket.on('end', () => this.#fail('the other end has closed it'));
    socket.on('close', () => this.#fail('the connection is lost'));
    if (socket.destroyed) this.#fail('the connection is lost');
    this.#receive();
    socket.resume();
  }

  /**
   * Leaves at the end of this turn of the event loop. Ends nothing before that, whatever happens: its caller may be in the
   * middle of a change.
   */
  send(message: Out): void {
    if (this.#state !== 'open') return;
    const text = this.#isOverfull ? '' : JSON.stringify(message);
    if (this.#turn.push(text) === 1) setImmediate(() => this.#flush());
    this.#turnChars += text.length;
  }

  /** Writes all that was said before, and hears nothing any more. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#flush();
    // Writing may have shown that it is over.
    if (this.#isOver()) return;
    const { socket, clock } = this.#parts;
    this.#state = 'closing';
    const cancel = clock.after(lingerMs, () => socket.destroy());
    socket.once('close', cancel);
    socket.end();
  }

  /** More waits to be written than may. */
  get #isOverfull(): boolean {
    const { socket, bounds } = this.#parts;
    return this.#turnChars + socket.writableLength > bounds.mostUnwrittenBytes;
  }

  #isOver(): boolean {
    return this.#state === 'over';
  }

  #fail(why: string): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'over';
    this.#turn = [];
    this.#turnChars = 0;
    this.#parts.socket.destroy();
    if (wasOpen) this.#events?.ended(why);
  }

  // ---- writing

  #flush(): void {
    const messages = this.#turn;
    if (this.#state !== 'open' || messages.length === 0) return;
    if (this.#isOverfull) {
      this.#fail('the other end does not read what it is told');
      return;
    }
    const { socket, bounds } = this.#parts;
    this.#turn = [];
    this.#turnChars = 0;
    socket.cork();
    for (const text of framed(messages, bounds.mostFrameBytes)) {
      if (text === null) {
        this.#fail('a message of ours is longer than a frame may be');
        return;
      }
      const { frame, content } = emptyFrame(Buffer.byteLength(text));
      content.write(text);
      socket.write(frame);
    }
    socket.uncork();
  }

  // ---- reading

  #receive(): void {
    while (this.#state === 'open') {
      const content = this.#parts.frames.next();
      if (content === null) return;
      if (content === 'too long') this.#fail('a frame is longer than it may be');
      else this.#hear(content);
    }
  }

  #hear(content: Buffer): void {
    try {
      for (const value of messagesIn(content)) {
        const message = this.#parts.read(value);
        if (message === null) this.#passedOver++;
        else this.#events?.said(message);
        if (this.#state !== 'open') return;
      }
    } catch (error) {
      if (!(error instanceof MessageFault)) throw error;
      this.#fail(`the other end is broken: ${error.message}`);
    }
  }
}

/** JSON of each frame, of as many messages as fit; null: one fits into none. */
function* framed(messages: readonly string[], most: number): Generator<string | null> {
  let from = 0;
  let bytes = 2;
  for (const [at, message] of messages.entries()) {
    const length = Buffer.byteLength(message) + 1;
    if (length + 1 > most) {
      yield null;
      return;
    }
    if (bytes + length > most) {
      yield `[${messages.slice(from, at).join(',')}]`;
      from = at;
      bytes = 2;
    }
    bytes += length;
  }
  yield `[${messages.slice(from).join(',')}]`;
}

function messagesIn(content: Buffer): readonly unknown[] {
  if (!isUtf8(content)) throw new MessageFault('a frame that is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(content.toString());
  } catch {
    throw new MessageFault('a frame that is not JSON');
  }
  if (!Array.isArray(value)) throw new MessageFault('a frame that is not a list of messages');
  return value;
}
