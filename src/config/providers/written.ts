/**
 * What the file and the environment say of providers, pools and routes, as texts: rows of the database are laid over them
 * and read by the same rules (row-texts.ts). Holds secrets.
 */
import type { ProviderConfig, WrittenTexts } from '../config.ts';
import type { EnvironmentSettings } from '../file/environment.ts';
import type { SettingFile } from '../file/setting-file.ts';
import { environmentName } from '../keys.ts';
import { boundKeys } from '../restart.ts';

const isKept = (section: string): boolean => section === 'scheduler' || /^(provider|pool|model)\./.test(section);
const isOfProxies = (variable: string): boolean => /^(https?|no)_proxy$/i.test(variable);

export const writtenOf = (
  file: SettingFile,
  environment: EnvironmentSettings,
  {
    env,
    allowedNetworks,
  }: { readonly env: Readonly<Record<string, string | undefined>>; readonly allowedNetworks: readonly string[] },
): WrittenTexts => ({
  allowedNetworks,
  sections: new Map([...file].filter(([section]) => isKept(section))),
  environment: new Map([...environment].filter(([name]) => /^TOKLIGENCE_(PROVIDER|POOL|SCHEDULER|MODEL)_/.test(name))),
  proxies: Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (isOfProxies(name) && value !== undefined ? [[name, value]] : [])),
  ),
});

/**
 * What acts when the file is read again. A provider that was added or removed, or that is another one or in another pool
 * now, waits for a restart.
 */
export function rereadTexts(started: WrittenTexts, next: WrittenTexts): WrittenTexts {
  const sections = new Map([...next.sections].filter(([section]) => !isProvider(section)));
  const environment = new Map([...next.environment].filter(([name]) => !name.startsWith('TOKLIGENCE_PROVIDER_')));
  for (const [section, texts] of started.sections) {
    if (!isProvider(section)) continue;
    const isTaken = boundKeys.every(key => textOf(started, section, key) === textOf(next, section, key));
    const from = isTaken && next.sections.has(section) ? next : started;
    sections.set(section, from.sections.get(section) ?? texts);
    const own = environmentName(section, '');
    for (const [name, text] of from.environment) if (name.startsWith(own)) environment.set(name, text);
  }
  return { ...next, sections, environment };
}

const isProvider = (section: string): boolean => section.startsWith('provider.');

const textOf = ({ sections, environment }: WrittenTexts, section: string, key: string): string =>
  environment.get(environmentName(section, key)) ?? sections.get(section)?.get(key) ?? '';

/** The same of providers that were read. */
export const rereadProviders = (
  started: readonly ProviderConfig[],
  next: readonly ProviderConfig[],
): readonly ProviderConfig[] =>
  started.map(was => {
    const is = next.find(({ name }) => name === was.name);
    return is === undefined || is.type !== was.type || is.pool !== was.pool ? was : is;
  });
