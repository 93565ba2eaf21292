import type { Dialect } from '../../domain/vocabulary.ts';
import { type ListedModel, listedModel } from '../models/listed-model.ts';
import type { ModelCatalogue } from '../models/models.ts';
import type { Routes } from './routes.ts';

/** Who owns a name that only a route has: which vendors are behind it is not for clients to know. */
const owner = 'tokligence';

/**
 * Adds the names of routes that have a target of this dialect, and removes those that have none. Where a provider lists a
 * model of the same name, its entry stays, because it tells more of the model.
 */
export function withRoutes(listed: ModelCatalogue, routes: Routes, dialect: Dialect): ModelCatalogue {
  if (routes.all.length === 0) return listed;
  const isRefused = (id: string): boolean => routes.isServed(dialect, id) === false;
  return {
    get models() {
      const added = [...routes.namesFor(dialect)].filter(name => listed.find(name) === undefined).map(entryOf);
      return [...added.filter(model => model !== null), ...listed.models.filter(({ id }) => !isRefused(id))];
    },
    find: id => (isRefused(id) ? undefined : (listed.find(id) ?? routed(id))),
    mayHave: id => !isRefused(id) && listed.mayHave(id),
  };

  function routed(id: string): ListedModel | undefined {
    return routes.isServed(dialect, id) ? (entryOf(id) ?? undefined) : undefined;
  }
}

const entryOf = (name: string): ListedModel | null => listedModel({ id: name }, owner);
