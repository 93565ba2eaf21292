import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { errors, GatewayError } from '../../domain/errors.ts';
import { adminRoles, type Identity, type Role } from '../../domain/vocabulary.ts';
import type { Identities, Session } from '../../identity/identity.ts';
import { presentedKey, requiredKey } from '../door/auth.ts';
import type { KeyDoor } from '../door/key-door.ts';
import { sessionToken } from '../session-cookie.ts';
import { consoleHeader, unattendedHeader } from './contract/session-contract.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this admin route. */
    roles?: readonly Role[];
    /** Refuses whatever is asked of it, so nobody is told of it. */
    isRefusal?: boolean;
    /** Who does not know the caller yet: whoever signs in. */
    isOpen?: boolean;
  }
  interface FastifySchema {
    /** What the route does, in a line of the OpenAPI document. */
    summary?: string;
    /** Where it is not any key or session: what it takes instead, null for nothing. */
    needs?: 'session' | null;
    /** The content types of a body that is a file. */
    takesFile?: readonly string[];
    /** The content types in which it answers beside JSON. */
    answersFile?: readonly string[];
    /** The server-sent events in which it answers, by their names. */
    answersEvents?: Readonly<Record<string, TSchema>>;
  }
  interface FastifyRequest {
    /** Who calls an admin route; set before anything else is done. */
    caller: Identity | null;
    /** Null where the caller came with a key. */
    session: Session | null;
  }
}

/** The admin routes as their files see them: what a schema says is what a handler gets. */
export type AdminApp = ReturnType<typeof withContract>;
export const withContract = (app: FastifyInstance) => app.withTypeProvider<TypeBoxTypeProvider>();

export { adminRoles as admins };

export interface Doorkeeper {
  readonly identities: Identities;
  readonly keys: KeyDoor;
  /** Whether a session of the console is good for anything. */
  readonly takesSessions: boolean;
}

/** Before the body is read, so that nobody else makes us read one. */
export async function authorize(door: Doorkeeper, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  // What an admin has seen must not be left behind where others look, and is no page.
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
 * Whether who was let in would be let in now, for answers that go on: a key may be revoked, a session end.
 * Asking does not keep a session from being idle.
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

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A browser sends the cookie by itself: for a page of another site not, but for one of a neighbour, as another
 * port of this host is. It tells that itself, and sends the console's header for a page of our own only.
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

/** Who called, after `authorize` has let them through. */
export function callerOf({ caller }: FastifyRequest): Identity {
  if (caller === null) throw new Error('an admin route ran without authentication');
  return caller;
}

/** The session of a caller who came with one; 401 for who did not. */
export function sessionOf({ session }: FastifyRequest): Session {
  if (session === null) throw errors.invalidApiKey('Not signed in: there is no session cookie with this request.');
  return session;
}
