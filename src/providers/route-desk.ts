import { type Static, Type } from 'typebox';
import { isRouteWritten } from '../config/routes/row-routes.ts';
import { routeColumns } from '../db/schema.ts';
import { errors } from '../domain/errors.ts';
import { fields, moment, nullable } from '../domain/shape.ts';
import { isRouteName, routeNameRule } from './effective-providers.ts';
import type { LiveProviders } from './live-providers.ts';
import type { WriteBy } from './provider-desk.ts';
import type { ProviderRowsStore, VersionedRoute } from './provider-rows-store.ts';
import { type ProviderFields, type RowRules, routeChange } from './row-rules.ts';

const text = Type.String();

export const route = fields({
  name: text,
  source: Type.Enum(['file', 'database']),
  enabled: Type.Boolean(),
  description: nullable(text),
  /** Why it is not as its row says; null: all is well. */
  fault: nullable(text),
  /** What is in effect, in the words of the file, by key. */
  settings: Type.Record(text, text),
  created_at: nullable(moment),
  updated_at: nullable(moment),
  created_by: nullable(text),
  /** Null: nothing of it is stored. */
  etag: nullable(text),
});
export type ShownRoute = Static<typeof route>;

export interface RouteDeskParts {
  readonly live: LiveProviders;
  readonly rules: RowRules;
  readonly store: ProviderRowsStore;
}

/** What the admin API does with routes. Each write resolves when it is in effect here. */
export class RouteDesk {
  readonly #parts: RouteDeskParts;

  constructor(parts: RouteDeskParts) {
    this.#parts = parts;
  }

  async find(name: string): Promise<ShownRoute> {
    const row = await this.#parts.store.findRoute(name);
    if (row === null && !isRouteWritten(this.#parts.live.written, name)) throw noRoute(name);
    return this.#shown(name, row, row?.etag ?? null);
  }

  async create(name: string, given: ProviderFields, actor: string): Promise<ShownRoute> {
    const { live } = this.#parts;
    live.refuseWithoutRows();
    if (!isRouteName(name)) throw errors.invalidRequest(`name must be ${routeNameRule}.`, 'name');
    if (isRouteWritten(live.written, name))
      throw errors.conflict(`The configuration has a route ${name}: change that by PATCH.`, 'name');
    const refuseTaken = () => {
      throw errors.conflict(`There is a route ${name} already.`, 'name');
    };
    return this.#put(name, given, { actor, ifMatch: undefined, refuseTaken });
  }

  async change(name: string, given: ProviderFields, by: WriteBy): Promise<ShownRoute> {
    this.#parts.live.refuseWithoutRows();
    await this.find(name);
    return this.#put(name, given, by);
  }

  async remove(name: string, by: WriteBy): Promise<void> {
    const { live, store, rules } = this.#parts;
    live.refuseWithoutRows();
    const removed = await store.removeRoute(name, { ...by, ...rules });
    await live.reload();
    if (removed) return;
    if (!isRouteWritten(live.written, name)) throw noRoute(name);
    throw errors.conflict(`The route ${name} stands in the configuration: enabled = false takes it out of service.`);
  }

  async #put(
    name: string,
    given: ProviderFields,
    by: WriteBy & { readonly refuseTaken?: () => never },
  ): Promise<ShownRoute> {
    const { live, store, rules } = this.#parts;
    const row = await store.putRoute(name, routeChange(given), { ...by, ...rules });
    await live.reload();
    return this.#shown(name, row, row.etag);
  }

  #shown(name: string, row: Omit<VersionedRoute, 'etag'> | null, etag: string | null): ShownRoute {
    const { effective, written } = this.#parts.live;
    const own = effective.routeRows.get(name);
    const inFile = written.sections.get(`model.${name}`);
    const texts = routeColumns.map(key => [key, own?.get(key) ?? inFile?.get(key) ?? ''] as const);
    return {
      name,
      source: row === null ? 'file' : 'database',
      enabled: row?.enabled ?? true,
      description: row?.description ?? null,
      fault: effective.routeFaults.get(name)?.join('; ') ?? null,
      settings: Object.fromEntries(texts.filter(([, value]) => value !== '')),
      created_at: row?.created_at ?? null,
      updated_at: row?.updated_at ?? null,
      created_by: row?.created_by ?? null,
      etag,
    };
  }
}

const noRoute = (name: string) => errors.notFound(`There is no route ${name.slice(0, 64)}.`);
