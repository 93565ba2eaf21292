import type { FaultList } from '../file/faults.ts';
import type { SettingFile } from '../file/setting-file.ts';
import type { SettingsReader } from '../file/settings-reader.ts';
import { modelKeys } from '../keys.ts';
import { type ProviderSettings, poolOf } from '../providers/provider-settings.ts';
import type { Values } from '../values.ts';
import { type RouteConfig, type RouteParts, routeFaults } from './route-rules.ts';
import { parsedAliases, parsedTargets } from './target-text.ts';

const prefix = 'model.';

/** Reads every `[model.NAME]`. */
export const readRoutes = (
  providers: readonly ProviderSettings[],
  { written, reader, faults }: { written: SettingFile; reader: SettingsReader; faults: FaultList },
): RouteParts[] => {
  const routes = [...written.keys()]
    .filter(section => section.startsWith(prefix))
    .map(section => partsOf(section.slice(prefix.length), reader.read(section, modelKeys), faults));
  const known = new Map(
    providers.map(provider => {
      const { type, pool } = provider.common;
      return [provider.name, { type: type?.value, pool: pool && poolOf(provider) }] as const;
    }),
  );
  for (const { route, key, message } of routeFaults(routes, known)) faults.add(prefix + route, key, message);
  return routes;
};

const partsOf = (name: string, read: Partial<Values<typeof modelKeys>>, faults: FaultList): RouteParts => ({
  name,
  groups: parsed(parsedTargets, read.targets?.value, message => faults.add(prefix + name, 'targets', message)),
  aliases:
    read.aliases?.value === null
      ? []
      : parsed(parsedAliases, read.aliases?.value, message => faults.add(prefix + name, 'aliases', message)),
  spillAfterMs: read.spill_after_sec?.value,
  spillLevels: read.spill_levels?.value,
});

/** Undefined for a text that is missing or at fault. */
const parsed = <T extends readonly unknown[]>(
  parse: (text: string) => T | { readonly fault: string },
  text: string | undefined,
  fault: (message: string) => void,
): T | undefined => {
  if (text === undefined) return undefined;
  const found = parse(text);
  if (!('fault' in found)) return found;
  fault(found.fault);
  return undefined;
};

/** To be called only if there are no faults. */
export const toRoute = (parts: RouteParts, source: RouteConfig['source'] = 'file'): RouteConfig => {
  const { name, aliases = [], groups = [], spillAfterMs: afterMs, spillLevels: levels } = parts;
  return { name, aliases, groups, spill: afterMs == null || levels == null ? null : { afterMs, levels }, source };
};
