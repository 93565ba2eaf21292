import type { ServerResponse } from 'node:http';
import type { Sink } from '../domain/sink.ts';
import { turnOf } from './sent-ahead.ts';

/** Whoever knows the headers that the gateway adds to an answer, as they are when its head is written. */
interface OwnHeaders {
  ownHeaders(): Record<string, string>;
}

/** The answer of a model route: nothing else writes one, or looks at what has been written. */
export class ClientSink implements Sink {
  readonly #res: ServerResponse;
  readonly #own: OwnHeaders;

  constructor(res: ServerResponse, own: OwnHeaders) {
    this.#res = res;
    this.#own = own;
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
    this.#res.writeHead(status, Object.assign(this.ownHeaders(), headers)).end(body);
  }

  begin(status: number, headers: (string | string[])[]): void {
    this.#res.writeHead(status, headers);
  }

  flushHeaders(): void {
    this.#res.flushHeaders();
  }

  write(bytes: Buffer): boolean {
    return this.#res.write(bytes);
  }

  onceDrained(listener: () => void): void {
    this.#res.once('drain', listener);
  }

  end(last?: string): void {
    this.#res.end(last);
  }

  breakOff(): void {
    this.#res.destroy();
  }
}
