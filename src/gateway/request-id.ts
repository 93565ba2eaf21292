import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Dialect } from '../domain/vocabulary.ts';

const sound = /^[\x21-\x7e]{1,128}$/;
const drawn = Symbol('the id drawn for this request');

interface Identified extends IncomingMessage {
  [drawn]?: string;
}

/** Returns the client's own ID if it is valid (either header's spelling), else a new one; the same for every call. */
export function requestIdOf(req: Identified): string {
  const given = req.headers['x-request-id'] ?? req.headers['request-id'];
  if (typeof given === 'string' && sound.test(given)) return given;
  req[drawn] ??= randomUUID();
  return req[drawn];
}

/** The header in which answers of this dialect carry their request's ID. */
export const requestIdHeader = (dialect: Dialect): string => (dialect === 'anthropic' ? 'request-id' : 'x-request-id');

/** The header in which answers name the gateway that gave them, where the operator wants that. */
export const gatewayNameHeader = 'x-tokligence-gateway';
