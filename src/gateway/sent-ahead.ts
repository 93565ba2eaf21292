/**
 * Requests that a client sent ahead, on a connection on which an earlier one is still being answered. Their answers may
 * not be written before their turn, so until then they hold no seat, for which others might wait.
 *
 *   being answered ◀──── behind, in the order in which they came
 *                  turn
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ClientLeft } from '../domain/errors.ts';

/** Of one connection. Node's parser keeps their heads and what came of their bodies. */
export const mostAhead = 16;

/** Of each connection, the answers that have not got it yet, and the one that has it since. */
const behind = new WeakMap<Socket, Set<ServerResponse>>();
/** What is to be done when the turn of an answer comes. */
const turns = new WeakMap<ServerResponse, () => void>();

/**
 * How many requests are behind the one that is being answered, this one included; 0 if it is that one. Has the answer to
 * one that is behind close with its connection, as any other does: else nobody would learn that its client has left. Node
 * itself does so from 24.16 on only.
 */
export function placeInLine(socket: Socket, res: ServerResponse): number {
  if (res.socket !== null) return 0;
  const answers = behind.get(socket) ?? watched(socket);
  answers.add(res);
  res.once('close', () => {
    answers.delete(res);
    callNext(answers);
  });
  return answers.size;
}

/** Null where the answer may be written now; else resolves when it may, and rejects with `ClientLeft` if it never may. */
export function turnOf(res: ServerResponse): Promise<void> | null {
  if (res.socket !== null) return null;
  return new Promise((resolve, reject) => {
    turns.set(res, resolve);
    res.once('close', () => reject(new ClientLeft()));
  });
}

/** The answer that is being given on this connection; node:http itself looks here for it. */
export const currentAnswer = (socket: Socket): ServerResponse | null | undefined =>
  (socket as { _httpMessage?: ServerResponse | null })._httpMessage;

function watched(socket: Socket): Set<ServerResponse> {
  const answers = new Set<ServerResponse>();
  behind.set(socket, answers);
  currentAnswer(socket)?.once('close', () => callNext(answers));
  // Where Node closes them, it has done so by then.
  socket.once('close', () =>
    setImmediate(() => {
      for (const res of answers) res.emit('close');
    }),
  );
  return answers;
}

/** An answer that closes has handed its connection on before. */
function callNext(answers: Set<ServerResponse>): void {
  for (const res of answers) {
    if (res.socket === null) continue;
    turns.get(res)?.();
    return;
  }
}
