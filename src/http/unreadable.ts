import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../domain/clock.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import { dialectOf } from '../gateway/operations.ts';
import { gatewayNameHeader, requestIdOf } from '../gateway/request-id.ts';
import { currentAnswer } from '../gateway/sent-ahead.ts';
import type { Events } from '../telemetry/events.ts';
import { errorAnswer } from './errors.ts';

/** The error of node:http for bytes that are no request, or for a request that timed out. */
interface Unreadable extends Error {
  readonly code?: string;
  /** The bytes that could not be parsed. */
  readonly rawPacket?: unknown;
}

interface UnreadableParts {
  readonly clock: Clock;
  readonly events: Pick<Events, 'requestRefused'>;
  /** Null: answers do not tell it. */
  readonly gatewayName: string | null;
}

interface Refusal {
  readonly status: number;
  readonly error: GatewayError;
}

/** Long enough for the client to read the answer, short for a client that keeps sending. */
const lingerMs = 1_000;

/**
 * Returns the listener for `clientError`: answers with an error in the usual form, then closes the connection. Received
 * bytes are never repeated.
 */
export function unreadableRefuser(parts: UnreadableParts): (unreadable: Unreadable, socket: Socket) => void {
  const closing = new WeakSet<Socket>();
  return (unreadable, socket) => {
    // Further bytes on a closing connection are unreadable too.
    if (closing.has(socket)) return;
    closing.add(socket);
    const answer = answerTo(unreadable, socket, parts);
    if (answer === null) {
      socket.destroy();
      return;
    }
    socket.end(answer);
    // If it were closed while the client still sends, the connection would be reset and the answer lost.
    socket.resume();
    socket.once(
      'close',
      parts.clock.after(lingerMs, () => socket.destroy()),
    );
  };
}

/** Returns null if the answer could not be delivered, or would be read as part of another answer in progress. */
function answerTo(
  { code, rawPacket }: Unreadable,
  socket: Socket,
  { events, gatewayName }: UnreadableParts,
): string | null {
  const current = currentAnswer(socket);
  if (!socket.writable || current?.headersSent) return null;
  // A client that is about to send would read it as its answer; if the connection just closes, the client retries.
  if (socket.bytesRead === 0) return null;
  const { status, error } = refusalOf(code);
  const requestId = current ? requestIdOf(current.req) : randomUUID();
  // A request in progress logs its own end.
  if (!current) {
    const { code } = error;
    events.requestRefused({ requestId, method: null, path: null, status, code, durationMs: 0, isCounted: true });
  }
  const { headers, body } = errorAnswer(dialectOf(current?.req.url ?? urlIn(rawPacket)), error, requestId);
  const named = gatewayName === null ? {} : { [gatewayNameHeader]: gatewayName };
  const lines = Object.entries({ ...headers, ...named, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`;
}

function refusalOf(code: string | undefined): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, error: errors.requestTooLarge('The request has more than 16 KiB of headers.') };
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return { status: 413, error: errors.requestTooLarge('The request body has too many chunk extensions.') };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, error: errors.requestTimeout('The request did not arrive in time.') };
    default:
      return { status: 400, error: errors.invalidRequest('This is not a well-formed HTTP request.') };
  }
}

function urlIn(bytes: unknown): string {
  if (!(bytes instanceof Uint8Array)) return '';
  const [, url = ''] = /^[A-Z]+ (\S+)/.exec(Buffer.from(bytes.subarray(0, 200)).toString('latin1')) ?? [];
  return url;
}
