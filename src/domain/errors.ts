import type { Dialect } from './vocabulary.ts';

/**
 * The catalogue of errors a client can meet. `throw errors.queueFull(…)`; anything else that is
 * thrown is answered as `internal`, with the detail in the log and nothing for the client.
 */
interface ErrorKind {
  readonly status: number;
  readonly openaiType: string;
  readonly anthropicType: string;
}

const kind = (status: number, openaiType: string, anthropicType: string): ErrorKind => ({
  status,
  openaiType,
  anthropicType,
});

export const errorKinds = {
  invalid_request: kind(400, 'invalid_request_error', 'invalid_request_error'),
  invalid_api_key: kind(401, 'authentication_error', 'authentication_error'),
  forbidden: kind(403, 'permission_denied', 'permission_error'),
  model_not_found: kind(404, 'not_found', 'not_found_error'),
  not_found: kind(404, 'not_found', 'not_found_error'),
  request_timeout: kind(408, 'invalid_request_error', 'invalid_request_error'),
  conflict: kind(409, 'invalid_request_error', 'invalid_request_error'),
  stale: kind(412, 'invalid_request_error', 'invalid_request_error'),
  request_too_large: kind(413, 'invalid_request_error', 'request_too_large'),
  tenant_limit: kind(429, 'rate_limit_exceeded', 'rate_limit_error'),
  too_many_invalid_keys: kind(429, 'rate_limit_exceeded', 'rate_limit_error'),
  internal: kind(500, 'server_error', 'api_error'),
  not_implemented: kind(501, 'server_error', 'api_error'),
  upstream_failed: kind(502, 'server_error', 'api_error'),
  queue_full: kind(503, 'service_unavailable', 'overloaded_error'),
  queue_timeout: kind(503, 'service_unavailable', 'overloaded_error'),
  unavailable: kind(503, 'service_unavailable', 'overloaded_error'),
} satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

interface ErrorFields {
  /** The field or parameter at fault. */
  readonly param?: string;
  /** Whole seconds, 1…60, after which trying again makes sense. */
  readonly retryAfterSec?: number;
  /** What the answer's body says beside the error; admin routes only. */
  readonly beside?: object;
}

export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterSec: number | null;
  readonly beside: object;

  constructor(code: ErrorCode, message: string, fields: ErrorFields = {}) {
    super(message);
    this.code = code;
    this.param = fields.param ?? null;
    this.retryAfterSec = fields.retryAfterSec ?? null;
    this.beside = fields.beside ?? {};
  }

  get status(): number {
    return errorKinds[this.code].status;
  }
}

const retryable = (code: ErrorCode) => (message: string, retryAfterSec: number) =>
  new GatewayError(code, message, { retryAfterSec });

export const errors = {
  invalidRequest: (message: string, param?: string) =>
    new GatewayError('invalid_request', message, param === undefined ? {} : { param }),
  /** Where several rows of a file are at fault; `beside` names them. */
  invalidRows: (message: string, beside: { readonly faults: readonly object[]; readonly faults_left_out: number }) =>
    new GatewayError('invalid_request', message, { beside }),
  invalidApiKey: (message: string) => new GatewayError('invalid_api_key', message),
  forbidden: (message: string) => new GatewayError('forbidden', message),
  modelNotFound: (message: string) => new GatewayError('model_not_found', message, { param: 'model' }),
  notFound: (message: string) => new GatewayError('not_found', message),
  conflict: (message: string, param?: string) =>
    new GatewayError('conflict', message, param === undefined ? {} : { param }),
  stale: (message: string, rows: { readonly current: object | null; readonly submitted: object | null }) =>
    new GatewayError('stale', message, { param: 'If-Match', beside: rows }),
  requestTimeout: (message: string) => new GatewayError('request_timeout', message),
  requestTooLarge: (message: string) => new GatewayError('request_too_large', message),
  notImplemented: (message: string) => new GatewayError('not_implemented', message),
  upstreamFailed: (message: string) => new GatewayError('upstream_failed', message),
  tenantLimit: retryable('tenant_limit'),
  tooManyInvalidKeys: retryable('too_many_invalid_keys'),
  queueFull: retryable('queue_full'),
  queueTimeout: retryable('queue_timeout'),
  unavailable: retryable('unavailable'),
};

/** Not an answer but its absence: the client closed the connection, so nobody is there to be told. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/** What is not in the catalogue is our own fault: the log hears what it was, the client does not. */
export const asGatewayError = (error: unknown): GatewayError =>
  error instanceof GatewayError ? error : new GatewayError('internal', 'The gateway failed to handle this request.');

/** The body of an error answer, or of an error event in a stream, in the dialect of the route. */
export function errorBody(dialect: Dialect, error: GatewayError): object {
  const kind = errorKinds[error.code];
  return dialect === 'anthropic'
    ? { type: 'error', error: { type: kind.anthropicType, message: error.message } }
    : {
        error: { message: error.message, type: kind.openaiType, param: error.param, code: error.code },
        ...error.beside,
      };
}
