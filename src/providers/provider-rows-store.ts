import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { legible } from '../db/legible.ts';
import { recorded } from '../db/recorded.ts';
import { atOneMoment } from '../db/retried.ts';
import {
  type Database,
  type ModelRouteRow,
  modelRouteRow,
  type ProviderColumn,
  type ProviderEndpointRow,
  type ProviderKeyRow,
  type ProviderRow,
  providerEndpointRow,
  providerKeyRow,
  providerRow,
  type RouteColumn,
} from '../db/schema.ts';
import { refuseStale, type WriteBy } from '../domain/stale.ts';

export interface StoredProviders {
  readonly providers: readonly ProviderRow[];
  /** In their order. */
  readonly endpoints: readonly ProviderEndpointRow[];
  /** The oldest first. */
  readonly keys: readonly ProviderKeyRow[];
  readonly routes: readonly ModelRouteRow[];
}

type ProviderTexts = { readonly [Column in ProviderColumn]?: string | null };

/** A field that is absent stays. */
export interface ProviderChange {
  readonly texts: ProviderTexts;
  readonly enabled?: boolean | undefined;
  readonly description?: string | null | undefined;
  /** Replaces all of them; empty: those of the file apply again. */
  readonly urls?: readonly string[] | undefined;
}

export interface RouteChange {
  readonly texts: { readonly [Column in RouteColumn]?: string | null };
  readonly enabled?: boolean | undefined;
  readonly description?: string | null | undefined;
}

/** What is stored under one name, and the version of that. */
export interface StoredProvider {
  readonly row: ProviderRow | null;
  readonly endpoints: readonly ProviderEndpointRow[];
  readonly etag: string;
}

export type VersionedRoute = ModelRouteRow & { readonly etag: string };

export type Trx = Transaction<Database>;

export interface Writing extends WriteBy {
  /** Sees what is stored, after and before, and throws where it must not be so. */
  readonly check: (after: StoredProviders, before: StoredProviders) => void;
}

/** Throws if there is a row of that name already. */
type NewOnly = { readonly refuseTaken?: () => never };

export type NewKey = Omit<ProviderKeyRow, 'created_at' | 'updated_at' | 'set_aside_at' | 'why'>;

interface WithKey {
  /** The key that replaces all others of the provider, sealed for what is stored then; null: they stay. */
  readonly keyOf: (stored: StoredProviders) => NewKey | null;
}

export const now = sql<string>`now()`;

/** The rows of providers, provider_endpoints and model_routes; keys are in provider-keys-store.ts. */
export class ProviderRowsStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  readAll(): Promise<StoredProviders> {
    return atOneMoment(this.#db, readAll);
  }

  find(name: string): Promise<StoredProvider> {
    return atOneMoment(this.#db, trx => readOne(trx, name));
  }

  async put(name: string, change: ProviderChange, by: Writing & NewOnly & WithKey): Promise<void> {
    await writingProviders(this.#db, by, async trx => {
      const before = await readOne(trx, name);
      if (before.row !== null) by.refuseTaken?.();
      refuseStale(by.ifMatch, versioned(name, before), { name, ...change.texts });
      await writeProvider(trx, name, change, by.actor);
      const key = by.keyOf(await readAll(trx));
      if (key === null) return;
      await trx.deleteFrom('provider_keys').where('provider', '=', name).execute();
      await trx.insertInto('provider_keys').values(key).execute();
    });
  }

  /** False: nothing of that name is stored. */
  async remove(name: string, by: Writing): Promise<boolean> {
    return writingProviders(this.#db, by, async trx => {
      const before = await readOne(trx, name);
      const keys = await trx.deleteFrom('provider_keys').where('provider', '=', name).executeTakeFirst();
      if (before.row === null && before.endpoints.length === 0 && keys.numDeletedRows === 0n) return false;
      refuseStale(by.ifMatch, versioned(name, before), null);
      await trx.deleteFrom('provider_endpoints').where('provider', '=', name).execute();
      await trx.deleteFrom('providers').where('name', '=', name).execute();
      return true;
    });
  }

  async findRoute(name: string): Promise<VersionedRoute | null> {
    return readRoute(this.#db, name);
  }

  async putRoute(name: string, change: RouteChange, by: Writing & NewOnly): Promise<VersionedRoute> {
    return writingProviders(this.#db, by, async trx => {
      const before = await readRoute(trx, name);
      if (before !== null) by.refuseTaken?.();
      refuseStale(by.ifMatch, before, { name, ...change.texts });
      await writeRoute(trx, name, change, by.actor);
      const after = await readRoute(trx, name);
      if (after === null) throw new Error(`the route ${name} was not written`);
      return after;
    });
  }

  /** False: there is no such row. */
  async removeRoute(name: string, by: Writing): Promise<boolean> {
    return writingProviders(this.#db, by, async trx => {
      const before = await readRoute(trx, name);
      if (before === null) return false;
      refuseStale(by.ifMatch, before, null);
      await trx.deleteFrom('model_routes').where('name', '=', name).execute();
      return true;
    });
  }

  /** Writes all of them or nothing; a dry run only tries. */
  async putAll(
    { providers, routes }: { providers: ReadonlyMap<string, ProviderChange>; routes: ReadonlyMap<string, RouteChange> },
    { isDryRun, ...by }: Writing & { readonly isDryRun: boolean },
  ): Promise<void> {
    const tried = new Error('only tried');
    const writing = writingProviders(
      this.#db,
      {
        ...by,
        check: (after, before) => {
          by.check(after, before);
          if (isDryRun) throw tried;
        },
      },
      async trx => {
        for (const [name, change] of providers) await writeProvider(trx, name, change, by.actor);
        for (const [name, change] of routes) await writeRoute(trx, name, change, by.actor);
      },
    );
    await writing.catch(error => {
      if (error !== tried) throw error;
    });
  }
}

