import type { ServerResponse } from 'node:http';
import { atEndOfTurn, type Held } from '../domain/end-of-turn.ts';
import type { Sink } from '../domain/sink.ts';
import { turnOf } from './sent-ahead.ts';

/** Whoever knows the headers that the gateway adds to an answer, as they are when its head is written. */
interface OwnHeaders {
  ownHeaders(): Record<string, string>;
}

/** Tells pages of browsers whether they may read the answer: in place of what an upstream says of it. */
type CorsHeaders = Readonly<Record<string, string>>;

/** The answer of a model route: nothing else writes one, or looks at what has been written. */
export class ClientSink implements Sink, Held {
  readonly #res: ServerResponse;
  readonly #own: OwnHeaders;
  readonly #cors: CorsHeaders | null;
  /** True while the writes of this turn of the event loop wait for its end. */
  #isHeld = false;
  #isEnded = false;
  #last: string | undefined;

  constructor(res: ServerResponse, own: OwnHeaders, cors: CorsHeaders | null = null) {
    this.#res = res;
    this.#own = own;
    this.#cors = cors;
  }

  get isClosed(): boolean {
    return this.#res.destroyed;
  }

  /** The status that the client was sent; null while the answer has not begun. */
  get status(): number | null {
    return this.#res.headersSent ? this.#res.statusCode : null;
  }

  onClosed(listener: () => void): void {
    this.#res.on('close', listener);
  }

  /** Null where the answer may be written now; else resolves when it may. Fails as sent-ahead.ts says. */
  turn(): Promise<void> | null {
    return turnOf(this.#res);
  }

  ownHeaders(): Record<string, string> {
    return this.#own.ownHeaders();
  }

  /** The whole of an answer that the gateway makes itself. */
  answer(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.#res.writeHead(status, Object.assign(this.ownHeaders(), headers, this.#cors)).end(body);
  }

  begin(status: number, headers: (string | string[])[]): void {
    this.#res.writeHead(status, this.#cors === null ? headers : withCors(headers, this.#cors));
  }

  flushHeaders(): void {
    this.#res.flushHeaders();
  }

  write(bytes: Buffer): boolean {
    this.#hold();
    return this.#res.write(bytes);
  }

  onceDrained(listener: () => void): void {
    this.#res.once('drain', listener);
  }

  end(last?: string): void {
    this.#isEnded = true;
    this.#last = last;
    this.#hold();
    if (!this.#isHeld) this.#res.end(last);
  }

  /** Bytes that were written before still go out. */
  breakOff(): void {
    if (this.#isHeld) this.release();
    this.#res.destroy();
  }

  #hold(): void {
    const { socket } = this.#res;
    if (this.#isHeld || socket === null) return;
    this.#isHeld = true;
    socket.cork();
    atEndOfTurn(this);
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    // Ending releases the socket as well.
    if (this.#isEnded && !this.isClosed) this.#res.end(this.#last);
    else this.#res.socket?.uncork();
  }
}

/** `headers` is a flat list of names and values. */
function withCors(headers: readonly (string | string[])[], cors: CorsHeaders): (string | string[])[] {
  const result: (string | string[])[] = Object.entries(cors).flat();
  for (let at = 0; at < headers.length; at += 2) {
    const name = String(headers[at]);
    if (!name.startsWith('access-control-')) result.push(name, headers[at + 1] ?? '');
  }
  return result;
}
