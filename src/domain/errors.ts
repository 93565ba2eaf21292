import type { Dialect } from './vocabulary.ts';

/**
 * The catalogue of errors that a client can receive. Throw them as `errors.queueFull(…)`; any other thrown value is
 * answered as `internal`, with its detail in the log and none for the client.
 */
interface ErrorKind {
  readonly status: number;
  readonly openaiType: string;
  readonly anthropicType: string;
  /** The same request would fail again, whenever it is sent. */
  readonly isFinal: boolean;
}

const kind =
  (isFinal: boolean) =>
  (status: number, openaiType: string, anthropicType: string): ErrorKind => ({
    status,
    openaiType,
    anthropicType,
    isFinal,
  });
const final = kind(true);
const passing = kind(false);

export const errorKinds = {
  invalid_request: final(400, 'invalid_request_error', 'invalid_request_error'),
  invalid_api_key: final(401, 'authentication_error', 'authentication_error'),
  forbidden: final(403, 'permission_denied', 'permission_error'),
  model_not_found: final(404, 'not_found', 'not_found_error'),
  not_found: final(404, 'not_found', 'not_found_error'),
  request_timeout: passing(408, 'invalid_request_error', 'invalid_request_error'),
  conflict: final(409, 'invalid_request_error', 'invalid_request_error'),
  stale: final(412, 'invalid_request_error', 'invalid_request_error'),
  request_too_large: final(413, 'invalid_request_error', 'request_too_large'),
  unsupported_media_type: final(415, 'invalid_request_error', 'invalid_request_error'),
  expectation_failed: final(417, 'invalid_request_error', 'invalid_request_error'),
  tenant_limit: passing(429, 'rate_limit_exceeded', 'rate_limit_error'),
  too_many_invalid_keys: final(429, 'rate_limit_exceeded', 'rate_limit_error'),
  internal: passing(500, 'server_error', 'api_error'),
  not_implemented: final(501, 'server_error', 'api_error'),
  upstream_failed: passing(502, 'server_error', 'api_error'),
  queue_full: passing(503, 'service_unavailable', 'overloaded_error'),
  queue_timeout: passing(503, 'service_unavailable', 'overloaded_error'),
  unavailable: passing(503, 'service_unavailable', 'overloaded_error'),
} satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** Clients that are told to wait for a minute or longer do not wait at all (openai 4, AI SDK). */
const longestRetryAfterSec = 59;

interface ErrorFields {
  /** The field or parameter at fault. */
  readonly param?: string;
  /** Whole seconds, 1…59, after which a retry makes sense. */
  readonly retryAfterSec?: number;
  /** Members of the answer's body beside the error; admin routes only. */
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

  get isFinal(): boolean {
    return errorKinds[this.code].isFinal;
  }
}

/** `waitSec` may be any time; the answer's value is kept within the bounds of Retry-After. */
const retryable = (code: ErrorCode) => (message: string, waitSec: number) =>
  new GatewayError(code, message, { retryAfterSec: Math.min(Math.max(Math.ceil(waitSec), 1), longestRetryAfterSec) });

export const errors = {
  invalidRequest: (message: string, param?: string) =>
    new GatewayError('invalid_request', message, param === undefined ? {} : { param }),
  /** For a file with faults in several rows; `beside` names the rows. */
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
  unsupportedMediaType: (message: string, param: string) =>
    new GatewayError('unsupported_media_type', message, { param }),
  expectationFailed: (message: string) => new GatewayError('expectation_failed', message, { param: 'Expect' }),
  notImplemented: (message: string) => new GatewayError('not_implemented', message),
  upstreamFailed: (message: string) => new GatewayError('upstream_failed', message),
  tenantLimit: retryable('tenant_limit'),
  tooManyInvalidKeys: retryable('too_many_invalid_keys'),
  queueFull: retryable('queue_full'),
  queueTimeout: retryable('queue_timeout'),
  unavailable: retryable('unavailable'),
};

/** The client closed the connection, so no answer is sent. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/** An error outside the catalogue is a fault of the gateway: its detail goes to the log, not to the client. */
export const asGatewayError = (error: unknown): GatewayError =>
  error instanceof GatewayError ? error : new GatewayError('internal', 'The gateway failed to handle this request.');

interface ErrorBody {
  /** Present in Anthropic's dialect only. */
  readonly type?: 'error';
  readonly error: object;
}

/** The body of an error answer, or of an error event in a stream, in the dialect of the route. */
export function errorBody(dialect: Dialect, error: GatewayError): ErrorBody {
  const kind = errorKinds[error.code];
  return dialect === 'anthropic'
    ? { type: 'error', error: { type: kind.anthropicType, message: error.message } }
    : {
        error: { message: error.message, type: kind.openaiType, param: error.param, code: error.code },
        ...error.beside,
      };
}
