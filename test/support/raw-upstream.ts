import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface RawUpstream {
  readonly url: string;
  /** The complete requests received, as text. */
  readonly requests: readonly string[];
  /** The number of connections opened. */
  readonly connections: number;
}

/** An upstream whose bytes the test writes itself, once a request is complete; closed when the test ends. */
export async function startRawUpstream(t: TestContext, answer: (socket: Socket) => void): Promise<RawUpstream> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', chunk => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (head === -1 || text.length < head + 4 + length) return;
      requests.push(text.slice(0, head + 4 + length));
      text = text.slice(head + 4 + length);
      answer(socket);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return sockets.size;
    },
  };
}

/** Returns a chunk of a chunked body; an empty one ends it. */
export const chunked = (bytes: string | Buffer): Buffer => {
  const body = Buffer.from(bytes as string);
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
};
