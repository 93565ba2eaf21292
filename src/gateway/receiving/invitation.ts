/**
 * Bodies whose clients wait for a 100 (Continue) before they send them: they are requested when nothing known of the
 * request prevents it from being served. An earlier answer closes the connection, because the client may send either
 * the body or its next request, and the two cannot be distinguished.
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

/** Must be called before a body is read, whether its client waits or not. */
export function inviteBody(req: IncomingMessage): void {
  if (req.headers.expect === undefined) return;
  const { res, shouldKeepAlive } = held.get(req) ?? {};
  if (res === undefined || shouldKeepAlive === undefined) return;
  held.delete(req);
  res.shouldKeepAlive = shouldKeepAlive;
  res.writeContinue();
}
