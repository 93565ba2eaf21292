import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { errors, GatewayError } from '../../domain/errors.ts';
import { adminRoles, type Identity, type Role } from '../../domain/vocabulary.ts';
import type { Identities, Session } from '../../identity/identity.ts';
import { presentedKey, requiredKey } from '../door/auth.ts';
import type { KeyDoor } from '../door/key-door.ts';
import { sessionToken } from '../session-cookie.ts';
import { consoleHeader, unattendedHeader } from './contract/session.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The roles that may call this admin route. */
    roles?: readonly Role[];
    /** The route refuses every request, so it is not documented. */
    isRefusal?: boolean;
    /** The route needs no caller: it signs in. */
    isOpen?: boolean;
  }
  interface FastifySchema {
    /** The summary of the route in the OpenAPI document. */
    summary?: string;
    /** The credentials of a route that does not take any key or session; null for none. */
    needs?: 'session' | null;
    /** The content types of a body that is a file. */
    takesFile?: readonly string[];
    /** The content types of its answers beside JSON. */
    answersFile?: readonly string[];
    /** The server-sent events of its answer, by name. */
    answersEvents?: Readonly<Record<string, TSchema>>;
  }
  interface FastifyRequest {
    /** The caller of an admin route; set before anything else. */
    caller: Identity | null;
    /** Null if the caller presented a key. */
    session: Session | null;
  }
}

/** The admin routes as their files use them: handlers get the types of their schemas. */
export type AdminApp = ReturnType<typeof withContract>;
export const withContract = (app: FastifyInstance) => app.withTypeProvider<TypeBoxTypeProvider>();

export { adminRoles as admins };

export interface Doorkeeper {
  readonly identities: Identities;
  readonly keys: KeyDoor;
  /** Whether sessions of the console are accepted. */
  readonly takesSessions: boolean;
}

/** Runs before the body is read, so that unauthorised clients cannot make us read one. */
export async function authorize(door: Doorkeeper, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  // Admin answers must not be cached where others could read them, and are no page.
  reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  if (request.routeOptions.config.isOpen) return;
  const token = door.takesSessions && presentedKey(request.headers) === null ? sessionToken(request.headers) : null;
  if (token === null) {
    request.caller = await door.keys.enter(request.raw, requiredKey(request.headers));
  } else {
    refuseForeignPage(request);
    const { sessions } = door.identities;
    const isUnattended = request.headers[unattendedHeader.toLowerCase()] === '1';
    request.session = await (isUnattended ? sessions.look(token) : sessions.authenticate(token));
    request.caller = request.session.identity;
    door.keys.pass(request.raw);
  }
  refuseOtherRoles(request, request.caller);
}

/**
 * Whether the caller would still be admitted, for long answers: a key may be revoked, a session may end. The check does
 * not keep a session from being idle.
 */
export async function isStillWelcome({ identities }: Doorkeeper, request: FastifyRequest): Promise<boolean> {
  try {
    const token = request.session === null ? null : sessionToken(request.headers);
    const caller =
      token === null
        ? await identities.authenticate(requiredKey(request.headers))
        : (await identities.sessions.look(token)).identity;
    refuseOtherRoles(request, caller);
    return true;
  } catch (error) {
    if (error instanceof GatewayError) return false;
    throw error;
  }
}

export const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A browser sends the cookie by itself: not for a page of another site, but for one of a related origin, such as
 * another port of this host. The browser reports that itself, and sends the console's header for our own page only.
 */
function refuseForeignPage({ method, headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site && site !== 'same-origin' && site !== 'none') {
    throw errors.forbidden('A page of another origin may ask nothing by the session cookie.');
  }
  if (safeMethods.has(method) || headers[consoleHeader.toLowerCase()] === '1') return;
  throw errors.forbidden(
    `A request that changes something by the session cookie needs the header ${consoleHeader}: 1.`,
  );
}

function refuseOtherRoles(request: FastifyRequest, { role }: Identity): void {
  const allowed = request.routeOptions.config.roles ?? adminRoles;
  if (role !== null && allowed.includes(role)) return;
  const path = request.url.split('?')[0]?.slice(0, 200);
  throw errors.forbidden(`The role ${role} may not call ${request.method} ${path}.`);
}

/** Returns the caller, after `authorize` has admitted it. */
export function callerOf({ caller }: FastifyRequest): Identity {
  if (caller === null) throw new Error('an admin route ran without authentication');
  return caller;
}

/** Returns the session of the caller; 401 for a caller without one. */
export function sessionOf({ session }: FastifyRequest): Session {
  if (session === null) throw errors.invalidApiKey('Not signed in: there is no session cookie with this request.');
  return session;
}
