/**
 * The table of model routes. What each costs and produces is as OpenAI, Mistral, Cohere and vLLM document it:
 *
 *   usage of tokens      chat, completions, embeddings, Responses and their compaction, FIM; images and transcriptions of
 *                        the newer models; the total of rerank and score
 *   no usage             speech, older images, moderations, OCR (pages), input_tokens, tokenize, detokenize: the estimate
 *                        of the input is charged
 *   events               also speech (`stream_format: sse`), transcriptions, images (`stream: true`)
 */
import type { Dialect, StreamShape } from '../domain/vocabulary.ts';

export type OperationMethod = 'GET' | 'POST' | 'DELETE';
/** `form`: multipart/form-data. */
type BodyForm = 'json' | 'form' | 'json or form';

export interface OperationRow {
  readonly method: OperationMethod;
  readonly path: string;
  readonly dialect: Dialect;
  /**
   * The source of the answer: the upstream, which needs a seat; the upstream that has made a response, without one; the
   * gateway's own knowledge of the models; or nobody.
   */
  readonly answers: 'upstream' | 'stored response' | 'list of models' | 'single model' | 'nobody';
  readonly streamShape: StreamShape;
  /** Relative to the provider's `base_url`, or to the root of its server. */
  readonly upstreamPath: string;
  /** The upstream path stands beside /v1, not below it. */
  readonly isAtRoot: boolean;
  readonly takes: BodyForm;
  /** Where it is false, the vendor has a model for requests that name none. */
  readonly needsModel: boolean;
  /** A provider with `passthrough = off` does not take it. */
  readonly needsPassthrough: boolean;
  /** What is asked of a model, in the words of OpenTelemetry's conventions where they have one; null: nothing. */
  readonly asks: string | null;
  /** Whether tokens are produced; otherwise no output is charged in advance. */
  readonly producesTokens: boolean;
}

const shapeOf = (dialect: Dialect, upstreamPath: string): StreamShape => {
  if (dialect === 'anthropic') return 'messages';
  return upstreamPath.startsWith('/responses') ? 'responses' : 'chunks';
};

const post = (path: string, upstreamPath: string, asks: string, more: Partial<OperationRow> = {}): OperationRow => {
  const dialect = more.dialect ?? 'openai';
  return {
    method: 'POST',
    path,
    dialect,
    answers: 'upstream',
    streamShape: shapeOf(dialect, upstreamPath),
    upstreamPath,
    isAtRoot: false,
    takes: 'json',
    needsModel: true,
    needsPassthrough: false,
    asks,
    producesTokens: asks === 'chat' || asks === 'text_completion',
    ...more,
  };
};

const anthropic = (path: string, upstreamPath: string, asks: string) =>
  post(path, upstreamPath, asks, { dialect: 'anthropic' });

/** A route that `passthrough = off` forbids; below /v1 it has the same path at the provider. */
const further = (path: string, asks: string, more: Partial<OperationRow> = {}) => {
  const isAtRoot = !path.startsWith('/v1/');
  return post(path, isAtRoot ? path : path.slice('/v1'.length), asks, { isAtRoot, needsPassthrough: true, ...more });
};

const withoutBody = (
  method: OperationMethod,
  path: string,
  answers: OperationRow['answers'],
  more: Partial<OperationRow> = {},
): OperationRow => ({ ...post(path, '', '', more), method, answers, asks: null, producesTokens: false });

const stored = (method: OperationMethod, rest = '') =>
  withoutBody(method, `/v1/responses/{response}${rest}`, 'stored response', {
    streamShape: 'responses',
    needsPassthrough: true,
  });

const models = (path: string, dialect: Dialect) => [
  withoutBody('GET', path, 'list of models', { dialect }),
  withoutBody('GET', `${path}/{model}`, 'single model', { dialect }),
];

const anyModel = { needsModel: false };
const transcribed = { takes: 'form', producesTokens: true } as const;

export const rows: readonly OperationRow[] = [
  post('/v1/chat/completions', '/chat/completions', 'chat'),
  post('/v1/completions', '/completions', 'text_completion'),
  post('/v1/embeddings', '/embeddings', 'embeddings'),
  post('/v1/responses', '/responses', 'chat'),
  ...models('/v1/models', 'openai'),
  anthropic('/v1/messages', '/v1/messages', 'chat'),
  anthropic('/v1/messages/count_tokens', '/v1/messages/count_tokens', 'count_tokens'),
  anthropic('/anthropic/v1/messages', '/v1/messages', 'chat'),
  anthropic('/anthropic/v1/messages/count_tokens', '/v1/messages/count_tokens', 'count_tokens'),
  ...models('/anthropic/v1/models', 'anthropic'),
  further('/v1/responses/compact', 'chat', { producesTokens: true }),
  further('/v1/responses/input_tokens', 'count_tokens', anyModel),
  stored('GET'),
  stored('DELETE'),
  stored('POST', '/cancel'),
  stored('GET', '/input_items'),
  further('/v1/audio/speech', 'speech'),
  further('/v1/audio/transcriptions', 'transcription', transcribed),
  further('/v1/audio/translations', 'translation', transcribed),
  further('/v1/images/generations', 'image_generation', anyModel),
  further('/v1/images/edits', 'image_edit', { ...anyModel, takes: 'json or form' }),
  further('/v1/images/variations', 'image_variation', { ...anyModel, takes: 'form' }),
  further('/v1/moderations', 'moderation', anyModel),
  further('/v1/rerank', 'rerank', anyModel),
  further('/rerank', 'rerank', anyModel),
  further('/v1/score', 'score', anyModel),
  further('/v1/fim/completions', 'text_completion'),
  further('/v1/ocr', 'ocr'),
  further('/tokenize', 'tokenize', anyModel),
  further('/detokenize', 'detokenize', anyModel),
  withoutBody('GET', '/v1/realtime', 'nobody'),
];

/** By method and path. */
export const byMethod: Readonly<Record<OperationMethod, ReadonlyMap<string, OperationRow>>> = {
  GET: rowsOf('GET'),
  POST: rowsOf('POST'),
  DELETE: rowsOf('DELETE'),
};

function rowsOf(method: OperationMethod): ReadonlyMap<string, OperationRow> {
  return new Map(rows.filter(row => row.method === method).map(row => [row.path, row]));
}
