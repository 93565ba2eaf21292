import type { ProviderConfig } from '../../../config/config.ts';
import { baseUrlIn } from '../../../config/providers/base-urls.ts';
import type { ProviderClosures, ProviderHealth } from '../../../domain/shown/live.ts';
import type { ShownEndpoint, ShownProvider } from '../contract/live.ts';

interface ProviderSources {
  readonly providers: readonly ProviderConfig[];
  readonly sourceOf: (provider: string) => 'file' | 'database';
  readonly faultOf: (provider: string) => string | null;
  readonly healthOf: (provider: string) => ProviderHealth;
  readonly seatsOf: (pool: string) => number;
  readonly closuresOf: (provider: ProviderConfig) => ProviderClosures;
  readonly endpointsOf: (provider: string) => ShownEndpoint[];
}

/** The providers as an admin may see them: nothing by which anybody could call an upstream. */
export function shownProviders({
  providers,
  sourceOf,
  faultOf,
  healthOf,
  seatsOf,
  closuresOf,
  endpointsOf,
}: ProviderSources): ShownProvider[] {
  return providers.map(provider => ({
    name: provider.name,
    source: sourceOf(provider.name),
    fault: faultOf(provider.name),
    type: provider.type,
    base_url: provider.type === 'loopback' ? null : provider.baseUrls.map(withoutSecrets).join(', '),
    pool: provider.pool,
    models: [...provider.models],
    max_concurrent: seatsOf(provider.pool),
    forward_priority: provider.type === 'loopback' ? null : provider.forwardPriority,
    passthrough: provider.passthrough ? 'on' : 'off',
    proxy: provider.type === 'loopback' ? null : (provider.proxy?.origin ?? null),
    headers: provider.type === 'loopback' ? [] : provider.headers.map(([name]) => name),
    health: { ...healthOf(provider.name), ...closuresOf(provider) },
    endpoints: endpointsOf(provider.name),
  }));
}

/** Some put a key into the user, the password or the query. */
function withoutSecrets(baseUrl: string): string {
  const { url, isLookedUp } = baseUrlIn(baseUrl);
  return `${isLookedUp ? 'dns+' : ''}${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
