/**
 * `header.NAME = value` of a provider: headers that go upstream with every call. The operator chooses the names, so
 * they are no fixed keys: they stand in the file, or in the environment as TOKLIGENCE_PROVIDER_X_HEADER_NAME, with `_`
 * for `-`.
 */
import { hopByHopHeaders } from '../../domain/text/header-names.ts';
import type { FaultList } from '../file/faults.ts';
import type { SettingFile } from '../file/setting-file.ts';
import type { SettingsReader } from '../file/settings-reader.ts';
import { environmentName, headerPrefix, isHeaderKey, keysOf } from '../keys.ts';
import { type Keys, optional, text } from '../values.ts';

export type FixedHeader = readonly [name: string, value: string];

const value = optional(
  text('visible characters, with blanks between them only', /^[\x21-\x7e](?:[\x20-\x7e\t]{0,4094}[\x21-\x7e])?$/),
);

/** Headers of the connection, and those that the gateway sets for the body and the call. */
const ownHeaders = new Set([
  ...hopByHopHeaders,
  'host',
  'content-length',
  'content-encoding',
  'accept-encoding',
  'expect',
  'x-request-id',
]);

/** Returns the header that `api_key` sets for this type. */
export const keyHeaderOf = (type: 'openai' | 'anthropic'): string =>
  type === 'anthropic' ? 'x-api-key' : 'authorization';

/** Adds the headers that only the environment names to the file. */
export const withHeadersOf = (env: Readonly<Record<string, string | undefined>>, file: SettingFile): SettingFile => {
  const taken = new Set([...file.keys()].flatMap(section => namesIn(section, Object.keys(keysOf(section) ?? {}))));
  const result: SettingFile = new Map();
  for (const [section, values] of file) {
    const written = [...values.keys()].filter(key => isHeaderKey(section, key));
    for (const name of namesIn(section, written)) taken.add(name);
    result.set(section, new Map(values));
  }
  for (const [section, values] of result) {
    const prefix = environmentName(section, headerPrefix);
    if (!section.startsWith('provider.')) continue;
    for (const name of Object.keys(env)) {
      const header = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (/^[A-Z0-9_]{1,100}$/.test(header) && !taken.has(name)) values.set(keyOf(header), '');
    }
  }
  return result;
};

const namesIn = (section: string, keys: readonly string[]): string[] => keys.map(key => environmentName(section, key));
const keyOf = (header: string): string => headerPrefix + header.toLowerCase().replaceAll('_', '-');

interface HeaderSources {
  readonly written: SettingFile;
  readonly reader: SettingsReader;
  readonly faults: FaultList;
}

/** Returns the rules by which one provider's headers are read. An empty header counts as not set. */
export const headerRules = (section: string, { written }: Pick<HeaderSources, 'written'>): Keys =>
  Object.fromEntries(
    [...(written.get(section)?.keys() ?? [])].filter(key => isHeaderKey(section, key)).map(key => [key, value]),
  );

export const readHeaders = (section: string, sources: HeaderSources): FixedHeader[] => {
  const rules = headerRules(section, sources);
  const keys = Object.keys(rules);
  const { reader, faults } = sources;
  const byEnvironment = new Map<string, string>();
  for (const key of keys) {
    const name = environmentName(section, key);
    const other = byEnvironment.get(name);
    byEnvironment.set(name, key);
    if (ownHeaders.has(nameIn(key))) faults.add(section, key, 'the gateway itself writes this header');
    else if (other !== undefined) faults.add(section, key, `the environment could not tell it from ${other}`);
  }
  const read = reader.read(section, rules);
  return keys.flatMap(key => {
    const given = read[key]?.value;
    return typeof given === 'string' ? [[nameIn(key), given] as const] : [];
  });
};

const nameIn = (key: string): string => key.slice(headerPrefix.length);
