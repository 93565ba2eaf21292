import { asGatewayError, errorBody } from '../domain/errors.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { requestIdHeader } from '../gateway/request-id.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** How an error is told to a client, whatever was thrown: the only place that decides it. */
export function errorAnswer(dialect: Dialect, thrown: unknown, requestId: string): ErrorAnswer {
  const error = asGatewayError(thrown);
  const body = JSON.stringify(errorBody(dialect, error));
  const headers: Record<string, string> = {
    [requestIdHeader(dialect)]: requestId,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    // For nobody to keep, and no page, wherever it was refused.
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  if (error.retryAfterSec !== null) headers['retry-after'] = String(error.retryAfterSec);
  // Some clients try again for minutes before they show an error, whatever its status is.
  if (error.isFinal) headers['x-should-retry'] = 'false';
  if (error.code === 'invalid_api_key') headers['www-authenticate'] = 'Bearer';
  if (error.code === 'unsupported_media_type') headers['accept-encoding'] = 'identity';
  return { status: error.status, headers, body };
}
