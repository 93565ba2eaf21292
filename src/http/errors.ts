import { asGatewayError, errorBody } from '../domain/errors.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { requestIdHeader } from '../gateway/request-id.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** The only place that turns a thrown value into the answer of a client. */
export function errorAnswer(dialect: Dialect, thrown: unknown, requestId: string): ErrorAnswer {
  const error = asGatewayError(thrown);
  const body = JSON.stringify(errorBody(dialect, error));
  const headers: Record<string, string> = {
    [requestIdHeader(dialect)]: requestId,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    // Error answers are never cached or rendered as a page.
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  if (error.retryAfterSec !== null) headers['retry-after'] = String(error.retryAfterSec);
  // Some clients retry for minutes before they show an error, whatever its status.
  if (error.isFinal) headers['x-should-retry'] = 'false';
  if (error.code === 'invalid_api_key') headers['www-authenticate'] = 'Bearer';
  if (error.code === 'unsupported_media_type') headers['accept-encoding'] = 'identity';
  return { status: error.status, headers, body };
}
