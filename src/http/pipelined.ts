import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Answers that have no connection yet: others of the same connection come before them. */
const waiting = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * A client may send its next request before the last is answered. When it then leaves, Node tells only
 * the answer whose turn it is; the others would wait in the queue, and even be forwarded, for nobody.
 */
export function hearOfClose({ socket }: IncomingMessage, res: ServerResponse): void {
  if (res.socket !== null) return;
  const answers = waiting.get(socket) ?? watch(socket);
  answers.add(res);
  res.once('close', () => answers.delete(res));
}

function watch(socket: Socket): Set<ServerResponse> {
  const answers = new Set<ServerResponse>();
  waiting.set(socket, answers);
  socket.once('close', () => {
    for (const res of answers) {
      if (res.socket !== null) continue;
      res.destroy();
      res.emit('close');
    }
  });
  return answers;
}
