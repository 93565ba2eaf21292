import type { FastifyRequest } from 'fastify';
import { GatewayError } from '../../domain/errors.ts';
import type { Sessions } from '../../identity/identity.ts';
import type { Events } from '../../telemetry/events.ts';
import type { ClientAddresses } from '../door/client-address.ts';
import type { KeyDoor } from '../door/key-door.ts';
import { sessionToken } from '../session-cookie.ts';

type Opened = Awaited<ReturnType<Sessions['open']>>;

interface SignInParts {
  readonly sessions: Sessions;
  readonly keys: KeyDoor;
  readonly addresses: ClientAddresses;
  readonly events: Pick<Events, 'signedIn' | 'signInRefused'>;
}

/**
 * Opens a session for a key; every attempt is logged, except those that come too often or fail through no fault of the
 * client.
 */
export function signingIn({ sessions, keys, addresses, events }: SignInParts) {
  /** A new sign-in ends the former session, whose cookie is replaced. */
  async function endFormer({ headers }: FastifyRequest): Promise<void> {
    const token = sessionToken(headers);
    if (token !== null) await sessions.giveUp(token);
  }

  return async (request: FastifyRequest, key: string): Promise<Opened> => {
    const address = addresses.of(request.raw);
    try {
      await keys.enter(request.raw, key);
      const opened = await sessions.open(key);
      await endFormer(request);
      events.signedIn({ userId: opened.session.user.id, address });
      return opened;
    } catch (error) {
      if (isToldOf(error)) events.signInRefused({ address, reason: error.message });
      throw error;
    }
  };
}

const isToldOf = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && error.code !== 'too_many_invalid_keys' && error.status < 500;
