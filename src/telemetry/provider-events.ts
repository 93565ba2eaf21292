import type { Logger } from './logger.ts';
import { reasonOf, shownName } from './text.ts';

/** The providers and routes that are in effect, their rows and keys. */
export interface ProviderEvents {
  providersChanged(change: {
    readonly added: readonly string[];
    readonly changed: readonly string[];
    readonly removed: readonly string[];
  }): void;
  /** Said once per reason. */
  providerFaulty(fault: { provider: string; reason: string }): void;
  routeFaulty(fault: { route: string; reason: string }): void;
  providerRowsUnread(error: unknown): void;
  /** Rows are not read, as the role may not, or the tables are not there. */
  providerRowsMissing(reason: string): void;
  /** The upstream has answered 401 to this key. */
  upstreamKeyRefused(key: { provider: string; fingerprint: string; forMs: number }): void;
}

export const createProviderEvents = (logger: Logger): ProviderEvents => ({
  providersChanged({ added, changed, removed }) {
    const parts = Object.entries({ added, changed, removed }).filter(([, names]) => names.length > 0);
    if (parts.length === 0) return;
    const told = parts.map(([what, names]) => `${what} ${names.map(shownName).join(', ')}`);
    logger.log('info', `Providers by the database: ${told.join('; ')}`);
  },
  providerFaulty: ({ provider, reason }) =>
    logger.log('warn', `Provider ${shownName(provider)}: what is stored is not in effect as it stands: ${reason}`),
  routeFaulty: ({ route, reason }) =>
    logger.log('warn', `Route ${shownName(route)}: what is stored is not in effect as it stands: ${reason}`),
  providerRowsUnread: error =>
    logger.log('warn', `What is stored of providers cannot be read, what was read before holds: ${reasonOf(error)}`),
  providerRowsMissing: reason =>
    logger.log('warn', `The providers of the file are served, and none of the database: ${reason}`),
  upstreamKeyRefused: ({ provider, fingerprint, forMs }) =>
    logger.log(
      'warn',
      `Provider ${shownName(provider)}: the upstream answers 401 to the key ${fingerprint}, which is set aside for ${forMs / 60_000} min`,
    ),
});
