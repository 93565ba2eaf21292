import type { FastifyInstance } from 'fastify';
import { errors } from '../../domain/errors.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Bodies are JSON; an empty one is none, whatever its content type claims. */
export function takeJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(body),
  );
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
    if (body.length > 0) throw errors.invalidRequest('Send the body as JSON, with Content-Type: application/json.');
  });
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(strictUtf8.decode(body));
  } catch (error) {
    // V8's message quotes the body, so only the position is taken from it.
    const position = /position \d+/.exec(String(error));
    throw errors.invalidRequest(`The body is not valid JSON${position ? ` (at ${position[0]})` : ''}.`);
  }
}
