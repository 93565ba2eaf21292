/**
 * A peer of the fleet as it was when protocol 1 was new, written a second time from its description and never changed
 * with the gateway: what it says is understood by every version that speaks 1.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface PeerIs {
  readonly secret: Uint8Array;
  readonly fleet: string;
  readonly at: string;
  readonly member: string;
  readonly generation?: number;
  readonly speaks?: { readonly oldest: number; readonly newest: number };
}

export function frame(content: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(content.length);
  return Buffer.concat([head, content]);
}

export function macOf(secret: Uint8Array, role: string, before: Uint8Array, said: Uint8Array): Buffer {
  const text = `tokligence fleet ${role}\n0 ${before.length}\n`;
  return createHmac('sha256', secret).update(text).update(before).update(said).digest();
}

export function sealed(secret: Uint8Array, role: string, before: Uint8Array, text: object | ''): Buffer {
  const said = Buffer.from(text === '' ? '' : JSON.stringify(text));
  return Buffer.concat([macOf(secret, role, before, said), said]);
}

export function openingOf(is: PeerIs): Buffer {
  const { secret, fleet, at, member, generation = 1, speaks = { oldest: 1, newest: 1 } } = is;
  const nonce = randomBytes(32).toString('base64url');
  return sealed(secret, 'opening', Buffer.alloc(0), { fleet, at, member, generation, epoch: 0, speaks, nonce });
}

export const proofOf = (secret: Uint8Array, challenge: Buffer): Buffer =>
  sealed(secret, 'proof', challenge.subarray(0, 32), '');

export const batch = (...messages: unknown[]): Buffer => frame(Buffer.from(JSON.stringify(messages)));

/** A connection that counts and gives whole frames. */
export interface RawPeer {
  readonly socket: Socket;
  readonly received: Buffer;
  /** The next frame; rejects when the connection ends first. */
  frame(): Promise<Buffer>;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>;
}

export async function openRaw(t: TestContext, url: string): Promise<RawPeer> {
  const { hostname, port } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return rawOn(socket);
}

export function rawOn(socket: Socket): RawPeer {
  let received = Buffer.alloc(0);
  let taken = 0;
  socket.on('data', piece => {
    received = Buffer.concat([received, piece]);
  });
  socket.on('error', () => {});
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  return {
    socket,
    get received() {
      return received;
    },
    closed,
    async frame() {
      for (;;) {
        const rest = received.subarray(taken);
        if (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
          taken += 4 + rest.readUInt32BE();
          return rest.subarray(4, 4 + rest.readUInt32BE());
        }
        if (socket.destroyed || socket.readableEnded) throw new Error(`closed after ${received.length} bytes`);
        await Promise.race([once(socket, 'data'), closed]);
      }
    },
  };
}

/** A member that has proved itself. */
export async function openPeer(t: TestContext, url: string, is: PeerIs): Promise<RawPeer> {
  const peer = await openRaw(t, url);
  peer.socket.write(frame(openingOf(is)));
  const challenge = await peer.frame();
  peer.socket.write(frame(proofOf(is.secret, challenge)));
  return peer;
}

export const isProofOf = (secret: Uint8Array, challenge: Buffer, proof: Buffer): boolean =>
  proof.equals(proofOf(secret, challenge));

/** Answers at an address of its own, by hand; resolves to the address. */
export async function startRaw(t: TestContext, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    answer(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}?at=here`;
}
