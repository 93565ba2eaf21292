/** Routes as rows of the database, laid over those of the file and read by the rules of the file. */
import type { RouteConfig, WrittenTexts } from '../config.ts';
import { FaultList } from '../file/faults.ts';
import { SettingsReader } from '../file/settings-reader.ts';
import { environmentName, modelKeys } from '../keys.ts';
import type { ProviderSettings } from '../providers/provider-settings.ts';
import type { RowTexts } from '../providers/row-texts.ts';
import { readRoutes, toRoute } from './routes.ts';

export interface RoutesWithRows {
  /** In the order of the file, then those of the database by name. */
  readonly routes: readonly RouteConfig[];
  /** Why routes cannot be used, by name. Where there are any, nothing else is told. */
  readonly faults: ReadonlyMap<string, string>;
}

const prefix = 'model.';

/** Whether the file has a route of that name. */
export const isRouteWritten = ({ sections }: WrittenTexts, name: string): boolean => sections.has(prefix + name);

/** Null for a route: there is none, whatever the file says. `providers`: all that a route may name. */
export function routesWithRows(
  written: WrittenTexts,
  rows: ReadonlyMap<string, RowTexts | null>,
  providers: readonly ProviderSettings[],
): RoutesWithRows {
  const file = new Map<string, Map<string, string>>();
  const environment = new Map(written.environment);
  for (const [section, texts] of written.sections)
    if (section.startsWith(prefix) && rows.get(section.slice(prefix.length)) !== null)
      file.set(section, new Map(texts));
  for (const [name, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const section = prefix + name;
    const isAdded = !file.has(section);
    if (row === null) continue;
    const own = file.get(section) ?? new Map<string, string>();
    file.set(section, own);
    for (const [key, text] of row) own.set(key, text);
    // The environment says nothing of a route that only a row has.
    for (const key of isAdded ? Object.keys(modelKeys) : row.keys()) environment.delete(environmentName(section, key));
  }
  const found = new FaultList();
  const reader = new SettingsReader(file, environment, found);
  const routes = readRoutes(providers, { written: file, reader, faults: found });
  const faults = new Map<string, string>();
  for (const { section, key, message } of found.list) {
    const name = section?.slice(prefix.length) ?? '';
    faults.set(name, [...(faults.has(name) ? [faults.get(name)] : []), `${key ?? 'it'} ${message}`].join('; '));
  }
  if (faults.size > 0) return { routes: [], faults };
  return { routes: routes.map(parts => toRoute(parts, rows.has(parts.name) ? 'database' : 'file')), faults };
}
