/** Opens a connection to a process's own address, up to where the one that answers has proved who it is. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import type { Knock } from '../reign/rules.ts';
import { type Address, addressIn, isProving } from './address.ts';
import { FrameReader, frameOf } from './frames.ts';
import { type Challenge, type Heard, type Keys, mostHandshakeBytes, openingOf, readChallenge } from './handshake.ts';
import { type Certificate, channelOf, type Own, proveWithinMs, tlsOptions } from './own.ts';

/** The other end waits for the proof. */
export interface Reached {
  readonly socket: Socket;
  readonly frames: FrameReader;
  readonly keys: Keys;
  readonly challenge: Heard<Challenge>;
}

/** Nobody who knows the secret has answered; `refused`: and no process listens there. */
export class Unreached extends Error {
  override readonly name = 'Unreached';
  readonly how: Extract<Knock, 'refused' | 'lost'>;

  constructor(how: Unreached['how'], why: string) {
    super(why);
    this.how = how;
  }
}

/** Rejects with `Unreached`, after two seconds at the latest. */
export async function reach(own: Own, url: string, generation: number, leave: AbortSignal): Promise<Reached> {
  const tooLate = new AbortController();
  const cancel = own.clock.after(proveWithinMs, () => tooLate.abort(new Error(`no answer within ${proveWithinMs} ms`)));
  const signal = AbortSignal.any([leave, tooLate.signal]);
  let socket: Socket | null = null;
  try {
    const address = addressIn(url);
    if (address === null) throw new Unreached('lost', 'it has no address that can be reached');
    // Whoever cannot speak to it for lack of a certificate may still find that it is gone.
    const isFit = address.isTls === (own.certificate !== null);
    socket = socketTo(address, isFit ? own.certificate : null);
    await connected(own, address, socket, signal);
    if (!isFit) throw new Unreached('lost', unfit(address));
    const reached = await challenged(own, url, generation, socket, signal);
    socket = null;
    return reached;
  } catch (error) {
    throw error instanceof Unreached ? error : new Unreached('lost', textOf(error));
  } finally {
    cancel();
    socket?.destroy();
  }
}

const unfit = ({ isTls }: Address): string =>
  isTls ? 'it has a certificate, and this one has none' : 'it has no certificate';

function socketTo({ host, port }: Address, certificate: Certificate | null): Socket {
  const to = { host, port, noDelay: true };
  const socket =
    certificate === null
      ? connect(to)
      : connectTls({ ...to, ...tlsOptions(certificate), checkServerIdentity: () => undefined });
  return socket.on('error', () => {});
}

async function connected(own: Own, address: Address, socket: Socket, signal: AbortSignal): Promise<void> {
  try {
    await once(socket, socket instanceof TLSSocket ? 'secureConnect' : 'connect', { signal });
  } catch (error) {
    const isRefused = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
    throw new Unreached(isRefused && isProving(address, own.place) ? 'refused' : 'lost', textOf(error));
  }
}

async function challenged(
  own: Own,
  url: string,
  generation: number,
  socket: Socket,
  signal: AbortSignal,
): Promise<Reached> {
  const channel = socket instanceof TLSSocket ? channelOf(socket) : new Uint8Array(0);
  const keys = { secret: own.secret(), channel, random: own.random };
  const { fleet, id, speaks } = own;
  const opening = openingOf(keys, { fleet, at: url, member: id, generation, epoch: own.epoch(), speaks });
  const frames = new FrameReader(mostHandshakeBytes);
  socket.write(frameOf(opening.content));
  const content = await nextFrame(socket, frames, signal);
  const challenge = readChallenge(keys, opening.mac, content);
  if (challenge === null) throw new Unreached('lost', 'whatever answers there does not know the secret of the fleet');
  return { socket, frames, keys, challenge };
}

/** Bytes behind the frame stay in `frames`, or in the socket, which is paused. */
function nextFrame(socket: Socket, frames: FrameReader, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const onData = (piece: Buffer) => {
    frames.push(piece);
    const content = frames.next();
    if (content === 'too long') reject(new Error('whatever answers there is no gateway'));
    else if (content !== null) {
      socket.pause();
      resolve(content);
    }
  };
  const onClose = () => reject(new Error('it closes the connection: its secret or its fleet may be another'));
  const onAbort = () => reject(signal.reason);
  socket.on('data', onData).on('close', onClose);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return promise.finally(() => {
    socket.off('data', onData).off('close', onClose);
    signal.removeEventListener('abort', onAbort);
  });
}

function textOf(error: unknown): string {
  const cause = error instanceof Error && error.name === 'AbortError' ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
