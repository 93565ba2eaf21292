import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Answers that have not got their connection yet, because an earlier request on it is still being answered. */
const behind = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * Has the answer to a request that was sent ahead close with its connection, as any other does: else nobody would learn
 * that its client has left. Node itself does so from 24.16 on only.
 */
export function closeWithConnection(socket: Socket, res: ServerResponse): void {
  if (res.socket !== null) return;
  const answers = behind.get(socket) ?? watched(socket);
  answers.add(res);
  res.once('close', () => answers.delete(res));
}

function watched(socket: Socket): Set<ServerResponse> {
  const answers = new Set<ServerResponse>();
  behind.set(socket, answers);
  // Where Node closes them, it has done so by then.
  socket.once('close', () =>
    setImmediate(() => {
      for (const res of answers) res.emit('close');
    }),
  );
  return answers;
}
