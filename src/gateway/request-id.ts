import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Dialect } from '../domain/vocabulary.ts';

const sound = /^[\x21-\x7e]{1,128}$/;
const drawn = Symbol('the id drawn for this request');

interface Identified extends IncomingMessage {
  [drawn]?: string;
}

/** The client's own id where it is sound (either header's spelling), else a new one; the same whenever it is asked for. */
export function requestIdOf(req: Identified): string {
  const given = req.headers['x-request-id'] ?? req.headers['request-id'];
  if (typeof given === 'string' && sound.test(given)) return given;
  req[drawn] ??= randomUUID();
  return req[drawn];
}

/** In which an answer of this dialect tells its request's id. */
export const requestIdHeader = (dialect: Dialect): string => (dialect === 'anthropic' ? 'request-id' : 'x-request-id');
