/** What may be stored by the admin API: nothing that would be at fault, within bounds. SQL may store anything. */

import { closest } from '../config/file/suggestion.ts';
import { allProviderKeys, modelKeys } from '../config/keys.ts';
import { type ProviderColumn, providerColumns, type RouteColumn, routeColumns } from '../db/schema.ts';
import { errors } from '../domain/errors.ts';
import type { EffectiveProviders, Faults } from './effective-providers.ts';
import type { LiveProviders } from './live-providers.ts';
import { urlsIn } from './origins.ts';
import type { ProviderChange, RouteChange, StoredProviders } from './provider-rows-store.ts';

/** A value as it stands in JSON; a list is spelled with commas. Null: what the file or the default says. */
type JsonValue = string | number | boolean | readonly string[] | null;
/** By the names of the file. A field that is absent stays. */
export type ProviderFields = Readonly<Record<string, JsonValue | undefined>>;

const mostProviders = 500;
const mostRoutes = 2_000;
const mostKeys = 32;
const mostEndpoints = 100;

const ownFields = new Set(['enabled', 'description']);

export interface RowRules {
  /** Throws where what is stored then has a fault that it had not before, or is too much. */
  check(after: StoredProviders, before: StoredProviders): void;
}

export const rowRules = (live: Pick<LiveProviders, 'tried'>): RowRules => ({
  check(after, before) {
    refuseTooMany(after);
    const [was, is] = [live.tried(before), live.tried(after)];
    const found = newFaults(is.faults, was.faults) ?? newFaults(is.routeFaults, was.routeFaults);
    if (found === null) return;
    const message = `${found.name}: ${found.fault}.`;
    throw isUnusable(is, found.name) ? errors.invalidRequest(message, fieldIn(found.fault)) : errors.conflict(message);
  },
});

const isUnusable = ({ unusable, routeFaults }: EffectiveProviders, name: string): boolean =>
  unusable.has(name) || routeFaults.has(name);

function newFaults(is: Faults, was: Faults): { readonly name: string; readonly fault: string } | null {
  for (const [name, faults] of is) {
    const fresh = faults.filter(fault => was.get(name)?.includes(fault) !== true);
    if (fresh.length > 0) return { name, fault: fresh.join('; ') };
  }
  return null;
}

/** A fault of a key begins with its name. */
export function fieldIn(fault: string): string | undefined {
  const [first = ''] = fault.split(' ');
  return Object.hasOwn(allProviderKeys, first) || Object.hasOwn(modelKeys, first) ? first : undefined;
}

function refuseTooMany({ providers, routes, keys, endpoints }: StoredProviders): void {
  const most = (rows: readonly { readonly provider: string }[]) =>
    Math.max(0, ...[...Map.groupBy(rows, ({ provider }) => provider).values()].map(({ length }) => length));
  const bounds = [
    ['providers', providers.length, mostProviders],
    ['routes', routes.length, mostRoutes],
    ['keys of a provider', most(keys), mostKeys],
    ['endpoints of a provider', most(endpoints), mostEndpoints],
  ] as const;
  for (const [what, count, limit] of bounds)
    if (count > limit) throw errors.conflict(`At most ${limit} ${what} can be stored.`);
}

/** The change that these fields are. Throws `invalid_request` with all that cannot be. */
export function providerChange(fields: ProviderFields): ProviderChange {
  const { base_url, enabled, description, ...texts } = fields;
  const read = textsOf<ProviderColumn>(texts, providerColumns, 'base_url, api_key');
  return {
    texts: read,
    ...ownOf({ enabled, description }),
    ...(base_url === undefined ? {} : { urls: urlsOf(base_url) }),
  };
}

export function routeChange({ enabled, description, ...texts }: ProviderFields): RouteChange {
  return { texts: textsOf<RouteColumn>(texts, routeColumns, ''), ...ownOf({ enabled, description }) };
}

const urlsOf = (value: JsonValue): string[] =>
  value === null
    ? []
    : (typeof value === 'object' ? value : urlsIn(String(value))).map(url => url.trim().replace(/\/+$/, ''));

function ownOf({ enabled, description }: ProviderFields) {
  return {
    ...(typeof enabled === 'boolean' ? { enabled } : {}),
    ...(description === undefined ? {} : { description: description === null ? null : String(description) }),
  };
}

/** What the values may be is said by the same rules as of the file, once they are laid over it. */
function textsOf<Column extends string>(
  fields: ProviderFields,
  columns: readonly Column[],
  others: string,
): { [C in Column]?: string | null } {
  const texts: Record<string, string | null> = {};
  const known: ReadonlySet<string> = new Set(columns);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || ownFields.has(name)) continue;
    if (!known.has(name)) throw errors.invalidRequest(unknown(name, columns, others), name.slice(0, 40));
    texts[name] = value === null ? null : spelled(value);
  }
  return texts as { [C in Column]?: string | null };
}

const spelled = (value: Exclude<JsonValue, null>): string =>
  typeof value === 'object' ? value.join(', ') : String(value);

function unknown(name: string, columns: readonly string[], others: string): string {
  const near = closest(name, columns);
  const all = [...columns, ...others.split(', ').filter(one => one !== '')].join(', ');
  return `There is no field '${name.slice(0, 40)}': ${near === null ? `allowed are ${all}, enabled and description` : `is ${near} meant?`}`;
}
