import { dialects, type Level } from '../../domain/vocabulary.ts';
import { closest } from '../file/suggestion.ts';
import type { PlannedTarget, TargetGroup } from './target-text.ts';

/** The targets of a model's name. File and stored rows share this shape and the rules below. */
export interface RouteConfig {
  readonly name: string;
  readonly aliases: readonly string[];
  /** In their order, at least one. */
  readonly groups: readonly TargetGroup[];
  readonly spill: SpillConfig | null;
  readonly source: 'file' | 'database';
}

interface SpillConfig {
  readonly afterMs: number;
  /** At least one, in their order. */
  readonly levels: readonly Level[];
}

/** A route of which a part may be at fault; such a part is undefined. */
export interface RouteParts {
  readonly name: string;
  readonly aliases: readonly string[] | undefined;
  readonly groups: readonly TargetGroup[] | undefined;
  /** Null: not given. */
  readonly spillAfterMs: number | null | undefined;
  readonly spillLevels: readonly Level[] | null | undefined;
}

/** A provider that routes may name; a part at fault is undefined. */
interface RoutedProvider {
  readonly type: 'openai' | 'anthropic' | 'loopback' | undefined;
  readonly pool: string | undefined;
}

type RouteKey = 'targets' | 'aliases' | 'spill_after_sec' | 'spill_levels';

export interface RouteFault {
  /** The name of the route. */
  readonly route: string;
  readonly key: RouteKey;
  /** Continues the sentence that begins with the name of the key. */
  readonly message: string;
}

type Providers = ReadonlyMap<string, RoutedProvider>;

/** Returns the faults that appear only when all routes and providers are read together; a missing part proves nothing. */
export function routeFaults(routes: readonly RouteParts[], providers: Providers): RouteFault[] {
  const targets = routes.flatMap(route => [...targetFaults(route, providers), ...spillFaults(route, providers)]);
  return [...targets, ...nameFaults(routes)];
}

function targetFaults({ name, groups = [] }: RouteParts, providers: Providers): RouteFault[] {
  const faults: RouteFault[] = [];
  const fault = (message: string) => faults.push({ route: name, key: 'targets', message });
  const seen = new Map<string, number>();
  for (const [index, { provider, model }] of groups.flat().entries()) {
    const number = index + 1;
    if (!providers.has(provider)) fault(`target ${number} names no provider: ${hint(provider, [...providers.keys()])}`);
    const target = JSON.stringify([provider, model ?? name]);
    const first = seen.get(target);
    if (first === undefined) seen.set(target, number);
    else fault(`target ${number} is the same as target ${first}: a weight (*2) gives one a greater share`);
  }
  return faults;
}

const hint = (name: string, known: readonly string[]): string => {
  if (known.length === 0) return 'there is no provider';
  const near = closest(name, known);
  return near === null ? `there are ${known.join(', ')}` : `is ${near} meant?`;
};

function spillFaults(route: RouteParts, providers: Providers): RouteFault[] {
  const { name, groups, spillAfterMs, spillLevels } = route;
  const fault = (key: RouteKey, message: string): RouteFault[] => [{ route: name, key, message }];
  if (spillAfterMs === undefined || spillLevels === undefined) return [];
  if (spillAfterMs === null)
    return spillLevels === null ? [] : fault('spill_levels', 'needs spill_after_sec beside it');
  if (spillLevels === null)
    return fault('spill_after_sec', 'needs spill_levels beside it, the levels that may go to the next target: 0-2');
  if (groups === undefined || mayChangePool(groups.flat(), providers)) return [];
  return fault('spill_after_sec', 'needs a second target of the same API whose provider has another pool');
}

/** Whether the targets for one dialect are in several pools. */
const mayChangePool = (targets: readonly PlannedTarget[], providers: Providers): boolean =>
  dialects.some(dialect => {
    const found = targets.map(({ provider }) => providers.get(provider));
    // What is not known has a fault already.
    if (found.some(provider => provider?.pool === undefined || provider.type === undefined)) return true;
    const pools = found.filter(provider => provider?.type === 'loopback' || provider?.type === dialect);
    return new Set(pools.map(provider => provider?.pool)).size > 1;
  });

/** Each name leads to one route. */
function nameFaults(routes: readonly RouteParts[]): RouteFault[] {
  const faults: RouteFault[] = [];
  const names = new Set(routes.map(({ name }) => name));
  const owners = new Map<string, string>();
  for (const { name, aliases = [] } of routes) {
    for (const [index, alias] of aliases.entries()) {
      const fault = (what: string) =>
        faults.push({ route: name, key: 'aliases', message: `name ${index + 1} ${what}; a name leads to one route` });
      const owner = owners.get(alias);
      if (alias === name) fault('is that of the route itself');
      else if (names.has(alias)) fault(`has a section of its own, [model.${alias}]`);
      else if (owner === name) fault('stands twice');
      else if (owner !== undefined) fault(`is an alias of [model.${owner}] too`);
      else owners.set(alias, name);
    }
  }
  return faults;
}
