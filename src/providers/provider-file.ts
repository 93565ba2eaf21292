/** What is stored of providers and routes as a file, without keys: all of it out, and a file in, all of it or nothing. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { type ProviderRow, providerColumns, routeColumns } from '../db/schema.ts';
import { errors } from '../domain/errors.ts';
import { field, fields, listOf, nullable, ofEach } from '../domain/shape.ts';
import { isProviderName, isRouteName, providerNameRule, routeNameRule } from './effective-providers.ts';
import type { LiveProviders } from './live-providers.ts';
import type { ProviderRowsStore } from './provider-rows-store.ts';
import { providerChange, type RowRules, routeChange } from './row-rules.ts';

const { Optional } = Type;
const text = Type.String({ maxLength: 8_192 });
const texts = <Column extends string>(columns: readonly Column[]) =>
  ofEach(Object.fromEntries(columns.map(column => [column, null])) as Record<Column, null>, () => Optional(text));
const shared = { name: text, enabled: Optional(Type.Boolean()), description: Optional(nullable(text)) };

export const providerFile = fields({
  providers: field(
    listOf(fields({ ...shared, ...texts(providerColumns), base_url: Optional(listOf(text, { maxItems: 100 })) }), {
      maxItems: 500,
    }),
    'a list of at most 500 providers, as exported',
  ),
  routes: field(
    listOf(fields({ ...shared, ...texts(routeColumns) }), { maxItems: 2_000 }),
    'a list of at most 2000 routes, as exported',
  ),
});
export type ProviderFile = Static<typeof providerFile>;
const checked = Compile(providerFile);

export interface Imported {
  readonly providers: number;
  readonly routes: number;
  readonly dry_run: boolean;
}

interface ProviderFilesParts {
  readonly live: LiveProviders;
  readonly rules: RowRules;
  readonly store: ProviderRowsStore;
}

export class ProviderFiles {
  readonly #parts: ProviderFilesParts;

  constructor(parts: ProviderFilesParts) {
    this.#parts = parts;
  }

  async export(): Promise<ProviderFile> {
    const { providers, endpoints, routes } = await this.#parts.store.readAll();
    const urls = Map.groupBy(endpoints, ({ provider }) => provider);
    return {
      providers: providers.map(row => {
        const own = urls.get(row.name)?.filter(({ enabled }) => enabled) ?? [];
        const base_url = own.length === 0 ? {} : { base_url: own.map(({ url }) => url) };
        return { ...portable(row, providerColumns), ...base_url };
      }),
      routes: routes.map(row => portable(row, routeColumns)),
    };
  }

  /** What the file does not name stays as it is. Throws `invalid_request`, and then has changed nothing. */
  async import(
    file: unknown,
    { actor, dryRun }: { readonly actor: string; readonly dryRun: boolean },
  ): Promise<Imported> {
    const { live, rules, store } = this.#parts;
    live.refuseWithoutRows();
    if (!checked.Check(file)) {
      const [first] = checked.Errors(file);
      throw errors.invalidRequest(`The file is not as an export is: ${first?.instancePath || 'it'} ${first?.message}.`);
    }
    const providers = byName(file.providers, isProviderName, providerNameRule, providerChange);
    const routes = byName(file.routes, isRouteName, routeNameRule, routeChange);
    await store.putAll({ providers, routes }, { actor, isDryRun: dryRun, ...rules });
    if (!dryRun) await live.reload();
    return { providers: providers.size, routes: routes.size, dry_run: dryRun };
  }
}

function portable<Column extends string>(
  row: Readonly<Record<Column, string | null>> & Pick<ProviderRow, 'name' | 'enabled' | 'description'>,
  columns: readonly Column[],
) {
  const { name, enabled, description } = row;
  const texts: { [C in Column]?: string } = {};
  for (const column of columns) {
    const value: string | null = row[column];
    if (value !== null) texts[column] = value;
  }
  return { name, enabled, description, ...texts };
}

function byName<Row extends { readonly name: string }, Change>(
  rows: readonly Row[],
  isName: (name: string) => boolean,
  rule: string,
  change: (fields: Omit<Row, 'name'>) => Change,
): Map<string, Change> {
  const changes = new Map<string, Change>();
  for (const { name, ...given } of rows) {
    if (!isName(name))
      throw errors.invalidRequest(`name must be ${rule}: ${JSON.stringify(name.slice(0, 64))} is not.`);
    if (changes.has(name))
      throw errors.invalidRequest(`${JSON.stringify(name.slice(0, 64))} stands in the file twice.`);
    changes.set(name, change(given));
  }
  return changes;
}
