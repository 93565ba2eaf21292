/** How a call failed before the first byte of its answer went to the client, and what that says of the work upstream. */

export type FailureKind =
  /** No connection: refused, timed out, no such host. */
  | 'connect'
  | 'tls'
  /** A connection that had served before was closed before any byte of an answer came. */
  | 'reused'
  /** The connection broke after the request had been sent. */
  | 'reset'
  /** The answer did not begin in time. */
  | 'first_byte'
  /** The answer has a status that reports a failure. */
  | 'status';

export interface Failure {
  readonly kind: FailureKind;
  /** Null where no answer came. */
  readonly status: number | null;
  /** When the upstream says to come back; null: it does not say. */
  readonly retryAfterMs: number | null;
}

/** Too many requests, no room at the moment, and Anthropic's word for the latter. */
export const isBusy = (status: number | null): boolean => status === 429 || status === 503 || status === 529;

/** Statuses of an upstream that has no room, or of a gateway before it that has none of its own. */
const failed: ReadonlySet<number> = new Set([429, 502, 503, 504, 529]);

export const isFailed = (status: number): boolean => failed.has(status);

/** What is known of the connection of a call that broke. */
interface Way {
  /** The request, or a part of it, has gone out. */
  readonly isSent: boolean;
  /** The connection had served a call before. */
  readonly isReused: boolean;
  /** Bytes came back. */
  readonly isAnswered: boolean;
}

/** A call that broke off without an answer. Null: the request itself cannot be sent anywhere. */
export function failureOf(error: Error, { isSent, isReused, isAnswered }: Way): Failure | null {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return null;
  return { kind: kindOf(code, { isSent, isReused, isAnswered }), status: null, retryAfterMs: null };
}

function kindOf(code: string, { isSent, isReused, isAnswered }: Way): FailureKind {
  if (!isSent) return isOfTls(code) ? 'tls' : 'connect';
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'first_byte';
  return isReused && !isAnswered ? 'reused' : 'reset';
}

/** Codes of OpenSSL for certificates have no common beginning. */
const certificateFaults = /CERT|SIGNATURE|ISSUER|CRL|SELF_SIGNED|HOSTNAME_MISMATCH/;
const isOfTls = (code: string): boolean =>
  code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code === 'EPROTO' || certificateFaults.test(code);
