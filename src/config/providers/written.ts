/**
 * What the file and the environment say of providers, pools and routes, as texts: rows of the database are laid over them
 * and read by the same rules (row-texts.ts). Holds secrets.
 */
import type { EnvironmentSettings } from '../file/environment.ts';
import type { SettingFile } from '../file/setting-file.ts';

export interface WrittenTexts {
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly environment: EnvironmentSettings;
  /** The variables that name proxies. */
  readonly proxies: Readonly<Record<string, string>>;
  /** See `HttpProviderConfig.allowedNetworks`: only the file allows them. */
  readonly allowedNetworks: readonly string[];
}

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

/** What acts when the file is read again: the settings of pools, and the seats; providers wait for a restart. */
export function rereadTexts(started: WrittenTexts, next: WrittenTexts): WrittenTexts {
  const sections = new Map([...next.sections].filter(([section]) => !section.startsWith('provider.')));
  for (const [section, texts] of started.sections) {
    if (!section.startsWith('provider.')) continue;
    const seats = next.sections.get(section)?.get('max_concurrent');
    const { max_concurrent: _, ...kept } = Object.fromEntries(texts);
    sections.set(section, new Map(Object.entries(seats === undefined ? kept : { ...kept, max_concurrent: seats })));
  }
  const isSeats = (name: string) => !name.startsWith('TOKLIGENCE_PROVIDER_') || name.endsWith('_MAX_CONCURRENT');
  const environment = new Map([
    ...[...started.environment].filter(([name]) => !isSeats(name)),
    ...[...next.environment].filter(([name]) => isSeats(name)),
  ]);
  return { ...next, sections, environment };
}
