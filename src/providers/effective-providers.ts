/**
 * The providers in effect: rows of the database over the file, by name and key by key.
 *
 *   an unusable row          its provider keeps the last good row; where there was none, what the file says
 *   rows of one pool that    each of them the same
 *   contradict each other
 *   enabled = false          there is no such provider, whatever the file says
 *   a key that is missing    the provider is there, at fault: its requests are refused, and never sent without a key
 */
import type { PoolConfig, ProviderConfig } from '../config/config.ts';
import { isWritten, type RowTexts, type WithRows, withoutSecrets, withRows, writtenText } from '../config/providers/row-texts.ts';
import type { WrittenTexts } from '../config/providers/written.ts';
import { providerColumns } from '../db/schema.ts';
import { originsIn, urlsIn } from './origins.ts';
import type { StoredProviders } from './provider-rows-store.ts';
import type { Seal } from './sealing.ts';
import { type Lost, withStoredKeys } from './stored-keys.ts';

/** By name; null: the provider is switched off. */
export type ProviderRows = ReadonlyMap<string, RowTexts | null>;

export interface EffectiveProviders {
  readonly providers: readonly ProviderConfig[];
  readonly pools: readonly PoolConfig[];
  /** The names of which something is stored. */
  readonly stored: ReadonlySet<string>;
  /** Why a provider is not as its rows say, or may not be used; by name. */
  readonly faults: ReadonlyMap<string, string>;
  /** The rows that are in effect. */
  readonly rows: ProviderRows;
}

export interface EffectiveParts {
  readonly written: WrittenTexts;
  readonly seal: Pick<Seal, 'unseal'>;
  /** The rows that were in effect until now; empty at the start. */
  readonly before: ProviderRows;
}

type Tell = (name: string, fault: string) => void;

export function effectiveProviders(
  stored: StoredProviders,
  { written, seal, before }: EffectiveParts,
): EffectiveProviders {
  const told = new Map<string, Set<string>>();
  const tell: Tell = (name, fault) => told.set(name, (told.get(name) ?? new Set()).add(fault));
  const wanted = rowsOf(stored, written, tell);
  const { rows, providers, pools } = usable(wanted, { written, before, tell });
  const keysOf = Map.groupBy(stored.keys, ({ provider }) => provider);
  const isOff = allDisabled(stored);
  const keyed = providers.map(config => {
    if (config.type === 'loopback') return config;
    const { name } = config;
    const keys = keysOf.get(name) ?? [];
    const lost = isMoved(written, name, rows.get(name) ?? null) ? lostOf(written, name) : nothingLost;
    const ready = withStoredKeys(config, { keys, seal, lost, tell: fault => tell(name, fault) });
    if (!isOff.has(name)) return ready;
    tell(name, 'all of its endpoints are disabled');
    return { ...ready, fault: 'all of its endpoints are disabled' };
  });
  return {
    providers: keyed,
    pools,
    stored: new Set([...wanted.keys(), ...told.keys(), ...keysOf.keys()]),
    faults: new Map([...told].map(([name, faults]) => [name, [...faults].join('; ')])),
    rows,
  };
}

function rowsOf({ providers, endpoints }: StoredProviders, written: WrittenTexts, tell: Tell): ProviderRows {
  const rows = new Map<string, RowTexts | null>();
  const urls = Map.groupBy(endpoints, ({ provider }) => provider);
  const own = new Map(providers.map(row => [row.name, row]));
  for (const name of new Set([...own.keys(), ...urls.keys()])) {
    const row = own.get(name);
    if (row === undefined && !isWritten(written, name)) tell(name, 'it has endpoints, and there is no such provider');
    else if (!isProviderName(name)) tell(name, `its name must be ${providerNameRule}`);
    else if (row?.enabled === false) rows.set(name, null);
    else rows.set(name, textsOf(row, urls.get(name) ?? []));
  }
  return rows;
}

export const providerNameRule = 'a letter, then letters, digits, - or _, 64 characters at most';
export const isProviderName = (name: string): boolean => /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name);

function textsOf(row: StoredProviders['providers'][number] | undefined, endpoints: StoredProviders['endpoints']): RowTexts {
  const texts = new Map<string, string>();
  for (const column of providerColumns) {
    const text = row?.[column]?.trim() ?? '';
    if (text !== '') texts.set(column, text);
  }
  const enabled = endpoints.filter(endpoint => endpoint.enabled);
  const urls = (enabled.length > 0 ? enabled : endpoints).map(({ url }) => url.trim());
  if (urls.length > 0) texts.set('base_url', urls.join(', '));
  return texts;
}

function allDisabled({ endpoints }: StoredProviders): ReadonlySet<string> {
  const enabled = new Set(endpoints.filter(endpoint => endpoint.enabled).map(({ provider }) => provider));
  return new Set(endpoints.map(({ provider }) => provider).filter(name => !enabled.has(name)));
}

interface Usable extends Pick<WithRows, 'providers' | 'pools'> {
  readonly rows: ProviderRows;
}

/** Each round gives up at least one row, and the file is sound by itself, so this ends. */
function usable(wanted: ProviderRows, parts: Pick<EffectiveParts, 'written' | 'before'> & { tell: Tell }): Usable {
  const { written, before, tell } = parts;
  const rows = new Map(wanted);
  for (;;) {
    const { providers, pools, faults } = withRows(secretsKept(written, rows), rows);
    if (faults.size === 0) return { providers, pools, rows };
    const blamed = [...faults.keys()].filter(name => rows.has(name));
    for (const name of blamed) tell(name, faults.get(name) ?? '');
    for (const name of blamed.length > 0 ? blamed : [...rows.keys()]) {
      const last = before.get(name);
      if (last !== undefined && rows.get(name) === wanted.get(name)) rows.set(name, last);
      else rows.delete(name);
    }
    if (rows.size === 0 && blamed.length === 0) throw new Error(`the file is at fault: ${[...faults].join('; ')}`);
  }
}

/** What the file has for its own origins goes nowhere else. */
const secretsKept = (written: WrittenTexts, rows: ProviderRows): WrittenTexts =>
  [...rows].reduce((kept, [name, row]) => (isMoved(written, name, row) ? withoutSecrets(kept, name) : kept), written);

/** Whether a row leads a provider of the file to another origin, or has it speak another dialect. */
function isMoved(written: WrittenTexts, name: string, row: RowTexts | null): boolean {
  if (row === null || !isWritten(written, name)) return false;
  const type = row.get('type');
  if (type !== undefined && type !== writtenText(written, name, 'type')) return true;
  const urls = row.get('base_url');
  if (urls === undefined) return false;
  const known = originsIn(urlsIn(writtenText(written, name, 'base_url') ?? ''));
  return !originsIn(urlsIn(urls)).every(origin => known.includes(origin));
}

const nothingLost: Lost = { hadKey: false, headers: [] };

const lostOf = (written: WrittenTexts, name: string): Lost => ({
  hadKey: (writtenText(written, name, 'api_key') ?? '') !== '',
  headers: [...(written.sections.get(`provider.${name}`)?.keys() ?? [])].filter(key => key.startsWith('header.')),
});
