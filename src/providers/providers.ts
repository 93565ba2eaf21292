/** The front door: providers, their endpoints and keys, and routes, as rows of the database over those of the file. */
import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import type { Database } from '../db/schema.ts';
import { LiveProviders, type LiveProvidersParts } from './live-providers.ts';
import { ProviderDesk } from './provider-desk.ts';
import { ProviderFiles } from './provider-file.ts';
import { ProviderKeysStore } from './provider-keys-store.ts';
import { providerRestorers } from './provider-restore-store.ts';
import { ProviderRowsStore } from './provider-rows-store.ts';
import { RouteDesk } from './route-desk.ts';
import { rowRules } from './row-rules.ts';
import { Seal } from './sealing.ts';
import type { RefusedKeys } from './shown-provider.ts';

export type { LiveProviders, Served } from './live-providers.ts';
export type { ProviderDesk, ProviderInput } from './provider-desk.ts';
export { type ProviderFiles, providerFile } from './provider-file.ts';
export { type RouteDesk, route } from './route-desk.ts';
export type { ProviderFields } from './row-rules.ts';
export { key, provider } from './shown-provider.ts';

export type StoredProviders = ReturnType<typeof createStoredProviders>;

type Parts = Omit<LiveProvidersParts, 'store' | 'seal' | 'config'> & {
  readonly db: Kysely<Database>;
  readonly config: LiveProvidersParts['config'] & Pick<Config, 'master'>;
  readonly refused: RefusedKeys;
};

/** `db`: PostgreSQL, with the tables or without them. */
export function createStoredProviders({ db, refused, ...parts }: Parts) {
  const store = new ProviderRowsStore(db);
  const seal = new Seal(parts.config.master);
  const live = new LiveProviders({ ...parts, store, seal });
  const rules = rowRules(live);
  const shared = { live, rules, store };
  return {
    live,
    providers: new ProviderDesk({ ...shared, keys: new ProviderKeysStore(db), seal, refused }),
    routes: new RouteDesk(shared),
    files: new ProviderFiles(shared),
    /** False without a master key. */
    storesKeys: seal.keyId !== null,
    /** For the history. */
    restorers: providerRestorers(live, rules),
  };
}
