import type { IncomingHttpHeaders } from 'node:http';
import type { Dialect, StreamShape } from '../domain/vocabulary.ts';

/** One row per model route, with all its differences. */
export interface Operation {
  readonly method: 'GET' | 'POST';
  readonly dialect: Dialect;
  /** The source of the answer: the upstream, which needs a seat, or the gateway's own knowledge of the models. */
  readonly answers: 'upstream' | 'list of models' | 'single model';
  readonly streamShape: StreamShape;
  /** Relative to the provider's `base_url`. */
  readonly upstreamPath: string;
  /** What is asked of a model, in the words of OpenTelemetry's conventions; null: nothing. */
  readonly asks: 'chat' | 'text_completion' | 'embeddings' | 'count_tokens' | null;
  /** Whether tokens are produced; otherwise no output is charged in advance. */
  readonly producesTokens: boolean;
}

const post = (dialect: Dialect, upstreamPath: string, asks: NonNullable<Operation['asks']>): Operation => ({
  method: 'POST',
  dialect,
  answers: 'upstream',
  streamShape: shapeOf(dialect, upstreamPath),
  upstreamPath,
  asks,
  producesTokens: asks === 'chat' || asks === 'text_completion',
});

const get = (dialect: Dialect, answers: Operation['answers']): Operation => ({
  method: 'GET',
  dialect,
  answers,
  streamShape: shapeOf(dialect, ''),
  upstreamPath: '',
  asks: null,
  producesTokens: false,
});

const shapeOf = (dialect: Dialect, upstreamPath: string): StreamShape => {
  if (dialect === 'anthropic') return 'messages';
  return upstreamPath === '/responses' ? 'responses' : 'chunks';
};

const messages = post('anthropic', '/v1/messages', 'chat');
const countTokens = post('anthropic', '/v1/messages/count_tokens', 'count_tokens');
const anthropicPrefix = '/anthropic';
const modelsPath = '/v1/models';
/** The ID at the end of a path, as OpenAPI writes it. */
const idPlace = '/{model}';

/** By path. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['/v1/chat/completions', post('openai', '/chat/completions', 'chat')],
  ['/v1/completions', post('openai', '/completions', 'text_completion')],
  ['/v1/embeddings', post('openai', '/embeddings', 'embeddings')],
  ['/v1/responses', post('openai', '/responses', 'chat')],
  [modelsPath, get('openai', 'list of models')],
  [modelsPath + idPlace, get('openai', 'single model')],
  ['/v1/messages', messages],
  ['/v1/messages/count_tokens', countTokens],
  ['/anthropic/v1/messages', messages],
  ['/anthropic/v1/messages/count_tokens', countTokens],
  [anthropicPrefix + modelsPath, get('anthropic', 'list of models')],
  [anthropicPrefix + modelsPath + idPlace, get('anthropic', 'single model')],
]);

/**
 * Returns the operation of a request's method and URL (with or without a query), if it is a model route. Models are
 * listed in Anthropic's dialect for clients that send `anthropic-version`.
 */
export function findOperation(
  method: string | undefined,
  url: string,
  headers: IncomingHttpHeaders = {},
): Operation | undefined {
  const path = routePath(url);
  // HEAD is GET without the body of its answer, which node:http leaves out.
  if (method === 'GET' || method === 'HEAD') return modelOperation(path, headers);
  const operation = operations.get(path);
  return operation?.method === method ? operation : undefined;
}

function modelOperation(path: string, headers: IncomingHttpHeaders): Operation | undefined {
  const isPrefixed = path.startsWith(anthropicPrefix);
  const rest = isPrefixed ? path.slice(anthropicPrefix.length) : path;
  const isOfAnthropic = isPrefixed || headers['anthropic-version'] !== undefined;
  const place = rest.startsWith(`${modelsPath}/`) && rest.length > modelsPath.length + 1 ? modelsPath + idPlace : rest;
  const operation = operations.get((isOfAnthropic ? anthropicPrefix : '') + place);
  return operation?.method === 'GET' ? operation : undefined;
}

/** Returns the path of a request as the table has it, with a placeholder for the name of a model. */
export function routeOf({ answers }: Operation, url: string): string {
  const path = routePath(url);
  if (answers !== 'single model') return path;
  return (path.startsWith(anthropicPrefix) ? anthropicPrefix : '') + modelsPath + idPlace;
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
