import type { FastifyReply, FastifyRequest } from 'fastify';
import { version } from '../../config/version.ts';
import { errors } from '../../domain/errors.ts';
import type { Edition } from '../../domain/vocabulary.ts';
import type { Session as OpenSession, Sessions } from '../../identity/identity.ts';
import type { Events } from '../../telemetry/events.ts';
import type { ClientAddresses } from '../door/client-address.ts';
import type { KeyDoor } from '../door/key-door.ts';
import { noSessionCookie, sessionCookie } from '../session-cookie.ts';
import { type AdminApp, admins, callerOf, sessionOf } from './access.ts';
import { success } from './contract/contract.ts';
import { newSession, type Session, session } from './contract/session.ts';
import { signingIn } from './sign-in.ts';

export interface ConsoleService {
  readonly edition: Edition;
  readonly keys: KeyDoor;
  readonly addresses: ClientAddresses;
  readonly events: Pick<Events, 'signedIn' | 'signInRefused' | 'signedOut'>;
}

const config = { roles: admins };
const one = '/session';
const all = '/sessions';

/** Signing in to the console and out of it. */
export function sessionRoutes(app: AdminApp, sessions: Sessions, service: ConsoleService): void {
  const shown = shownIn(sessions, service.edition);
  signInRoute(app, signingIn({ sessions, ...service }), shown);

  app.get(
    one,
    { config, schema: { summary: 'Show who is signed in', needs: 'session', response: { 200: session } } },
    async request => shown(sessionOf(request)),
  );

  signOutRoutes(app, sessions, service);
}

function signInRoute(app: AdminApp, signIn: ReturnType<typeof signingIn>, shown: ReturnType<typeof shownIn>): void {
  app.post(
    one,
    {
      config: { ...config, isOpen: true },
      // It is read of anybody.
      bodyLimit: 4096,
      schema: {
        summary: "Sign in with an admin's key; the cookie is the session",
        needs: null,
        body: newSession,
        response: { 201: session },
      },
    },
    async (request, reply) => {
      const opened = await signIn(request, request.body.key);
      return reply
        .code(201)
        .header('set-cookie', sessionCookie(opened.token, request.raw))
        .header('cache-control', 'no-store')
        .send(shown(opened.session));
    },
  );
}

function signOutRoutes(app: AdminApp, sessions: Sessions, { addresses, events }: ConsoleService): void {
  /** Logs that the sessions have ended, and takes the cookie back. */
  const signedOut = (
    request: FastifyRequest,
    reply: FastifyReply,
    { message, ...ended }: { readonly userId: number; readonly sessions: number; readonly message: string },
  ) => {
    events.signedOut({ ...ended, address: addresses.of(request.raw) });
    return reply.header('set-cookie', noSessionCookie(request.raw)).send({ success: true, message });
  };

  app.delete(
    one,
    { config, schema: { summary: 'Sign out here', needs: 'session', response: { 200: success } } },
    async (request, reply) => {
      const current = sessionOf(request);
      await sessions.end(current);
      return signedOut(request, reply, { userId: current.user.id, sessions: 1, message: 'Signed out.' });
    },
  );

  app.delete(
    all,
    { config, schema: { summary: 'Sign out everywhere: end all sessions of the caller', response: { 200: success } } },
    async (request, reply) => {
      const { userId } = callerOf(request);
      const ended = userId === null ? 0 : await sessions.endAllOf(userId);
      const message = `Signed out everywhere; sessions ended: ${ended}.`;
      return signedOut(request, reply, { userId: userId ?? 0, sessions: ended, message });
    },
  );
}

const shownIn =
  (sessions: Sessions, edition: Edition) =>
  (open: OpenSession): Session => ({
    user: open.user,
    edition,
    version,
    signed_in_at: new Date(open.createdAt).toISOString(),
    idle_expires_at: sessions.idleExpiry(open).toISOString(),
    expires_at: new Date(open.expiresAt).toISOString(),
  });

/** Without a console there are no sessions, which clients without a key may learn too. */
export function refuseSessions(app: AdminApp): void {
  for (const url of [one, all]) {
    app.all(url, {
      config: { roles: admins, isRefusal: true, isOpen: true },
      onRequest: async () => {
        throw errors.notFound('The console is switched off here ([console] enabled = false): nobody signs in to it.');
      },
      handler: () => {},
    });
  }
}