/** One writer at a time among all gateways, so that what was checked is what is stored. */
export const writingProviders = <T>(
  db: Kysely<Database>,
  { actor, check }: Pick<Writing, 'actor' | 'check'>,
  write: (trx: Trx) => Promise<T>,
): Promise<T> =>
  recorded(db, { actor, lock: 'providers' }, async trx => {
    const before = await readAll(trx);
    const written = await write(trx);
    check(await readAll(trx), before);
    return written;
  });

export async function readAll(trx: Trx): Promise<StoredProviders> {
  const providers = await trx.selectFrom('providers').selectAll().orderBy('name').execute();
  const ordered = trx.selectFrom('provider_endpoints').selectAll().orderBy('provider');
  const endpoints = await ordered.orderBy('position').orderBy('url').execute();
  const keys = await trx.selectFrom('provider_keys').selectAll().orderBy('created_at').orderBy('id').execute();
  const routes = await trx.selectFrom('model_routes').selectAll().orderBy('name').execute();
  return {
    providers: legible(providerRow, providers),
    endpoints: legible(providerEndpointRow, endpoints),
    keys: legible(providerKeyRow, keys),
    routes: legible(modelRouteRow, routes),
  };
}

/** The version of a provider is that of its row and of all its endpoints. */
async function readOne(trx: Trx, name: string): Promise<StoredProvider> {
  const version = sql<string>`xmin::text`.as('version');
  const own = trx.selectFrom('providers').selectAll().select(version).where('name', '=', name);
  const of = trx.selectFrom('provider_endpoints').selectAll().select(version).where('provider', '=', name);
  const row = (await own.executeTakeFirst()) ?? null;
  const endpoints = await of.orderBy('position').orderBy('url').execute();
  const versions = [row?.version, ...endpoints.map(endpoint => `${endpoint.url} ${endpoint.version}`)];
  const digest = createHash('sha256').update(JSON.stringify(versions)).digest('hex').slice(0, 16);
  return {
    row: row && withoutVersion(row),
    endpoints: endpoints.map(withoutVersion),
    etag: `"${digest}"`,
  };
}

/** One of which nothing is stored has a version too: it stands in the file, or has only keys. */
const versioned = (name: string, { row, etag }: Pick<StoredProvider, 'row' | 'etag'>) => ({ name, ...row, etag });

const withoutVersion = <Row extends { readonly version: string }>({ version: _, ...row }: Row): Omit<Row, 'version'> =>
  row;

const etag = sql<string>`'"' || xmin || '"'`.as('etag');

const readRoute = async (db: Kysely<Database>, name: string): Promise<VersionedRoute | null> =>
  (await db.selectFrom('model_routes').selectAll().select(etag).where('name', '=', name).executeTakeFirst()) ?? null;

async function writeProvider(trx: Trx, name: string, change: ProviderChange, actor = ''): Promise<void> {
  const { texts, enabled, description, urls } = change;
  const set = { ...texts, ...given({ enabled, description }), updated_at: now };
  const inserted = trx.insertInto('providers').values({ name, ...set, created_by: actor });
  await inserted.onConflict(conflict => conflict.column('name').doUpdateSet(set)).execute();
  if (urls === undefined) return;
  const others = trx.deleteFrom('provider_endpoints').where('provider', '=', name);
  await (urls.length === 0 ? others : others.where('url', 'not in', urls)).execute();
  for (const [position, url] of urls.entries()) {
    const row = { provider: name, url, position, created_by: actor };
    const set = { position, enabled: true, updated_at: now };
    const endpoint = trx.insertInto('provider_endpoints').values(row);
    await endpoint.onConflict(conflict => conflict.columns(['provider', 'url']).doUpdateSet(set)).execute();
  }
}

async function writeRoute(trx: Trx, name: string, change: RouteChange, actor = ''): Promise<void> {
  const { texts, enabled, description } = change;
  const set = { ...texts, ...given({ enabled, description }), updated_at: now };
  const inserted = trx.insertInto('model_routes').values({ name, ...set, created_by: actor });
  await inserted.onConflict(conflict => conflict.column('name').doUpdateSet(set)).execute();
}

/** Without the fields that are absent: Kysely would take `undefined` for a value. */
const given = <Fields extends object>(fields: Fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Field in keyof Fields]?: Exclude<Fields[Field], undefined>;
  };
