/**
 * Describes by hand the routes outside the admin API: the model routes, whose bodies belong to the vendors and pass
 * unchanged, and the open routes for monitoring.
 */
import { errorKinds } from '../domain/errors.ts';
import { levelNumber } from '../domain/shape.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { type Operation, operations } from '../gateway/operations.ts';

/** An operation of an OpenAPI document, with the members that we write. */
export interface Described {
  readonly summary: string;
  readonly [field: string]: unknown;
}

const summaries: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'Chat completion',
  '/v1/completions': 'Text completion',
  '/v1/embeddings': 'Embeddings',
  '/v1/responses': 'Response',
  '/v1/models': "The models that this gateway serves; with anthropic-version in Anthropic's shape",
  '/v1/models/{model}': 'One of them; its ID may have slashes',
  '/v1/messages': 'Message',
  '/v1/messages/count_tokens': 'Count the tokens of a message',
  '/anthropic/v1/messages': 'Message, for clients whose base URL ends in /anthropic',
  '/anthropic/v1/messages/count_tokens': 'Count the tokens of a message, likewise',
  '/anthropic/v1/models': "The models that this gateway serves, in Anthropic's shape",
  '/anthropic/v1/models/{model}': 'One of them, likewise',
  '/v1/responses/compact': 'The items of a conversation, compacted',
  '/v1/responses/input_tokens': 'Count the tokens of a response before it is made',
  '/v1/responses/{response}': 'A stored response, for the tenant that made it',
  '/v1/responses/{response}/cancel': 'Cancel a response that is made in the background',
  '/v1/responses/{response}/input_items': 'What a stored response was made of',
  '/v1/audio/speech': 'Speech of a text',
  '/v1/audio/transcriptions': 'The text of a recording',
  '/v1/audio/translations': 'The text of a recording, in English',
  '/v1/images/generations': 'Images of a text',
  '/v1/images/edits': 'Images of other images and a text',
  '/v1/images/variations': 'Variations of an image',
  '/v1/moderations': 'Whether a text or an image is harmful',
  '/v1/rerank': 'Documents by their relevance to a query',
  '/rerank': 'The same, beside /v1 of the upstream',
  '/v1/score': 'How similar texts are',
  '/v1/fim/completions': 'What belongs between two texts',
  '/v1/ocr': 'The text of a document',
  '/tokenize': 'The tokens of a text or chat',
  '/detokenize': 'The text of tokens',
  '/v1/realtime': 'WebSockets are not served: 501',
};

/** Path → method → operation. */
export function modelPaths(): Record<string, Record<string, Described>> {
  const paths: Record<string, Record<string, Described>> = {};
  for (const operation of operations) {
    const { path, method } = operation;
    const summary = path === deletedPath && method === 'DELETE' ? 'Delete it' : summaries[path];
    if (summary === undefined) throw new Error(`the model route ${path} is not described`);
    paths[path] = { ...paths[path], [method.toLowerCase()]: modelOperation(summary, operation) };
  }
  return paths;
}

const deletedPath = '/v1/responses/{response}';

const anObject = { type: 'object' };
const json = (schema: object) => ({ 'application/json': { schema } });
const header = (name: string, description: string, schema: object) => ({
  name,
  in: 'header',
  required: false,
  description,
  schema,
});
const wholeMs = { type: 'integer', minimum: 0 };

function modelOperation(summary: string, operation: Operation): Described {
  const { dialect } = operation;
  const priority = header('X-Priority', 'the level to be served at, within what the operator allows', levelNumber);
  const maxWait = header('X-Tokligence-Max-Wait-Ms', 'wait for a seat no longer than this; 0: not at all', wholeMs);
  const waits = operation.answers === 'upstream';
  const served = {
    description: 'As the vendor answers it.',
    headers: answerHeaders,
    content: answerContent(operation),
  };
  return {
    tags: ['models'],
    summary,
    security: [{ bearer: [] }, { apiKey: [] }],
    parameters: [priority, ...(waits ? [maxWait] : []), ...ownParameters(operation)],
    ...(waits ? { requestBody: requestBody(operation) } : {}),
    responses: {
      ...(operation.answers === 'nobody' ? {} : { 200: served }),
      default: errorAnswer(dialect),
    },
  };
}

function requestBody({ takes, needsModel }: Operation): object {
  const schema = { type: 'object', ...(needsModel ? { required: ['model'] } : {}), properties: readFields };
  const form = { 'multipart/form-data': { schema } };
  const content = takes === 'form' ? form : { ...json(schema), ...(takes === 'json' ? {} : form) };
  return { required: true, description: 'As the vendor documents it.', content };
}

/** Speech is answered in any format of audio, and transcriptions as text too. */
function answerContent({ asks, producesTokens, takes }: Operation): object {
  if (asks === 'speech') return { 'audio/*': { schema: { type: 'string', format: 'binary' } } };
  const text = { schema: { type: 'string' } };
  if (!producesTokens) return json(anObject);
  return { ...json(anObject), 'text/event-stream': text, ...(takes === 'form' ? { 'text/plain': text } : {}) };
}

