/**
 * The providers in effect: rows of the database over the file, by name and key by key.
 *
 *   an unusable row          its provider keeps the last good row; where there was none, what the file says
 *   rows of one pool that    each of them the same
 *   contradict each other
 *   enabled = false          there is no such provider, whatever the file says
 *   a key that is missing    the provider is there, at fault: its requests are refused, and never sent without a key
 */
import type { PoolConfig, ProviderConfig, RouteConfig, WrittenTexts } from '../config/config.ts';
import { isWritten, type RowTexts, withoutSecrets, withRows, writtenText } from '../config/providers/row-texts.ts';
import { routesWithRows } from '../config/routes/row-routes.ts';
import { type ProviderRow, providerColumns, routeColumns } from '../db/schema.ts';
import { originsIn, urlsIn } from './origins.ts';
import type { StoredProviders } from './provider-rows-store.ts';
import type { Seal } from './sealing.ts';
import { type Lost, withStoredKeys } from './stored-keys.ts';

/** By name; null: the provider is switched off. */
type ProviderRows = ReadonlyMap<string, RowTexts | null>;

export interface EffectiveProviders {
  readonly providers: readonly ProviderConfig[];
  readonly pools: readonly PoolConfig[];
  readonly routes: readonly RouteConfig[];
  /** The names of which something is stored. */
  readonly stored: ReadonlySet<string>;
  /** Why a provider is not as its rows say, or may not be used; by name, a sentence each without a full stop. */
  readonly faults: Faults;
  readonly routeFaults: Faults;
  /** Of those, the providers whose rows cannot be used. */
  readonly unusable: ReadonlySet<string>;
  /** The rows that are in effect. */
  readonly rows: ProviderRows;
  readonly routeRows: ProviderRows;
}

export type Faults = ReadonlyMap<string, readonly string[]>;

export interface EffectiveParts {
  readonly written: WrittenTexts;
  readonly seal: Pick<Seal, 'unseal'>;
  /** The rows that were in effect until now; none at the start. */
  readonly before: Pick<EffectiveProviders, 'rows' | 'routeRows'>;
}

type Tell = (name: string, fault: string) => void;

class ToldFaults {
  readonly #faults = new Map<string, string[]>();

  tell(name: string, fault: string): void {
    const known = this.#faults.get(name) ?? [];
    if (!known.includes(fault)) this.#faults.set(name, [...known, fault]);
  }

  get all(): Faults {
    return this.#faults;
  }
}

export function effectiveProviders(
  stored: StoredProviders,
  { written, seal, before }: EffectiveParts,
): EffectiveProviders {
  const faults = new ToldFaults();
  const routeFaults = new ToldFaults();
  const tell: Tell = (name, fault) => faults.tell(name, fault);
  const wanted = rowsOf(stored, written, tell);
  const read = (rows: ProviderRows) => withRows(secretsKept(written, rows), rows);
  const { rows, used } = settled(wanted, { before: before.rows, read, tell });
  const keysOf = Map.groupBy(stored.keys, ({ provider }) => provider);
  const isOff = allDisabled(stored);
  const ready = used.providers.map(config => {
    const { name } = config;
    const lost = isMoved(written, name, rows.get(name) ?? null) ? lostOf(written, name) : nothingLost;
    const given = { keys: keysOf.get(name) ?? [], seal, lost, tell: (fault: string) => tell(name, fault) };
    return readied(config, { ...given, isOff: isOff.has(name) });
  });
  const tellRoute: Tell = (name, fault) => routeFaults.tell(name, fault);
  const routes = settled(routeRowsOf(stored, tellRoute), {
    before: before.routeRows,
    read: rows => routesWithRows(written, rows, used.known),
    tell: tellRoute,
  });
  return {
    providers: ready,
    pools: used.pools,
    routes: routes.used.routes,
    stored: new Set([...wanted.keys(), ...faults.all.keys(), ...keysOf.keys()]),
    faults: faults.all,
    routeFaults: routeFaults.all,
    unusable: new Set([...faults.all.keys()].filter(name => rows.get(name) !== wanted.get(name))),
    rows,
    routeRows: routes.rows,
  };
}

type Readying = Parameters<typeof withStoredKeys>[1] & { readonly isOff: boolean };

function readied(config: ProviderConfig, { isOff, ...given }: Readying): ProviderConfig {
  if (config.type === 'loopback') return config;
  const keyed = withStoredKeys(config, given);
  if (!isOff) return keyed;
  given.tell(noEndpoint);
  return { ...keyed, fault: noEndpoint };
}

const noEndpoint = 'all of its endpoints are disabled';

function routeRowsOf({ routes }: StoredProviders, tell: Tell): ProviderRows {
  const rows = new Map<string, RowTexts | null>();
  for (const row of routes) {
    if (!isRouteName(row.name)) tell(row.name, `its name must be ${routeNameRule}`);
    else rows.set(row.name, row.enabled ? columnsOf(row, routeColumns) : null);
  }
  return rows;
}

export const routeNameRule = 'a text of 1 to 256 characters, without control characters and ]';
export const isRouteName = (name: string): boolean => /^(?! )[^\p{Cc}\]]{1,256}$/u.test(name) && !name.endsWith(' ');

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

function textsOf(row: ProviderRow | undefined, endpoints: StoredProviders['endpoints']): RowTexts {
  const enabled = endpoints.filter(endpoint => endpoint.enabled);
  const urls = (enabled.length > 0 ? enabled : endpoints).map(({ url }) => url.trim());
  const columns = row === undefined ? [] : columnsOf(row, providerColumns);
  return new Map([...columns, ...(urls.length > 0 ? [['base_url', urls.join(', ')] as const] : [])]);
}

/** An empty text is no value. */
function columnsOf<Column extends string>(row: Readonly<Record<Column, string | null>>, columns: readonly Column[]) {
  const texts = columns.map(column => [column as string, row[column]?.trim() ?? ''] as const);
  return new Map(texts.filter(([, text]) => text !== ''));
}

function allDisabled({ endpoints }: StoredProviders): ReadonlySet<string> {
  const enabled = new Set(endpoints.filter(endpoint => endpoint.enabled).map(({ provider }) => provider));
  return new Set(endpoints.map(({ provider }) => provider).filter(name => !enabled.has(name)));
}

interface Settling<Read> {
  readonly before: ProviderRows;
  readonly read: (rows: ProviderRows) => Read & { readonly faults: ReadonlyMap<string, string> };
  readonly tell: Tell;
}

/**
 * Leaves out what cannot be used, or what cannot be used together. Each round gives up at least one row, and the file is
 * sound by itself, so this ends.
 */
function settled<Read>(
  wanted: ProviderRows,
  { before, read, tell }: Settling<Read>,
): { rows: ProviderRows; used: Read } {
  const rows = new Map(wanted);
  for (;;) {
    const used = read(rows);
    if (used.faults.size === 0) return { rows, used };
    const blamed = [...used.faults.keys()].filter(name => rows.has(name));
    for (const name of blamed) tell(name, used.faults.get(name) ?? '');
    if (rows.size === 0) throw new Error(`the file is at fault: ${[...used.faults].join('; ')}`);
    for (const name of blamed.length > 0 ? blamed : [...rows.keys()]) {
      const last = before.get(name);
      if (last !== undefined && rows.get(name) === wanted.get(name)) rows.set(name, last);
      else rows.delete(name);
    }
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
