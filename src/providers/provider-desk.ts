import { randomUUID } from 'node:crypto';
import type { HttpProviderConfig, ProviderConfig } from '../config/config.ts';
import { httpProviderKeys } from '../config/keys.ts';
import { isWritten } from '../config/providers/row-texts.ts';
import type { ProviderRow } from '../db/schema.ts';
import { errors } from '../domain/errors.ts';
import { isProviderName, providerNameRule } from './effective-providers.ts';
import type { LiveProviders } from './live-providers.ts';
import { originsOf } from './origins.ts';
import type { ProviderKeysStore } from './provider-keys-store.ts';
import type { NewKey, ProviderChange, ProviderRowsStore, StoredProviders } from './provider-rows-store.ts';
import { fieldIn, type ProviderFields, providerChange, type RowRules } from './row-rules.ts';
import type { Seal } from './sealing.ts';
import { type RefusedKeys, type ShownKey, type ShownProvider, shownKey, shownProvider } from './shown-provider.ts';

export interface WriteBy {
  readonly actor: string;
  readonly ifMatch: readonly string[] | undefined;
}

export interface ProviderDeskParts {
  readonly live: LiveProviders;
  readonly rules: RowRules;
  readonly store: ProviderRowsStore;
  readonly keys: ProviderKeysStore;
  readonly seal: Seal;
  readonly refused: RefusedKeys;
}

/** Fields of a provider, and the key that goes with them. */
export interface ProviderInput {
  readonly fields: ProviderFields;
  /** Takes the place of all its keys. */
  readonly apiKey?: string | undefined;
}

export interface KeyInput {
  readonly api_key: string;
  readonly description?: string | null | undefined;
}

/** What the admin API does with providers. Each write resolves when it is in effect here. */
export class ProviderDesk {
  readonly #parts: ProviderDeskParts;

  constructor(parts: ProviderDeskParts) {
    this.#parts = parts;
  }

  async find(name: string): Promise<ShownProvider> {
    const { live, store, seal, refused } = this.#parts;
    const stored = await store.find(name);
    const keys = live.stored.keys.filter(({ provider }) => provider === name);
    const isKnown = stored.row !== null || stored.endpoints.length > 0 || isWritten(live.written, name);
    if (!isKnown) throw noProvider(name);
    return shownProvider(name, { ...stored, keys, live, seal, refused });
  }

  async create(name: string, { fields, apiKey }: ProviderInput, actor: string): Promise<ShownProvider> {
    const { live } = this.#parts;
    live.refuseWithoutRows();
    if (!isProviderName(name)) throw errors.invalidRequest(`name must be ${providerNameRule}.`, 'name');
    if (isWritten(live.written, name))
      throw errors.conflict(`The configuration has a provider ${name}: change that by PATCH.`, 'name');
    const refuseTaken = () => {
      throw errors.conflict(`There is a provider ${name} already.`, 'name');
    };
    return this.#put(name, { fields, apiKey }, { actor, ifMatch: undefined, refuseTaken });
  }

  async change(name: string, input: ProviderInput, by: WriteBy): Promise<ShownProvider> {
    this.#parts.live.refuseWithoutRows();
    await this.find(name);
    return this.#put(name, input, by);
  }

  async remove(name: string, by: WriteBy): Promise<void> {
    const { live, store, rules } = this.#parts;
    live.refuseWithoutRows();
    const removed = await store.remove(name, { ...by, ...rules });
    await live.reload();
    if (removed) return;
    if (!isWritten(live.written, name)) throw noProvider(name);
    throw errors.conflict(`The provider ${name} stands in the configuration: enabled = false takes it out of service.`);
  }

  /** `replaces`: it takes the place of all others. */
  async addKey(
    name: string,
    input: KeyInput,
    { actor, replaces }: { actor: string; replaces: boolean },
  ): Promise<ShownKey> {
    const { live, keys, rules, seal, refused } = this.#parts;
    live.refuseWithoutRows();
    await this.find(name);
    this.#refuseUnsealable(input.api_key);
    const key = this.#sealed(httpProvider(live.effective.providers, name), input, actor);
    const row = await keys.add(key, { actor, replaces, ...rules });
    await live.reload();
    return shownKey(row, { seal, refused });
  }

  /** `why` of null brings it back. */
  async setAsideKey(name: string, id: string, why: string | null, actor: string): Promise<ShownKey> {
    const { live, keys, rules, seal, refused } = this.#parts;
    live.refuseWithoutRows();
    const row = await keys.setAside(name, id, why, { actor, ...rules });
    if (row === null) throw noKey(name, id);
    await live.reload();
    return shownKey(row, { seal, refused });
  }

  async removeKey(name: string, id: string, actor: string): Promise<void> {
    const { live, keys, rules } = this.#parts;
    live.refuseWithoutRows();
    if (!(await keys.remove(name, id, { actor, ...rules }))) throw noKey(name, id);
    await live.reload();
  }

