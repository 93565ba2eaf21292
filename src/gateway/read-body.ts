import type { IncomingMessage } from 'node:http';
import { ClientLeft, errors } from '../domain/errors.ts';

/** The whole body as it came; throws `request_too_large` beyond `maxBytes`, `ClientLeft` when it breaks off. */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(req.headers['content-length']) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        // What still comes is read and thrown away, so that the client gets to see the answer.
        chunks.length = 0;
        reject(tooLarge(maxBytes));
      } else {
        chunks.push(chunk);
      }
    });
    req.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, bytes)));
    req.on('error', () => reject(new ClientLeft()));
    req.on('close', () => {
      // Every request closes; an error with its stack is made only for the one that broke off.
      if (!req.complete) reject(new ClientLeft());
    });
  });
}

const tooLarge = (maxBytes: number) =>
  errors.requestTooLarge(`The request body is larger than the ${maxBytes / 2 ** 20} MiB that this gateway takes.`);
