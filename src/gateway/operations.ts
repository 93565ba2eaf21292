import type { Dialect, StreamShape } from '../domain/vocabulary.ts';

/** One row per model route: all that tells one from another. */
export interface Operation {
  readonly method: 'GET' | 'POST';
  readonly dialect: Dialect;
  readonly streamShape: StreamShape;
  /** Relative to the provider's `base_url`. */
  readonly upstreamPath: string;
  /** Only the list of models is answered without one. */
  readonly takesSeat: boolean;
  /** Whether tokens come out; where none do, none are charged in advance. */
  readonly producesTokens: boolean;
}

const post = (dialect: Dialect, upstreamPath: string, producesTokens = true): Operation => ({
  method: 'POST',
  dialect,
  streamShape: shapeOf(dialect, upstreamPath),
  upstreamPath,
  takesSeat: true,
  producesTokens,
});

const shapeOf = (dialect: Dialect, upstreamPath: string): StreamShape => {
  if (dialect === 'anthropic') return 'messages';
  return upstreamPath === '/responses' ? 'responses' : 'chunks';
};

const messages = post('anthropic', '/v1/messages');
const countTokens = post('anthropic', '/v1/messages/count_tokens', false);

/** By path. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['/v1/chat/completions', post('openai', '/chat/completions')],
  ['/v1/completions', post('openai', '/completions')],
  ['/v1/embeddings', post('openai', '/embeddings', false)],
  ['/v1/responses', post('openai', '/responses')],
  [
    '/v1/models',
    {
      method: 'GET',
      dialect: 'openai',
      streamShape: 'chunks',
      upstreamPath: '/models',
      takesSeat: false,
      producesTokens: false,
    },
  ],
  ['/v1/messages', messages],
  ['/v1/messages/count_tokens', countTokens],
  ['/anthropic/v1/messages', messages],
  ['/anthropic/v1/messages/count_tokens', countTokens],
]);

/** The operation that a request's method and URL (with or without a query) name, if it is a model route. */
export function findOperation(method: string | undefined, url: string): Operation | undefined {
  const operation = operations.get(pathOf(url));
  // HEAD is GET without the body of its answer, which node:http leaves out.
  return operation?.method === (method === 'HEAD' ? 'GET' : method) ? operation : undefined;
}

/** The dialect in which a path's errors are told, known routes or not. */
export const dialectOf = (url: string): Dialect =>
  url.startsWith('/v1/messages') || url.startsWith('/anthropic/') ? 'anthropic' : 'openai';

export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

/** The query with its `?`, or nothing. */
export function queryOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? '' : url.slice(query);
}
