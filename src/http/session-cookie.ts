import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { errors } from '../domain/errors.ts';

export const sessionCookieName = 'tokligence_session';
const name = sessionCookieName;

/**
 * The token in the cookie; null without one. Throws a 401 where two differ: one of them may have been set by
 * a neighbour in the same domain, to have somebody work in a session that is not theirs.
 */
export function sessionToken({ cookie = '' }: IncomingHttpHeaders): string | null {
  const tokens = cookie
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair.startsWith(`${name}=`))
    .map(pair => pair.slice(name.length + 1));
  if (new Set(tokens).size > 1) {
    throw errors.invalidApiKey(`The browser sent two different cookies ${name}: delete the cookies of this site.`);
  }
  return tokens[0] || null;
}

/** It ends with the browser at the latest; how long it is good for, the table of sessions says. */
export const sessionCookie = (token: string, request: IncomingMessage): string =>
  `${name}=${token}; ${attributes(request)}`;

/** Has the browser forget it. */
export const noSessionCookie = (request: IncomingMessage): string => `${name}=; ${attributes(request)}; Max-Age=0`;

const attributes = (request: IncomingMessage): string =>
  `Path=/admin; HttpOnly; SameSite=Strict${isHttps(request) ? '; Secure' : ''}`;

/** Also where a proxy in front ends TLS and says so. */
function isHttps({ socket, headers }: IncomingMessage): boolean {
  if ((socket as Partial<TLSSocket>).encrypted === true) return true;
  const [first = ''] = String(headers['x-forwarded-proto'] ?? '').split(',');
  return first.trim().toLowerCase() === 'https';
}
