import type { FaultList } from './faults.ts';
import { environmentName, keysOf, sections } from './keys.ts';
import type { SettingFile } from './setting-file.ts';
import { closest } from './suggestion.ts';

/** Values by their name in the environment, trimmed; only known names. */
export type EnvironmentSettings = ReadonlyMap<string, string>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The names that count: of every fixed section, and of the providers that the file has. */
const knownNames = (file: SettingFile, faults: FaultList): Set<string> => {
  const owners = new Map<string, string>();
  for (const section of [...Object.keys(sections), ...[...file.keys()].filter(name => name.startsWith('provider.'))]) {
    const names = Object.keys(keysOf(section) ?? {}).map(key => environmentName(section, key));
    const other = names.map(name => owners.get(name)).find(owner => owner !== undefined);
    if (other === undefined) for (const name of names) owners.set(name, section);
    else faults.add(section, null, `the environment could not tell it from [${other}]; give it another name`);
  }
  return new Set(owners.keys());
};

// Kubernetes tells every pod of a service `tokligence-gateway` its address under names that begin like ours.
const looksLikeLink = (name: string) =>
  /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name);
const isLinkValue = (name: string, value: string) => name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value);

const unknownName = (name: string, known: Set<string>): string => {
  const near = closest(name, known);
  if (near !== null) return `${name} in the environment is unknown: is ${near} meant?`;
  return name.startsWith('TOKLIGENCE_PROVIDER_')
    ? `${name} in the environment is unknown: it only overrides keys of providers that the file names`
    : `${name} in the environment is unknown`;
};

export const readEnvironment = (
  env: Environment,
  file: SettingFile,
  { faults, warnings }: { faults: FaultList; warnings: string[] },
): EnvironmentSettings => {
  const known = knownNames(file, faults);
  const values = new Map<string, string>();
  const links: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('TOKLIGENCE_') || value === undefined) continue;
    if (isLinkValue(name, value) || (!known.has(name) && looksLikeLink(name))) links.push(name);
    else if (known.has(name)) values.set(name, value.trim());
    else warnings.push(unknownName(name, known));
  }
  if (links.length > 0) {
    warnings.push(`ignored ${links.join(', ')}: service links of Kubernetes (enableServiceLinks: false avoids them)`);
  }
  return values;
};
