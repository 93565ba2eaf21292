import type { IncomingHttpHeaders, OutgoingHttpHeader } from 'node:http';

/** Names of one connection's affairs: never passed on, in either direction (RFC 9110, 7.6.1). */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** What an upstream must not learn of the caller: its keys, its cookies, where it came from, what it asked of us. */
const privateNames = [
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'x-priority',
  'forwarded',
  'via',
  'x-real-ip',
  'cf-access-jwt-assertion',
  'x-goog-iap-jwt-assertion',
  'x-amzn-oidc-data',
  'x-amzn-oidc-accesstoken',
];
const privatePrefixes = ['x-tokligence-', 'x-forwarded-', 'x-auth-request-'];

/** What the gateway writes itself. */
const own = ['host', 'content-length', 'accept-encoding', 'expect', 'x-request-id', 'request-id'];

const keptFromUpstream = new Set([...hopByHop, ...privateNames, ...own]);
/** `alt-svc` would send the client past the gateway. */
const keptFromClient = new Set([...hopByHop, 'set-cookie', 'alt-svc']);

/**
 * The headers that go upstream, as a flat list of names and values. `fixed` are the provider's: its
 * key, and `accept-encoding: identity`, so that usage can be read while the bytes pass.
 */
export function upstreamHeaders(headers: IncomingHttpHeaders, fixed: readonly string[], requestId: string): string[] {
  const result: string[] = [...fixed, 'x-request-id', requestId];
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (typeof value !== 'string' || keptFromUpstream.has(name) || named?.has(name) || isPrivate(name)) continue;
    result.push(name, value);
  }
  return result;
}

/** The headers of the answer, as a flat list: the upstream's, and the gateway's own, which win. */
export function answerHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  added: Readonly<Record<string, string>>,
): OutgoingHttpHeader[] {
  const result: OutgoingHttpHeader[] = [];
  for (const name in added) result.push(name, added[name] ?? '');
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name in added || keptFromClient.has(name) || named?.has(name)) continue;
    if (name.startsWith('x-tokligence-')) continue;
    result.push(name, value);
  }
  return result;
}

const isPrivate = (name: string): boolean =>
  name.charCodeAt(0) === 0x78 && privatePrefixes.some(prefix => name.startsWith(prefix));

/** `Connection` may name further headers of one connection only; almost none does. */
function namedByConnection(connection: string | string[] | undefined): Set<string> | null {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return null;
  return new Set(
    String(connection)
      .toLowerCase()
      .split(',')
      .map(name => name.trim()),
  );
}
