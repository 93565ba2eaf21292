import { errors, type GatewayError } from '../../domain/errors.ts';
import type { AnswerReading } from '../metering/answer-reading.ts';
import { errorWords, isOwnError } from '../metering/told-error.ts';

const texts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The upstream refused the connection.',
  ENOTFOUND: 'The upstream could not be reached.',
  EAI_AGAIN: 'The upstream could not be reached.',
  EHOSTUNREACH: 'The upstream could not be reached.',
  ENETUNREACH: 'The upstream could not be reached.',
  FORBIDDEN_ADDRESS: 'The upstream has an address that this gateway may not call.',
  ECONNRESET: 'The upstream broke off the connection.',
  EPIPE: 'The upstream broke off the connection.',
  UND_ERR_SOCKET: 'The upstream broke off the connection.',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'The upstream broke off the connection.',
  ETIMEDOUT: 'The upstream did not accept a connection in time.',
  UND_ERR_CONNECT_TIMEOUT: 'The upstream did not accept a connection in time.',
  UND_ERR_HEADERS_TIMEOUT: 'The upstream did not begin to answer in time.',
  PROXY_REFUSED: 'The proxy on the way to the upstream refused to pass the call on.',
  PROXY_UNREACHABLE: 'The proxy on the way to the upstream could not be reached.',
  PROXY_TIMEOUT: 'The proxy on the way to the upstream did not answer in time.',
  UND_ERR_BODY_TIMEOUT: 'The upstream stopped sending in the middle of its answer.',
};

/**
 * Returns what a client may learn of a broken upstream call: the kind, never hosts, ports or keys. The error itself is the
 * `cause`, for the log.
 */
export function upstreamFault(error: Error): GatewayError {
  const code = 'code' in error ? String(error.code) : '';
  const fault =
    code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED'
      ? errors.invalidRequest('The path or a header of the request cannot be sent to the upstream.')
      : errors.upstreamFailed(texts[code] ?? 'The call to the upstream failed.');
  fault.cause = error;
  return fault;
}

/** Statuses that no client may see: of another protocol, or sending it past the gateway. Null for all others. */
export function unwantedStatus(status: number, location: string | string[] | undefined): GatewayError | null {
  if (status >= 200 && status < 300) return null;
  if (status >= 400 && status <= 599) return null;
  const isRedirect = status >= 300 && status < 400;
  const fault = errors.upstreamFailed(
    isRedirect
      ? 'The upstream answered with a redirect, which is not followed.'
      : 'The upstream answered no status of HTTP.',
  );
  fault.cause = new Error(isRedirect ? `it answered ${status} to ${place(location)}` : `it answered ${status}`);
  return fault;
}

const longestPlace = 200;

/** Without its query, where secrets may stand. */
const place = (location: string | string[] | undefined): string =>
  location === undefined
    ? 'nowhere'
    : String(location)
        .replace(/[?#].*$/s, '')
        .slice(0, longestPlace);

/** Why an answer below 400 is the provider's failure; null where it is none, or the client's doing. */
export function faultIn(reading: AnswerReading | null): GatewayError | null {
  if (reading === null) return null;
  const { error, isEmpty } = reading;
  if (error !== null) return isOwnError(error) ? ownFault(`answered with ${errorWords(error)}`) : null;
  return isEmpty ? ownFault('answered nothing') : null;
}

function ownFault(what: string): GatewayError {
  const fault = errors.upstreamFailed(`The upstream ${what}.`);
  fault.cause = new Error(`it ${what}`);
  return fault;
}
