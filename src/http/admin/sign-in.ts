import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../domain/clock.ts';
import { GatewayError } from '../../domain/errors.ts';
import type { Sessions } from '../../identity/identity.ts';
import type { Events } from '../../telemetry/events.ts';
import { sessionToken } from '../session-cookie.ts';
import { FailedSignIns } from './failed-sign-ins.ts';

type Opened = Awaited<ReturnType<Sessions['open']>>;

interface SignInParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly events: Pick<Events, 'signedIn' | 'signInRefused'>;
}

/** A session for a key; every try is logged, and an address has so many that fail. */
export function signingIn({ sessions, clock, events }: SignInParts) {
  const failed = new FailedSignIns(clock);

  async function tried(address: string, key: string): Promise<Opened> {
    const countNot = failed.begin(address);
    try {
      const opened = await sessions.open(key);
      countNot();
      return opened;
    } catch (error) {
      // Not the caller's fault, so it does not count as theirs.
      if (!(error instanceof GatewayError) || error.status >= 500) countNot();
      throw error;
    }
  }

  /** Whoever signs in anew leaves no session behind that nobody has the cookie of any more. */
  async function endFormer({ headers }: FastifyRequest): Promise<void> {
    try {
      const token = sessionToken(headers);
      if (token !== null) await sessions.end(await sessions.look(token));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
  }

  return async (request: FastifyRequest, key: string): Promise<Opened> => {
    // Null once the connection is gone, whatever its type says.
    const address = request.ip || 'a connection that is gone';
    try {
      const opened = await tried(address, key);
      await endFormer(request);
      events.signedIn({ userId: opened.session.user.id, address });
      return opened;
    } catch (error) {
      if (error instanceof GatewayError) events.signInRefused({ address, reason: error.message });
      throw error;
    }
  };
}
