/**
 * Bodies whose clients wait for a 100 (Continue) before they send them: they are asked for when nothing that is known
 * of the request stands in their way. An answer that comes before closes the connection, for the client may send the
 * body or its next request, and nobody could tell which.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

interface Held {
  readonly res: ServerResponse;
  readonly shouldKeepAlive: boolean;
}

const held = new WeakMap<IncomingMessage, Held>();

export function holdBody(req: IncomingMessage, res: ServerResponse): void {
  held.set(req, { res, shouldKeepAlive: res.shouldKeepAlive });
  res.shouldKeepAlive = false;
}

/** To be called before a body is read, whether or not its client waits. */
export function inviteBody(req: IncomingMessage): void {
  if (req.headers.expect === undefined) return;
  const { res, shouldKeepAlive } = held.get(req) ?? {};
  if (res === undefined || shouldKeepAlive === undefined) return;
  held.delete(req);
  res.shouldKeepAlive = shouldKeepAlive;
  res.writeContinue();
}