const query = (name: string, description: string, schema: object) => ({
  name,
  in: 'query',
  required: false,
  description,
  schema,
});
const paging = [
  query('limit', "how many at most; in Anthropic's shape only, like the next two", {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    default: 20,
  }),
  query('after_id', 'the models after this one', { type: 'string' }),
  query('before_id', 'the models before this one', { type: 'string' }),
];
const id = { name: 'model', in: 'path', required: true, description: 'its ID', schema: { type: 'string' } };
const version = header('anthropic-version', "Anthropic's shape, whatever it says", { type: 'string' });

const responseId = {
  ...id,
  name: 'response',
  schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,200}$' },
};

function ownParameters({ path, dialect, answers }: Operation): object[] {
  if (answers === 'stored response') return [responseId];
  if (answers !== 'list of models' && answers !== 'single model') return [];
  const asked = answers === 'single model' ? [id] : paging;
  return path.startsWith('/v1/') && dialect === 'openai' ? [version, ...asked] : asked;
}

const readFields = { model: { type: 'string' }, stream: { type: 'boolean' } };

const answerHeaders = {
  'X-Upstream-Request-Id': {
    description: 'what the upstream calls the request, where it says so',
    schema: { type: 'string' },
  },
  'X-Tokligence-Gateway': {
    description: 'the name of the gateway that answered, where the operator wants that',
    schema: { type: 'string' },
  },
  'X-Tokligence-Priority': {
    description: 'the level it was served at',
    schema: levelNumber,
  },
  'X-Tokligence-Wait-Time-Ms': { description: 'how long it waited, where it had to', schema: wholeMs },
  'X-Tokligence-Queue-Position': { description: 'its place when it came, where it had to wait', schema: wholeMs },
  'X-Tokligence-Provider': {
    description: 'the provider that it was sent to last, where it was sent',
    schema: { type: 'string' },
  },
  'X-Tokligence-Attempts': {
    description: 'how often it was sent upstream, where it was sent',
    schema: { type: 'integer', minimum: 1 },
  },
};

const errorAnswer = (dialect: Dialect) => ({
  description: 'The gateway refused it, or what the upstream answered.',
  headers: {
    ...answerHeaders,
    'Retry-After': { description: 'seconds, where waiting helps', schema: wholeMs },
    'X-Should-Retry': { description: 'where the same request would be refused again', schema: { enum: ['false'] } },
  },
  content: json({ anyOf: [{ $ref: `#/components/schemas/${errorSchemaNames[dialect]}` }, anObject] }),
});

const errorSchemaNames = { openai: 'Error', anthropic: 'AnthropicError' } as const satisfies Record<Dialect, string>;

const distinct = (values: string[]): string[] => [...new Set(values)];
const kinds = Object.values(errorKinds);

export const errorSchemas = {
  Error: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'param', 'code'],
        properties: {
          message: { type: 'string' },
          type: { enum: distinct(kinds.map(({ openaiType }) => openaiType)) },
          param: { type: ['string', 'null'], description: 'the field at fault' },
          code: { enum: Object.keys(errorKinds) },
        },
      },
    },
  },
  AnthropicError: {
    type: 'object',
    required: ['type', 'error'],
    properties: {
      type: { const: 'error' },
      error: {
        type: 'object',
        required: ['type', 'message'],
        properties: {
          type: { enum: distinct(kinds.map(({ anthropicType }) => anthropicType)) },
          message: { type: 'string' },
        },
      },
    },
  },
};

const status = (...values: string[]) =>
  json({ type: 'object', required: ['status'], properties: { status: { enum: values } }, additionalProperties: false });

const health: Described = {
  tags: ['operations'],
  summary: 'Whether the process lives',
  security: [],
  responses: { 200: { description: 'It does.', content: status('ok') } },
};

/** `reasons`: the faults, if there are any. */
const readiness = (...values: string[]) =>
  json({
    type: 'object',
    required: ['status'],
    properties: { status: { enum: values }, reasons: { type: 'array', items: { type: 'string' } } },
    additionalProperties: false,
  });

/** The open routes by path; all are GET. */
export const openPaths: Readonly<Record<string, Described>> = {
  '/healthz': health,
  '/health': health,
  '/readyz': {
    tags: ['operations'],
    summary: 'Whether requests can be served',
    security: [],
    responses: {
      200: {
        description: 'They can; degraded: perhaps from memory, the database is away, read-only, or lacks something.',
        content: readiness('ready', 'degraded'),
      },
      503: { description: 'Not yet, or no longer.', content: readiness('starting', 'stopping') },
    },
  },
  '/metrics': {
    tags: ['operations'],
    summary: 'Metrics for Prometheus',
    // A key of its own, where the operator has set one.
    security: [{}, { bearer: [] }],
    responses: {
      200: { description: 'Text, version 0.0.4.', content: { 'text/plain': { schema: { type: 'string' } } } },
      default: {
        description: 'They have a key, or a listener of their own.',
        content: json({ $ref: '#/components/schemas/Error' }),
      },
    },
  },
  '/openapi.json': {
    tags: ['operations'],
    summary: 'This document',
    security: [],
    responses: { 200: { description: 'OpenAPI 3.1.', content: json(anObject) } },
  },
};
