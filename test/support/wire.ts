import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';

const limitMs = 30_000;

/** A connection on which a test writes the bytes itself. */
export interface Wire {
  send(text: string): void;
  /** Everything received so far. */
  readonly text: string;
  /** Resolves to the text once it matches; rejects if the connection ends first, or after 30 s. */
  said(pattern: RegExp): Promise<string>;
  readonly isOpen: boolean;
  /** Resolves to everything received once the other side has closed or reset the connection. */
  readonly closed: Promise<string>;
  leave(): void;
}

/** Resolves once it is connected; closed when the test ends. */
export async function openWire(t: TestContext, url: string): Promise<Wire> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('latin1').on('data', part => {
    text += part;
  });
  socket.on('error', () => {});
  const closed = new Promise<string>(resolve => socket.once('close', () => resolve(text)));
  return {
    send: bytes => void socket.write(bytes, 'latin1'),
    get text() {
      return text;
    },
    get isOpen() {
      return !socket.destroyed && !socket.readableEnded;
    },
    async said(pattern) {
      const tooLate = AbortSignal.timeout(limitMs);
      while (!pattern.test(text)) {
        if (socket.destroyed || socket.readableEnded) throw new Error(`closed before it said ${pattern}: ${text}`);
        await Promise.race([once(socket, 'data', { signal: tooLate }), closed]);
      }
      return text;
    },
    closed,
    leave: () => socket.destroy(),
  };
}
