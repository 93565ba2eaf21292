import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { errors } from '../domain/errors.ts';

export const sessionCookieName = 'tokligence_session';
const name = sessionCookieName;

/**
 * Returns the token in the cookie; null without one. Throws a 401 for two different tokens: another host of the same
 * domain may have set one, to make the user work in a foreign session.
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

/** The cookie ends with the browser at the latest; the table of sessions defines its validity. */
export const sessionCookie = (token: string, request: IncomingMessage): string =>
  `${name}=${token}; ${attributes(request)}`;

/** Makes the browser delete the cookie. */
export const noSessionCookie = (request: IncomingMessage): string => `${name}=; ${attributes(request)}; Max-Age=0`;

const attributes = (request: IncomingMessage): string =>
  `Path=/admin; HttpOnly; SameSite=Strict${isHttps(request) ? '; Secure' : ''}`;

/** True also if a proxy in front terminates TLS and says so. */
function isHttps({ socket, headers }: IncomingMessage): boolean {
  if ((socket as Partial<TLSSocket>).encrypted === true) return true;
  const [first = ''] = String(headers['x-forwarded-proto'] ?? '').split(',');
  return first.trim().toLowerCase() === 'https';
}
