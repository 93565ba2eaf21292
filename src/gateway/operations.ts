import type { IncomingHttpHeaders } from 'node:http';
import type { Dialect } from '../domain/vocabulary.ts';
import { byMethod, type OperationMethod, type OperationRow, rows } from './operation-rows.ts';

/** One row per model route, with all its differences. */
export type Operation = OperationRow;

/** The closed list of model routes. */
export const operations: readonly Operation[] = rows;

const anthropicPrefix = '/anthropic';
const modelsPath = '/v1/models';
const responsePath = '/v1/responses/';
const storedPath = /^\/v1\/responses\/([A-Za-z0-9_-]{1,200})(\/cancel|\/input_items)?$/;

/**
 * Returns the operation of a request's method and URL (with or without a query), if it is a model route. Models are
 * listed in Anthropic's dialect for clients that send `anthropic-version`.
 */
export function findOperation(
  method: string | undefined,
  url: string,
  headers: IncomingHttpHeaders = {},
): Operation | undefined {
  // HEAD is GET without the body of its answer, which node:http leaves out.
  const asked = method === 'HEAD' ? 'GET' : method;
  if (asked !== 'GET' && asked !== 'POST' && asked !== 'DELETE') return undefined;
  const path = routePath(url);
  const found = byMethod[asked].get(path);
  if (asked === 'POST' && found !== undefined) return found;
  return (asked === 'GET' ? modelOperation(path, headers) : undefined) ?? found ?? byMethod[asked].get(placed(path));
}

/** The methods of the model routes at this URL. */
export const methodsAt = (url: string): readonly OperationMethod[] =>
  (['GET', 'POST', 'DELETE'] as const).filter(method => findOperation(method, url) !== undefined);

function modelOperation(path: string, headers: IncomingHttpHeaders): Operation | undefined {
  const isPrefixed = path.startsWith(anthropicPrefix);
  const rest = isPrefixed ? path.slice(anthropicPrefix.length) : path;
  const isOfAnthropic = isPrefixed || headers['anthropic-version'] !== undefined;
  return rest.startsWith(modelsPath)
    ? byMethod.GET.get((isOfAnthropic ? anthropicPrefix : '') + placed(rest))
    : undefined;
}

/** The path with a placeholder for the ID that it ends with, as the table has it. */
function placed(path: string): string {
  if (path.startsWith(`${modelsPath}/`) && path.length > modelsPath.length + 1) return `${modelsPath}/{model}`;
  const [, id, rest = ''] = path.startsWith(responsePath) ? (storedPath.exec(path) ?? []) : [];
  return id === undefined ? path : `${responsePath}{response}${rest}`;
}

/** Returns the path of a request as the table has it, with a placeholder for an ID. */
export function routeOf({ answers, path }: Operation, url: string): string {
  if (answers === 'stored response') return path;
  if (answers !== 'single model') return routePath(url);
  return (routePath(url).startsWith(anthropicPrefix) ? anthropicPrefix : '') + placed(`${modelsPath}/ID`);
}

/** The ID of a response in a path, and the path at the provider; for the operations of stored responses. */
export function storedResponseIn(url: string): { readonly id: string; readonly upstreamPath: string } {
  const [, id = '', rest = ''] = storedPath.exec(routePath(url)) ?? [];
  return { id, upstreamPath: `/responses/${id}${rest}` };
}

/** Returns the dialect of a path's errors, for known and unknown routes. */
export const dialectOf = (url: string): Dialect =>
  url.startsWith('/v1/messages') || url.startsWith('/anthropic/') ? 'anthropic' : 'openai';

/** As other gateways spell the prefix of OpenAI's routes, and as Azure does, with a name of the model that the body has too. */
const openaiPrefixes = /^\/openai(?:\/v1\/|\/deployments\/[^/]+\/)/;

/** Returns the path as the table has it. Base URLs are written by hand, and end with a slash or not. */
export function routePath(url: string): string {
  let path = pathOf(url);
  if (path.startsWith('/openai/')) path = path.replace(openaiPrefixes, '/v1/');
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return end === path.length ? path : path.slice(0, end);
}

export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

/** The query with its `?`, or nothing. */
export function queryOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? '' : url.slice(query);
}
