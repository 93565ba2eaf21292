import { type Outcome, outcomeOfRefused, type RefusedRequest } from '../domain/outcome.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { withoutKeys } from './text.ts';

/** Events at the door: connections, sign-ins and wrong keys. */
export interface DoorEvents {
  /** To the console, with a key that is not named. */
  signedIn(session: { userId: number; address: string }): void;
  signInRefused(attempt: { address: string; reason: string }): void;
  /** `sessions`: how many ended. */
  signedOut(ended: { userId: number; address: string; sessions: number }): void;
  /** Outside of the model routes; counted among all requests, or in the log only. */
  requestRefused(refused: RefusedRequest & { readonly isCounted: boolean }): void;
  /** A presented key is no good; metric only. */
  keyRefused(code: 'invalid_api_key' | 'too_many_invalid_keys'): void;
  /** More than `count` different wrong keys of one address within a minute; to be said once in it. */
  keysGuessed(guesses: { address: string; count: number }): void;
  /** No place is left: `address` null in all, else for this address. */
  connectionsFull(full: { most: number; address: string | null }): void;
}

const yielding = 'those that ask for nothing yield, and where all are asking, newcomers are answered 503';

interface DoorEventsParts {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Writes the line of a request that has ended. */
  readonly list: (outcome: Outcome) => void;
}

export const createDoorEvents = ({ logger, metrics, list }: DoorEventsParts): DoorEvents => ({
  requestRefused({ isCounted, ...refused }) {
    // An unknown path may contain anything.
    const path = refused.path === null ? null : withoutKeys(refused.path);
    const outcome = outcomeOfRefused({ ...refused, path });
    if (isCounted) metrics.requestEnded(outcome);
    list(outcome);
  },
  signedIn: ({ userId, address }) => logger.log('info', `Console: user ${userId} signed in from ${address}`),
  signInRefused: ({ address, reason }) =>
    logger.log('warn', `Console: a sign-in from ${address} was refused: ${withoutKeys(reason)}`),
  signedOut: ({ userId, address, sessions }) =>
    logger.log('info', `Console: user ${userId} signed out from ${address}, sessions ended: ${sessions}`),
  keyRefused: code => metrics.keyRefused(code),
  keysGuessed: ({ address, count }) =>
    logger.log(
      'warn',
      `Keys: more than ${count} different wrong ones came from ${address} within a minute; further ones are answered 429, and later`,
    ),
  connectionsFull: ({ most, address }) =>
    logger.log(
      'warn',
      address === null
        ? `Connections: ${most} are open, as many as may be ([gateway] max_connections); ${yielding}`
        : `Connections: ${most} of ${address} are open, as many as one address may have ([gateway] max_connections_per_address; [gateway] trusted_proxies are not counted); ${yielding}`,
    ),
});
