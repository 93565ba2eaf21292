import type { Clock } from '../../domain/clock.ts';
import type { Sink } from '../../domain/sink.ts';

interface Head {
  readonly status: number;
  readonly headers: (string | string[])[];
}

interface Held {
  pause(): void;
  resume(): void;
}

interface Patience {
  readonly clock: Clock;
  /** How long a client may leave the answer unread before it counts as gone. */
  readonly stallMs: number;
}

/**
 * The client as the answer is written to it. The head waits for the first bytes, or for `flush`: until then the call can
 * still be made again. A client that is slow holds the source back.
 */
export class ClientSide {
  readonly #sink: Sink;
  readonly #source: Held;
  readonly #patience: Patience;
  #head: Head | null = null;
  #hasBytes = false;
  #cancelStall: (() => void) | null = null;

  constructor(sink: Sink, source: Held, patience: Patience) {
    this.#sink = sink;
    this.#source = source;
    this.#patience = patience;
  }

  /** After `begin`: the head has gone out. */
  get isTold(): boolean {
    return this.#head === null;
  }

  get hasBytes(): boolean {
    return this.#hasBytes;
  }

  /** It reads too slowly at present. */
  get isStalled(): boolean {
    return this.#cancelStall !== null;
  }

  /** The headers that the gateway adds. */
  ownHeaders(): Record<string, string> {
    return this.#sink.ownHeaders();
  }

  begin(status: number, headers: (string | string[])[]): void {
    this.#head = { status, headers };
  }

  /** Sends the head where it still waits for bytes. */
  flush(): void {
    if (this.#hasBytes) return;
    this.#tellHead();
    this.#sink.flushHeaders();
  }

  write(bytes: Buffer): void {
    this.#hasBytes = true;
    this.#tellHead();
    if (!this.#sink.write(bytes)) this.#holdBack();
  }

  end(last?: string): void {
    this.#tellHead();
    this.#sink.end(last);
  }

  breakOff(): void {
    this.#sink.breakOff();
  }

  /** Nothing more is written. */
  rest(): void {
    this.#cancelStall?.();
  }

  #tellHead(): void {
    if (this.#head === null) return;
    const { status, headers } = this.#head;
    this.#head = null;
    this.#sink.begin(status, headers);
  }

  #holdBack(): void {
    if (this.#cancelStall !== null) return;
    const { clock, stallMs } = this.#patience;
    this.#source.pause();
    this.#cancelStall = clock.after(stallMs, () => this.#sink.breakOff());
    this.#sink.onceDrained(() => {
      this.#cancelStall?.();
      this.#cancelStall = null;
      this.#source.resume();
    });
  }
}
