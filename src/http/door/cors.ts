/**
 * Which web pages may read the answers of model routes (`[gateway] cors_origins`). Admin routes and the console have no part
 * in this. Nothing is allowed with credentials: a page sends a key of its own in a header.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CorsOrigins } from '../../config/config.ts';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { methodsAt } from '../../gateway/operations.ts';

/** The headers of one answer, in lower case. */
export type CorsHeaders = Readonly<Record<string, string>>;

const exposed = [
  'x-request-id',
  'request-id',
  'x-upstream-request-id',
  'x-tokligence-gateway',
  'x-tokligence-priority',
  'x-tokligence-wait-time-ms',
  'x-tokligence-queue-position',
  'x-tokligence-provider',
  'x-tokligence-attempts',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
].join(', ');

/** How long browsers may remember a preflight; they cap it at this, or at less. */
const maxAgeSec = '7200';
const headerNames = /^[\w!#$%&'*+.^`|~-]+(?:[\t ]*,[\t ]*[\w!#$%&'*+.^`|~-]+)*$/;
const longestNames = 4096;
const shownChars = 200;

/** The headers that an answer to this request has for its page; a shared cache must not give it to another page. */
export function corsHeaders(origins: CorsOrigins, { headers: { origin } }: IncomingMessage): CorsHeaders {
  if (origin === undefined || !isAllowed(origins, origin)) return { vary: 'Origin' };
  return { vary: 'Origin', ...allowing(origins, origin), 'access-control-expose-headers': exposed };
}

const allowing = (origins: CorsOrigins, origin: string): CorsHeaders => ({
  'access-control-allow-origin': origins === 'any' ? '*' : origin,
});

const isAllowed = (origins: CorsOrigins, origin: string): boolean => origins === 'any' || origins.has(origin);

/**
 * Answers the question of a browser whether a page may send a request to a model route; `none` if it is no such question.
 * Returns the error for a page that may not: it leaves a line in the log.
 */
export function answerPreflight(
  origins: CorsOrigins,
  req: IncomingMessage,
  res: ServerResponse,
): 'answered' | 'none' | GatewayError {
  const { origin, 'access-control-request-method': asked, 'access-control-request-headers': names } = req.headers;
  if (req.method !== 'OPTIONS' || origin === undefined || asked === undefined) return 'none';
  const methods = methodsAt(req.url ?? '');
  if (methods.length === 0) return 'none';
  if (!isAllowed(origins, origin)) {
    return errors.forbidden(`Pages of ${shown(origin)} may not call models: [gateway] cors_origins does not name it.`);
  }
  res.writeHead(204, {
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    ...allowing(origins, origin),
    'access-control-allow-methods': methods.join(', '),
    ...(isSound(names) ? { 'access-control-allow-headers': names } : {}),
    'access-control-max-age': maxAgeSec,
  });
  res.end();
  return 'answered';
}

/** The names are given back as they came: which headers a client may send is for the vendors to say. */
const isSound = (names: string | string[] | undefined): names is string =>
  typeof names === 'string' && names.length <= longestNames && headerNames.test(names);

const shown = (origin: string): string => origin.replace(/[^\x21-\x7e]/g, '').slice(0, shownChars);
