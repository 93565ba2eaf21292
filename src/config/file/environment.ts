import { environmentName, isHeaderKey, keysOf, sections } from '../keys.ts';
import type { FaultList } from './faults.ts';
import type { SettingFile } from './setting-file.ts';
import { closest } from './suggestion.ts';

/** Values by their name in the environment, trimmed and not empty; only known names. */
export type EnvironmentSettings = ReadonlyMap<string, string>;

/** Returns the pools that providers name: each can be set, whether or not the file has a section for it. */
const poolSections = (env: EnvironmentSettings, file: SettingFile): string[] =>
  [...file]
    .filter(([section]) => section.startsWith('provider.'))
    .map(([section, values]) => {
      const asked = env.get(environmentName(section, 'pool')) ?? values.get('pool');
      return `pool.${asked || section.slice('provider.'.length)}`;
    });

/** Returns the names that are read: those of every fixed section, and of the existing providers, pools, tenants and models. */
const knownNames = (env: EnvironmentSettings, file: SettingFile, faults: FaultList): Set<string> => {
  const owners = new Map<string, string>();
  const named = [...file.keys()].filter(section => /^(provider|pool|tenant|model)\./.test(section));
  for (const section of new Set([...Object.keys(sections), ...named, ...poolSections(env, file)])) {
    const headers = [...(file.get(section)?.keys() ?? [])].filter(key => isHeaderKey(section, key));
    const keys = [...Object.keys(keysOf(section) ?? {}), ...headers];
    const names = keys.map(key => environmentName(section, key));
    const shared = names.find(name => owners.has(name));
    if (shared === undefined) for (const name of names) owners.set(name, section);
    // The names of tenants and models come from outside, so two that collide are reported only if the environment sets one.
    else if (/^(provider|pool)\./.test(section) ? file.has(section) : names.some(name => env.has(name)))
      faults.add(section, null, `the environment could not tell it from [${owners.get(shared)}]; give it another name`);
  }
  return new Set(owners.keys());
};

// Kubernetes gives every pod the address of a service `tokligence-gateway` in variables that begin with our prefix.
const looksLikeLink = (name: string) =>
  /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name);
const isLinkValue = (name: string, value: string) => name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);

/** Variables of the command line, which may share a shell with the daemon. */
export const commandLineNames: ReadonlySet<string> = new Set([
  'TOKLIGENCE_URL',
  'TOKLIGENCE_ADMIN_KEY',
  'TOKLIGENCE_ADMIN_KEY_FILE',
]);

/**
 * Settings by name. An empty one counts as not set: `${VAR:-}` of compose and missing secrets leave empty variables.
 */
const given = (env: Readonly<Record<string, string | undefined>>): Map<string, string> =>
  new Map(
    Object.entries(env)
      .filter(([name]) => name.startsWith('TOKLIGENCE_') && !commandLineNames.has(name))
      .map(([name, value = '']) => [name, value.trim()] as const)
      .filter(([, value]) => value !== ''),
  );

export const fileSuffix = '_FILE';

/** Of each value that stands in a file, by its name: a sentence why it cannot be taken; null: it is. */
export type FilesNamed = ReadonlyMap<string, string | null>;

const unknownName = (name: string, known: Set<string>, suffix: string): string => {
  const near = closest(name, known);
  if (near !== null) return `${name}${suffix} in the environment is unknown: is ${near}${suffix} meant?`;
  const kind = /^TOKLIGENCE_(PROVIDER|POOL|TENANT|MODEL)_/.exec(name)?.[1]?.toLowerCase();
  return kind === undefined
    ? `${name}${suffix} in the environment is unknown`
    : `${name}${suffix} in the environment is unknown: it only overrides keys of ${kind}s that the file names`;
};

interface EnvironmentParts {
  readonly files: FilesNamed;
  readonly faults: FaultList;
  readonly warnings: string[];
}

export const readEnvironment = (
  env: Readonly<Record<string, string | undefined>>,
  file: SettingFile,
  { files, faults, warnings }: EnvironmentParts,
): EnvironmentSettings => {
  const all = given(env);
  const known = knownNames(all, file, faults);
  for (const [name, fault] of files) {
    if (!known.has(name)) warnings.push(unknownName(name, known, fileSuffix));
    else if (fault !== null) faults.add(null, null, fault);
  }
  const values = new Map<string, string>();
  const links: string[] = [];
  for (const [name, value] of all) {
    if (isLinkValue(name, value) || (!known.has(name) && looksLikeLink(name))) links.push(name);
    else if (!known.has(name)) {
      if (!files.has(name)) warnings.push(unknownName(name, known, ''));
    }
    // Node replaces bytes that it cannot decode by this character.
    else if (value.includes('\ufffd')) faults.add(null, null, `${name} in the environment is not UTF-8`);
    else values.set(name, value);
  }
  if (links.length > 0) {
    warnings.push(`ignored ${links.join(', ')}: service links of Kubernetes (enableServiceLinks: false avoids them)`);
  }
  return values;
};
