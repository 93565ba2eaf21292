/**
 * Requests that a client sent ahead, on a connection on which an earlier one is still being answered. Their answers may
 * not be written before their turn, so until then they hold no seat, for which others might wait.
 *
 *   being answered ◀──── behind, in the order in which they came
 *                  turn
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ClientLeft, errors } from '../domain/errors.ts';

/** On one connection; their bodies are held. */
const mostWaiting = 16;

/** Of one connection. */
interface Line {
  /** The answers that were behind when they came, but for those that have ended. */
  readonly behind: Set<ServerResponse>;
  /** What is to be done when the turn of an answer comes. */
  readonly turns: Map<ServerResponse, () => void>;
}

const lines = new WeakMap<Socket, Line>();

/**
 * Has the answer to a request that was sent ahead close with its connection, as any other does: else nobody would learn
 * that its client has left. Node itself does so from 24.16 on only.
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
 * Null where the answer may be written now; else resolves when it may, and rejects with `ClientLeft` if it never may.
 * Throws `unavailable` where too many wait already.
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

/** The answer that is being given on this connection; node:http itself looks here for it. */
export const currentAnswer = (socket: Socket): ServerResponse | null | undefined =>
  (socket as { _httpMessage?: ServerResponse | null })._httpMessage;

function begin(socket: Socket): Line {
  const line: Line = { behind: new Set(), turns: new Map() };
  lines.set(socket, line);
  currentAnswer(socket)?.once('close', () => callNext(line));
  // Where Node closes them, it has done so by then.
  socket.once('close', () =>
    setImmediate(() => {
      for (const res of line.behind) res.emit('close');
    }),
  );
  return line;
}

/** An answer that closes has handed its connection on before. */
function callNext({ turns }: Line): void {
  for (const [res, goOn] of turns) {
    if (res.socket === null) continue;
    turns.delete(res);
    goOn();
    return;
  }
}
