/** Providers as rows of the database, laid over those of the file and read by the rules of the file. */
import type { PoolConfig, ProviderConfig, WrittenTexts } from '../config.ts';
import { FaultList } from '../file/faults.ts';
import type { SettingFile } from '../file/setting-file.ts';
import { SettingsReader } from '../file/settings-reader.ts';
import { allProviderKeys, environmentName, headerPrefix, sections } from '../keys.ts';
import { readPools, toPool } from '../pools/pools.ts';
import type { Values } from '../values.ts';
import { type ProviderSettings, poolOf, readProvider, toProviders } from './provider-settings.ts';
import { proxyIn } from './upstream-proxy.ts';

/** By key, spelled as in the file; `base_url` among them. */
export type RowTexts = ReadonlyMap<string, string>;

export interface WithRows {
  /** In the order of the file, then those of the database by name. */
  readonly providers: readonly ProviderConfig[];
  readonly pools: readonly PoolConfig[];
  /** All that routes may name: those of the file as it says, even if a row has switched them off, so that its routes hold. */
  readonly known: readonly ProviderSettings[];
  /** Why rows cannot be used, by provider. Where there are any, nothing else is told. */
  readonly faults: ReadonlyMap<string, string>;
}

const prefix = 'provider.';

/** Whether the file has a provider of that name. */
export const isWritten = ({ sections: written }: WrittenTexts, name: string): boolean => written.has(prefix + name);

/** The text of a key of a provider of the file, by the environment or the file; undefined: neither has it. */
export const writtenText = (
  { sections: written, environment }: WrittenTexts,
  name: string,
  key: string,
): string | undefined => environment.get(environmentName(prefix + name, key)) ?? written.get(prefix + name)?.get(key);

const writtenNames = ({ sections: written }: WrittenTexts): string[] =>
  [...written.keys()].filter(section => section.startsWith(prefix)).map(section => section.slice(prefix.length));

/** Null for a provider: there is none, whatever the file says. */
export function withRows(written: WrittenTexts, rows: ReadonlyMap<string, RowTexts | null>): WithRows {
  const faults = new Map<string, string>();
  const added = [...rows.keys()].filter(name => !isWritten(written, name)).sort();
  const names = [...writtenNames(written), ...added].filter(name => rows.get(name) !== null);
  const read = names.map(name => {
    const one = readOne(written, name, rows.get(name) ?? null);
    if (one.fault !== null) faults.set(name, one.fault);
    return one.settings;
  });
  const together = faults.size === 0 ? pooled(written, read, faults) : [];
  if (faults.size > 0) return { providers: [], pools: [], known: [], faults };
  return {
    providers: toProviders(read, written.allowedNetworks),
    pools: together,
    known: [...writtenSettings(written), ...read.filter(({ name }) => !isWritten(written, name))],
    faults,
  };
}

const writtenSettings = (written: WrittenTexts): ProviderSettings[] =>
  writtenNames(written).map(name => readOne(written, name, null).settings);

interface ReadOne {
  readonly settings: ProviderSettings;
  readonly fault: string | null;
}

function readOne(written: WrittenTexts, name: string, row: RowTexts | null): ReadOne {
  const faults = new FaultList();
  const section = prefix + name;
  const own = new Map(written.sections.get(section));
  // A name in the environment may be that of another provider of the file, which a row must not take a key from.
  const environment = new Map(written.sections.has(section) ? written.environment : []);
  if (row?.has('type') && row.get('type') !== writtenText(written, name, 'type')) {
    own.clear();
    environment.clear();
  }
  for (const [key, text] of row ?? []) {
    checkColumn(section, key, text, faults);
    own.set(key, text);
    environment.delete(environmentName(section, key));
  }
  const file: SettingFile = new Map([[section, own]]);
  const reader = new SettingsReader(file, environment, faults);
  const settings = readProvider(name, { written: file, reader, faults, env: written.proxies });
  return { settings, fault: sentenceOf(faults) };
}

function checkColumn(section: string, key: string, text: string, faults: FaultList): void {
  if (!Object.hasOwn(allProviderKeys, key)) faults.add(section, key, 'is not known to this gateway');
  else if (key === 'proxy' && (proxyIn(text)?.authorization ?? null) !== null)
    faults.add(section, key, 'must have no credentials in the database, where they would be in clear');
}

/** Faults of pools belong to the providers that have them and are rows. */
function pooled(
  written: WrittenTexts,
  providers: readonly ProviderSettings[],
  found: Map<string, string>,
): PoolConfig[] {
  const faults = new FaultList();
  const names = new Set(providers.map(poolOf));
  // A pool whose provider is gone keeps its section, which is of use again when the provider is back.
  const isUsed = (section: string) => !section.startsWith('pool.') || names.has(section.slice('pool.'.length));
  const file = new Map([...written.sections].filter(([section]) => isUsed(section))) as SettingFile;
  const reader = new SettingsReader(file, written.environment, faults);
  const shared = reader.read('scheduler', sections.scheduler) as Values<typeof sections.scheduler>;
  const pools = readPools(providers, { written: file, reader, faults });
  for (const { section, key, message } of faults.list) {
    const [, kind, name = ''] = /^(provider|pool)\.(.*)$/.exec(section ?? '') ?? [];
    const blamed = providers.filter(one => (kind === 'pool' ? poolOf(one) === name : one.name === name));
    for (const one of blamed.length > 0 ? blamed : providers) found.set(one.name, `${key ?? section} ${message}`);
  }
  return found.size > 0 ? [] : pools.map(pool => toPool(pool, shared));
}

const sentenceOf = ({ list }: FaultList): string | null =>
  list.length === 0 ? null : list.map(({ key, message }) => `${key ?? 'it'} ${message}`).join('; ');

/** The same provider without what the file has for its own origins only. */
export function withoutSecrets(written: WrittenTexts, name: string): WrittenTexts {
  const section = prefix + name;
  const isSecret = (key: string) => key === 'api_key' || key.startsWith(headerPrefix);
  const texts = written.sections.get(section) ?? new Map<string, string>();
  const kept = new Map([...texts].filter(([key]) => !isSecret(key)));
  const secrets = [...texts.keys(), 'api_key'].filter(isSecret).map(key => environmentName(section, key));
  const environment = new Map([...written.environment].filter(([variable]) => !secrets.includes(variable)));
  return { ...written, environment, sections: new Map(written.sections).set(section, kept) };
}
