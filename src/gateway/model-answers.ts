/** The answers to `GET …/models` and `GET …/models/ID`, in either dialect. */
import { errors } from '../domain/errors.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { type ListedModel, type ModelCatalogue, shownModel } from '../upstreams/upstreams.ts';
import { queryOf, routePath } from './operations.ts';

/**
 * Returns the whole list; in Anthropic's dialect, the page of the query. Throws `invalid_request` for an invalid page.
 */
export function modelList(dialect: Dialect, url: string, { models }: ModelCatalogue): string {
  if (dialect === 'openai') return `{"object":"list","data":[${shown(models, dialect)}]}`;
  const { page, hasMore } = pageOf(models, new URLSearchParams(queryOf(url)));
  const ends = { has_more: hasMore, first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null };
  return `{"data":[${shown(page, dialect)}],${JSON.stringify(ends).slice(1)}`;
}

const shown = (models: readonly ListedModel[], dialect: Dialect): string =>
  models.map(model => model.shown[dialect]).join();

/** Seconds until an unreadable list is requested again. */
const listRetrySec = 30;

/** Returns one model. Throws `model_not_found`, or `unavailable` if a provider that may have it cannot be asked. */
export function singleModel(dialect: Dialect, url: string, catalogue: ModelCatalogue): string {
  const id = modelIn(url);
  const model = catalogue.find(id);
  if (model !== undefined) return model.shown[dialect];
  const name = shownModel(id);
  if (catalogue.mayHave(id)) {
    throw errors.unavailable(
      `The list of models cannot be read of a provider that may serve \`${name}\`; it can be called all the same.`,
      listRetrySec,
    );
  }
  throw errors.modelNotFound(`No provider lists the model \`${name}\`.`);
}

/** The ID at the path's end; its slashes may be unescaped. */
export function modelIn(url: string): string {
  const path = routePath(url);
  const written = path.slice(path.indexOf('/models/') + '/models/'.length);
  try {
    return decodeURIComponent(written);
  } catch {
    throw errors.invalidRequest('The ID of the model in the path is not percent-encoded UTF-8.', 'model');
  }
}

interface Page {
  readonly page: readonly ListedModel[];
  /** Whether there are more in the requested direction. */
  readonly hasMore: boolean;
}

const defaultLimit = 20;
const mostPerPage = 1_000;

/** As Anthropic's API documents `limit`, `after_id` and `before_id`. */
function pageOf(models: readonly ListedModel[], query: URLSearchParams): Page {
  const limit = limitIn(query);
  const afterId = single(query, 'after_id');
  const beforeId = single(query, 'before_id');
  if (beforeId === null) {
    const from = afterId === null ? 0 : placeOf(models, 'after_id', afterId) + 1;
    return { page: models.slice(from, from + limit), hasMore: from + limit < models.length };
  }
  if (afterId !== null)
    throw errors.invalidRequest('Only one of `after_id` and `before_id` may be given.', 'before_id');
  const end = placeOf(models, 'before_id', beforeId);
  return { page: models.slice(Math.max(end - limit, 0), end), hasMore: end > limit };
}

function limitIn(query: URLSearchParams): number {
  const given = single(query, 'limit');
  if (given === null) return defaultLimit;
  const limit = /^\d{1,4}$/.test(given) ? Number(given) : 0;
  if (limit >= 1 && limit <= mostPerPage) return limit;
  throw errors.invalidRequest(`The parameter \`limit\` must be a whole number from 1 to ${mostPerPage}.`, 'limit');
}

/** Null if it is missing; an empty one counts as missing. */
function single(query: URLSearchParams, name: string): string | null {
  const given = query.getAll(name);
  if (given.length > 1) throw errors.invalidRequest(`The parameter \`${name}\` stands twice.`, name);
  return given[0] || null;
}

function placeOf(models: readonly ListedModel[], parameter: string, id: string): number {
  const place = models.findIndex(model => model.id === id);
  if (place !== -1) return place;
  throw errors.invalidRequest(`The parameter \`${parameter}\` names no model of the list.`, parameter);
}
