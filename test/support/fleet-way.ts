/** A network between gateways that can fall silent in one direction or in both, without closing a connection. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** As seen from the listener behind the way. */
type Direction = 'in' | 'out';

/** One direction of one connection: bytes are kept back while it is silent. */
interface Lane {
  readonly direction: Direction;
  readonly to: Socket;
  readonly kept: Buffer[];
  isOver: boolean;
}

export interface Way {
  readonly port: number;
  /** Keeps back all bytes and ends in these directions, those of new connections too, which are accepted. */
  cut(...directions: Direction[]): void;
  /** What was kept back arrives late, as TCP would send it again. */
  mend(): void;
  /** Ends all connections, which loses what was kept back; then as if mended. */
  reset(): void;
  /** Refuses, as the address of a process that is gone. */
  close(): void;
}

export async function startWay(t: TestContext, toPort: number): Promise<Way> {
  const sockets = new Set<Socket>();
  const lanes = new Set<Lane>();
  let silent: readonly Direction[] = [];
  const carry = (from: Socket, lane: Lane) => {
    lanes.add(lane);
    from.on('data', bytes => (silent.includes(lane.direction) ? lane.kept.push(bytes) : lane.to.write(bytes)));
    from.on('close', () => {
      lane.isOver = true;
      if (!silent.includes(lane.direction)) end(lane);
    });
  };
  const end = (lane: Lane) => {
    lanes.delete(lane);
    lane.to.destroy();
  };
  const server = createServer(near => {
    const far = connect(toPort, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    carry(near, { direction: 'in', to: far, kept: [], isOver: false });
    carry(far, { direction: 'out', to: near, kept: [], isOver: false });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reset = () => {
    silent = [];
    for (const socket of sockets) socket.destroy();
    lanes.clear();
  };
  const close = () => {
    reset();
    server.close();
  };
  t.after(close);
  return {
    port: (server.address() as AddressInfo).port,
    cut: (...directions) => {
      silent = directions;
    },
    mend: () => {
      silent = [];
      for (const lane of lanes) {
        for (const bytes of lane.kept.splice(0)) lane.to.write(bytes);
        if (lane.isOver) lane.to.end(() => end(lane));
      }
    },
    reset,
    close,
  };
}
