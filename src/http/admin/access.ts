import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errors } from '../../domain/errors.ts';
import type { Identity, Role } from '../../domain/vocabulary.ts';
import type { Identities } from '../../identity/identity.ts';
import { requiredKey } from '../auth.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this admin route. */
    roles?: readonly Role[];
    /** Refuses whatever is asked of it, so nobody is told of it. */
    isRefusal?: boolean;
  }
  interface FastifySchema {
    /** What the route does, in a line of the OpenAPI document. */
    summary?: string;
    /** The content types of a body that is a file. */
    takesFile?: readonly string[];
    /** The content types in which it answers beside JSON. */
    answersFile?: readonly string[];
  }
  interface FastifyRequest {
    /** Who calls an admin route; set before anything else is done. */
    caller: Identity | null;
  }
}

/** The admin routes as their files see them: what a schema says is what a handler gets. */
export type AdminApp = ReturnType<typeof withContract>;
export const withContract = (app: FastifyInstance) => app.withTypeProvider<TypeBoxTypeProvider>();

export const admins: readonly Role[] = ['root_admin', 'gateway_admin'];

/** Before the body is read, so that nobody else makes us read one. */
export async function authorize(identities: Identities, request: FastifyRequest): Promise<void> {
  request.caller = await identities.authenticate(requiredKey(request.headers));
  const { role } = request.caller;
  const allowed = request.routeOptions.config.roles ?? admins;
  if (role === null || !allowed.includes(role)) {
    const path = request.url.split('?')[0]?.slice(0, 200);
    throw errors.forbidden(`The role ${role} may not call ${request.method} ${path}.`);
  }
}

/** Who called, after `authorize` has let them through. */
export function callerOf({ caller }: FastifyRequest): Identity {
  if (caller === null) throw new Error('an admin route ran without authentication');
  return caller;
}
