/**
 * Where a process of the fleet is reached: by members, and by whoever asks whether it lives. Whoever does not know the
 * secret is closed without a word; until it has proved that it does, a connection costs a few hundred bytes, for two
 * seconds at most, and there are few of them at a time.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Read } from '../messages/messages.ts';
import { urlOf } from './address.ts';
import { FrameReader, frameOf } from './frames.ts';
import {
  challengeOf,
  commonVersion,
  type Heard,
  isProof,
  type Keys,
  mostHandshakeBytes,
  type Opening,
  readOpening,
} from './handshake.ts';
import { Link, type LinkBounds, type LinkEvents } from './link.ts';
import { channelOf, type Own, proveWithinMs, tlsOptions } from './own.ts';

export interface ListenOptions<In, Out extends object> {
  readonly own: Own;
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Where others reach it, if not at the address above; the port may be another, too. */
  readonly advertise: { readonly host: string; readonly port: number | null } | null;
  readonly read: Read<In>;
  readonly bounds: ListenerBounds;
  /** Whoever has proved itself. */
  readonly attend: (link: Link<In, Out>) => LinkEvents<In>;
  /** A fault of the listener itself. */
  readonly warn: (sentence: string) => void;
}

export interface ListenerBounds extends LinkBounds {
  /** At one more, the oldest yields: a proof takes a millisecond, so whoever lasts is a stranger. */
  readonly mostUnproved: number;
  readonly mostLinks: number;
}

export interface Listener {
  /** As others find it in the row. */
  readonly url: string;
  /** Closes whatever is open. From here on the address refuses, which proves to all that this process is gone. */
  close(): Promise<void>;
}

export async function listen<In, Out extends object>(options: ListenOptions<In, Out>): Promise<Listener> {
  const { own, host, port, advertise, warn } = options;
  const { certificate } = own;
  const server =
    certificate === null
      ? createServer({ noDelay: true })
      : createTlsServer({
          ...tlsOptions(certificate),
          requestCert: true,
          noDelay: true,
          // The deadline of the proof counts, which is told in `Door`.
          handshakeTimeout: 2 * proveWithinMs,
        });
  await listening(server, host, port);
  server.on('error', error => warn(`The listener of the fleet: ${error.message}`));
  const bound = boundTo(server);
  // The address instead of a name that leads to it: a name proves nothing.
  const at = { host: advertise?.host ?? bound.address, port: advertise?.port ?? bound.port };
  const url = urlOf({ ...at, isTls: certificate !== null }, own.place);
  const door = new Door(options, url);
  server.on('connection', (socket: Socket) => door.came(socket));
  if (certificate !== null) server.on('secureConnection', (socket: TLSSocket) => door.encrypted(socket));
  return { url, close: () => door.close(server) };
}

/** `exclusive`: a worker of a cluster listens itself, and not its parent, which would outlive it. */
const listening = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });

function boundTo(server: Server): { readonly address: string; readonly port: number } {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address : { address: '', port: 0 };
}

/** A connection whose other end has not proved itself. */
interface Unproved {
  readonly socket: Socket;
  readonly cancel: () => void;
}

class Door<In, Out extends object> {
  readonly #options: ListenOptions<In, Out>;
  readonly #url: string;
  /** By the other end's address, the oldest first. */
  readonly #unproved = new Map<string, Unproved>();
  readonly #links = new Map<string, { readonly link: Link<In, Out>; readonly socket: Socket }>();
  #isClosed = false;

  constructor(options: ListenOptions<In, Out>, url: string) {
    this.#options = options;
    this.#url = url;
  }

  came(socket: Socket): void {
    const { own, bounds } = this.#options;
    socket.on('error', () => {});
    const end = endOf(socket);
    // Its other end has left already.
    if (end === null || this.#isClosed) return void socket.destroy();
    const cancel = own.clock.after(proveWithinMs, () => socket.destroy());
    const unproved = { socket, cancel };
    this.#unproved.set(end, unproved);
    socket.once('close', () => {
      cancel();
      if (this.#unproved.get(end) === unproved) this.#unproved.delete(end);
    });
    if (this.#unproved.size > bounds.mostUnproved) {
      const [oldest] = this.#unproved.values();
      oldest?.socket.destroy();
    }
    if (own.certificate === null) this.#handshake(socket, noChannel);
  }

  encrypted(socket: TLSSocket): void {
    socket.on('error', () => {});
    const end = endOf(socket);
    if (end === null || !this.#unproved.has(end)) return void socket.destroy();
    this.#handshake(socket, channelOf(socket));
  }

  async close(server: Server): Promise<void> {
    this.#isClosed = true;
    const closed = new Promise(resolve => server.close(resolve));
    for (const { socket } of [...this.#unproved.values(), ...this.#links.values()]) socket.destroy();
    await closed;
  }

  #handshake(socket: Socket, channel: Uint8Array): void {
    const { own } = this.#options;
    const keys: Keys = { secret: own.secret(), channel, random: own.random };
    const frames = new FrameReader(mostHandshakeBytes);
    let opening: Heard<Opening> | null = null;
    let challengeMac: Buffer | null = null;
    const onData = (piece: Buffer) => {
      frames.push(piece);
      for (let content = frames.next(); content !== null; content = frames.next()) {
        if (content === 'too long') return void socket.destroy();
        if (opening === null || challengeMac === null) {
          opening = readOpening(keys, content);
          challengeMac = opening === null ? null : this.#challenge(socket, keys, opening);
          if (challengeMac === null) return void socket.destroy();
        } else {
          if (!isProof(keys, challengeMac, content)) return void socket.destroy();
          socket.off('data', onData);
          this.#proved(socket, frames, opening.text);
          return;
        }
      }
    };
    socket.on('data', onData);
  }

  /** Null: it means another fleet, or another address. */
  #challenge(socket: Socket, keys: Keys, { text, mac }: Heard<Opening>): Buffer | null {
    const { own } = this.#options;
    if (text.fleet !== own.fleet || text.at !== this.#url) return null;
    const said = challengeOf(keys, mac, { member: own.id, epoch: own.epoch(), speaks: own.speaks });
    socket.write(frameOf(said.content));
    return said.mac;
  }

  #proved(socket: Socket, frames: FrameReader, { member, generation, epoch, speaks }: Opening): void {
    const { own, bounds, read, attend } = this.#options;
    const end = endOf(socket);
    const unproved = end === null ? undefined : this.#unproved.get(end);
    const version = commonVersion(own.speaks, speaks);
    const known = this.#links.get(member);
    const isStale = known !== undefined && known.link.peer.generation >= generation;
    const isFull = known === undefined && this.#links.size >= bounds.mostLinks;
    if (end === null || unproved === undefined || version === null || isStale || isFull) return void socket.destroy();
    unproved.cancel();
    this.#unproved.delete(end);
    // A member has one connection: what it has not closed itself would be kept for ever by one that opens more and more.
    known?.socket.destroy();
    const peer = { id: member, generation, epoch, version };
    const link = new Link<In, Out>({ socket, frames, peer, read, clock: own.clock, bounds });
    this.#links.set(member, { link, socket });
    socket.once('close', () => {
      if (this.#links.get(member)?.link === link) this.#links.delete(member);
    });
    link.begin(attend(link));
  }
}

const noChannel = new Uint8Array(0);

const endOf = ({ remoteAddress, remotePort }: Socket): string | null =>
  remoteAddress === undefined ? null : `${remoteAddress} ${remotePort}`;
