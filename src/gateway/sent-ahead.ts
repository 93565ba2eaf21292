/**
 * Pipelined requests: sent on a connection on which an earlier one is still being answered. Their answers must not be
 * written before their turn, so until then they hold no seat that others could use.
 *
 *   being answered ◀──── behind, in the order in which they came
 *                  turn
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ClientLeft, errors } from '../domain/errors.ts';

/** The most waiting requests of one connection, because their bodies are held. */
const mostWaiting = 16;

/** The state of one connection. */
interface Line {
  /** The answers that were queued when their requests came, except those that have ended. */
  readonly behind: Set<ServerResponse>;
  /** The callbacks for the turns of answers. */
  readonly turns: Map<ServerResponse, () => void>;
}

const lines = new WeakMap<Socket, Line>();

/**
 * Closes the answer to a pipelined request with its connection, like any other: otherwise nothing would report that its
 * client has left. Node itself does so only from 24.16 on.
 */
export function closeWithConnection(socket: Socket, res: ServerResponse): void {
  if (res.socket !== null) return;
  const line = lines.get(socket) ?? begin(socket);
  line.behind.add(res);
  res.once('close', () => {
    line.behind.delete(res);
    line.turns.delete(res);
    callNext(line);
  });
}

/**
 * Returns null if the answer may be written now; else a promise that resolves when it may, and rejects with
 * `ClientLeft` if it never may. Throws `unavailable` if too many wait already.
 */
export function turnOf(res: ServerResponse): Promise<void> | null {
  if (res.socket !== null) return null;
  const turns = lines.get(res.req.socket)?.turns;
  if (turns === undefined) throw new ClientLeft();
  if (turns.size >= mostWaiting)
    throw errors.unavailable(`More than ${mostWaiting} requests were sent ahead on this connection.`, 1);
  return new Promise((resolve, reject) => {
    turns.set(res, resolve);
    res.once('close', () => reject(new ClientLeft()));
  });
}

/** The answer in progress on this connection; node:http itself stores it there. */
export const currentAnswer = (socket: Socket): ServerResponse | null | undefined =>
  (socket as { _httpMessage?: ServerResponse | null })._httpMessage;

function begin(socket: Socket): Line {
  const line: Line = { behind: new Set(), turns: new Map() };
  lines.set(socket, line);
  currentAnswer(socket)?.once('close', () => callNext(line));
  // If Node closes them, it has done so by then.
  socket.once('close', () =>
    setImmediate(() => {
      for (const res of line.behind) res.emit('close');
    }),
  );
  return line;
}

/** An answer that closes has released its connection before. */
function callNext({ turns }: Line): void {
  for (const [res, goOn] of turns) {
    if (res.socket === null) continue;
    turns.delete(res);
    goOn();
    return;
  }
}