  /** Seals all keys with the present master key. Throws `conflict` if one cannot be unsealed, and then changes none. */
  async reseal(actor: string): Promise<{ resealed: number; unchanged: number; master_key_id: string }> {
    const { live, keys, seal } = this.#parts;
    live.refuseWithoutRows();
    const { keyId } = seal;
    if (keyId === null) throw noMasterKey();
    const counts = await keys.reseal(row => {
      if (row.master_key_id === keyId) return null;
      const unsealed = seal.unseal(row, row);
      if (!('fault' in unsealed)) return seal.seal(row, unsealed.secret);
      throw errors.conflict(
        `The key ${row.fingerprint.slice(0, 12)} of ${row.provider.slice(0, 64)} cannot be unsealed, so none is sealed anew: ${unsealed.fault}.`,
      );
    }, actor);
    await live.reload();
    return { ...counts, master_key_id: keyId };
  }

  /** The provider as it would be, not stored. Throws as a write would. */
  rehearse(name: string, { fields, apiKey }: ProviderInput): HttpProviderConfig {
    const { live, rules } = this.#parts;
    const before = live.stored;
    const after = withChange(before, name, providerChange(fields));
    const keyless = apiKey === undefined ? after : { ...after, keys: after.keys.filter(key => key.provider !== name) };
    // Without its keys it may be at fault, which the new key cures.
    if (apiKey === undefined) rules.check(after, before);
    const tried = live.tried(keyless);
    const [fault = '', ...others] = tried.faults.get(name) ?? [];
    if (tried.unusable.has(name))
      throw errors.invalidRequest(`${name}: ${[fault, ...others].join('; ')}.`, fieldIn(fault));
    const config = httpProvider(tried.providers, name);
    if (apiKey === undefined) return config;
    this.#refuseFormOf(apiKey);
    const { fault: _cured, keys: _stored, ...sound } = config;
    return { ...sound, apiKey };
  }

  async #put(
    name: string,
    { fields, apiKey }: ProviderInput,
    by: WriteBy & { readonly refuseTaken?: () => never },
  ): Promise<ShownProvider> {
    const { live, store, rules } = this.#parts;
    const change = providerChange(fields);
    if (apiKey !== undefined) this.#refuseUnsealable(apiKey);
    const keyOf = (stored: StoredProviders): NewKey | null => {
      if (apiKey === undefined) return null;
      const keyless = { ...stored, keys: stored.keys.filter(key => key.provider !== name) };
      const tried = live.tried(keyless);
      if (tried.unusable.has(name)) return null;
      return this.#sealed(httpProvider(tried.providers, name), { api_key: apiKey }, by.actor);
    };
    await store.put(name, change, { ...by, ...rules, keyOf });
    await live.reload();
    return this.find(name);
  }

  #sealed(config: HttpProviderConfig, { api_key, description = null }: KeyInput, actor: string): NewKey {
    const place = { id: randomUUID(), provider: config.name, origins: originsOf(config).join(' ') };
    return { ...place, ...this.#parts.seal.seal(place, api_key), description, created_by: actor };
  }

  #refuseUnsealable(key: string): void {
    if (this.#parts.seal.keyId === null) throw noMasterKey();
    this.#refuseFormOf(key);
  }

  #refuseFormOf(key: string): void {
    const { parse, allowed } = httpProviderKeys.api_key;
    if (typeof parse(key) !== 'string') throw errors.invalidRequest(`api_key must be ${allowed}.`, 'api_key');
  }
}

function httpProvider(providers: readonly ProviderConfig[], name: string): HttpProviderConfig {
  const config = providers.find(provider => provider.name === name);
  if (config === undefined)
    throw errors.conflict(`The provider ${name} is not in service: it is switched off, or its row cannot be used.`);
  if (config.type !== 'loopback') return config;
  throw errors.invalidRequest(`The provider ${name} is of type loopback, which lives in the gateway.`, 'type');
}

/** What would be stored. */
function withChange(stored: StoredProviders, name: string, { texts, urls, enabled }: ProviderChange): StoredProviders {
  const known = stored.providers.find(row => row.name === name);
  const now = '1970-01-01T00:00:00.000Z';
  const stamps = { created_at: now, updated_at: now, created_by: null };
  const row = { ...(known ?? { name, enabled: true, description: null, ...stamps }), ...texts } as ProviderRow;
  const providers = [...stored.providers.filter(one => one !== known), { ...row, enabled: enabled ?? row.enabled }];
  if (urls === undefined) return { ...stored, providers };
  const own = urls.map((url, position) => ({ provider: name, url, position, enabled: true, ...stamps }));
  return { ...stored, providers, endpoints: [...stored.endpoints.filter(({ provider }) => provider !== name), ...own] };
}

const noProvider = (name: string) => errors.notFound(`There is no provider ${name.slice(0, 64)}.`);
const noKey = (name: string, id: string) =>
  errors.notFound(`The provider ${name.slice(0, 64)} has no stored key ${id.slice(0, 64)}.`);
const noMasterKey = () =>
  errors.conflict(
    'No key can be stored, as there is no master key: set TOKLIGENCE_MASTER_KEY or TOKLIGENCE_MASTER_KEY_FILE (openssl rand -base64 32), or put the key into the file or the environment.',
    'api_key',
  );
