import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A connection path to a server that can be cut, and opened again at the same address. */
export interface TcpWay {
  readonly url: string;
  /** Breaks all connections and accepts no new ones. */
  cut(): Promise<void>;
  open(): Promise<void>;
}

export async function startTcpWay(t: TestContext, to: string): Promise<TcpWay> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  const server = createServer(near => {
    const far = connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy()).on('close', () => sockets.delete(one) && other.destroy());
      one.pipe(other);
    }
  });
  const listen = (at: number) => new Promise<void>(resolve => server.listen(at, '127.0.0.1', () => resolve()));
  const cut = async () => {
    const closed = new Promise(resolve => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const at = (server.address() as AddressInfo).port;
  t.after(cut);
  return { url: `http://127.0.0.1:${at}`, cut, open: () => listen(at) };
}
