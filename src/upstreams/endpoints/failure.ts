/**
 * How a call failed before its answer began.
 *
 *   connect      no connection was made: refused, not reached, too late, the name not found, or an address not allowed
 *   tls          the two sides could not agree on a secure connection
 *   reused       a connection that had served before was closed at once, before any byte of the answer
 *   reset        a new connection was closed, or said something that is no answer, before any byte of one
 *   first_byte   the answer did not begin in time
 *   status       the answer says that nobody is behind this endpoint: 502, 503 or 504 without `Retry-After`
 */
export type Failure = 'connect' | 'tls' | 'reused' | 'reset' | 'first_byte' | 'status';

export interface FailureFacts {
  /** The request was given to a connection, so some of it may have been sent. */
  readonly isSent: boolean;
  /** The connection had served another call before, and broke so early that it may have been closed already. */
  readonly isReused: boolean;
}

/** undici refuses to send such a request: a fault of the request, not of the endpoint. */
const unsendable = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']);
/** The gateway itself closes its connections. */
const ownDoing = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'UND_ERR_ABORTED']);
const ofTls = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$|HOSTNAME_MISMATCH$|INVALID_CA$)/;

/** Null: the endpoint has not failed. To be asked only before an answer has begun. */
export function failureOf(error: Error, { isSent, isReused }: FailureFacts): Failure | null {
  const code = 'code' in error ? String(error.code) : '';
  if (unsendable.has(code) || ownDoing.has(code)) return null;
  if (ofTls.test(code)) return 'tls';
  if (!isSent || code.startsWith('PROXY_')) return 'connect';
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'first_byte';
  return isReused ? 'reused' : 'reset';
}

export const failureOfStatus = (status: number, hasRetryAfter: boolean): Failure | null =>
  (status === 502 || status === 503 || status === 504) && !hasRetryAfter ? 'status' : null;
