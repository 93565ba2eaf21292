import type { Socket } from 'node:net';

/**
 * Removes `100 Continue` from an upstream's bytes: a client must ignore one that it did not ask for (RFC 9110, 15.2),
 * but undici breaks the connection. undici ignores other interim answers (102, 103) itself, so they are passed on. Only
 * the bytes before the head of an answer are examined.
 */
export class InterimAnswers {
  #state: 'before a head' | 'dropping a head' | 'passing a head' | 'past' = 'past';
  /** The last bytes, if their meaning depends on the bytes that follow. */
  #held: Buffer = nothing;

  /** Called when a request is sent: the next bytes are the head of an answer. */
  expect(): void {
    this.#state = 'before a head';
    this.#held = nothing;
  }

  /** Whether a byte has come since then. */
  get hasBegun(): boolean {
    return this.#state !== 'before a head' || this.#held.length > 0;
  }

  /** Returns the bytes for the reader; null if there are none yet. */
  pass(chunk: Buffer): Buffer | null {
    if (this.#state === 'past') return chunk;
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = nothing;
    const passed: Buffer[] = [];
    while (rest.length > 0 && this.#held.length === 0) {
      if (this.#state === 'before a head') this.#begin(rest);
      else rest = rest.subarray(this.#take(rest, passed));
    }
    // Almost always the chunk itself.
    return passed.length < 2 ? (passed[0] ?? null) : Buffer.concat(passed);
  }

  #begin(rest: Buffer): void {
    const beginning = rest.toString('latin1', 0, beginningChars);
    const [, status] = interim.exec(beginning) ?? [];
    if (status === '00') this.#state = 'dropping a head';
    else if (status !== undefined) this.#state = 'passing a head';
    else if (beginning.length < beginningChars && couldBeInterim(beginning)) this.#held = rest;
    else this.#state = 'past';
  }

  /** Returns the number of bytes that were processed. */
  #take(rest: Buffer, passed: Buffer[]): number {
    if (this.#state === 'past') {
      passed.push(rest);
      return rest.length;
    }
    const end = rest.indexOf(headEnd);
    // The end of the head may be cut.
    const taken = end === -1 ? Math.max(rest.length - headEnd.length + 1, 0) : end + headEnd.length;
    if (end === -1) this.#held = rest.subarray(taken);
    if (this.#state === 'passing a head' && taken > 0) passed.push(rest.subarray(0, taken));
    if (end !== -1) this.#state = 'before a head';
    return taken;
  }
}

const nothing = Buffer.alloc(0);
const headEnd = '\r\n\r\n';
/** 101 is no interim answer: no other answer follows it. */
const interim = /^HTTP\/1\.[01] 1(?!01)(\d\d)[ \r]/;
const beginningChars = 'HTTP/1.1 100 '.length;
const couldBeInterim = (beginning: string): boolean =>
  ['HTTP/1.1 1', 'HTTP/1.0 1'].some(start => start.startsWith(beginning) || beginning.startsWith(start));

/** Returns a socket whose reader receives the remaining bytes. */
export function withoutInterimAnswers(socket: Socket, answers: InterimAnswers): Socket {
  const read = socket.read.bind(socket);
  socket.read = (size?: number) => {
    for (let chunk = read(size); chunk !== null; chunk = read(size)) {
      const rest = answers.pass(chunk);
      if (rest !== null) return rest;
    }
    return null;
  };
  return socket;
}
