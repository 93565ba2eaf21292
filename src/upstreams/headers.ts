import type { IncomingHttpHeaders } from 'node:http';
import { gatewayHeaderPrefix, gatewayHeaders, hopByHopHeaders } from '../domain/text/header-names.ts';

/**
 * Headers that carry credentials or the origin of the caller: keys and accounts of other vendors, signed requests,
 * identities that a proxy in between has verified. A provider's `pass_headers` lets single ones through.
 */
const privateNames = [
  'cookie',
  'forwarded',
  'via',
  'x-real-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'openai-organization',
  'openai-project',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amzn-oidc-data',
  'x-amzn-oidc-identity',
  'x-goog-user-project',
  'x-goog-iam-authority-selector',
  'x-portkey-virtual-key',
  'x-portkey-config',
  'x-litellm-tags',
];
const privatePrefixes = ['x-forwarded-', 'x-auth-request-', 'x-ms-client-principal', 'x-goog-authenticated-user-'];
/** `api-key`, `x-goog-api-key`, `ocp-apim-subscription-key`, `x-amz-security-token`, `helicone-auth`, … */
const privateEnds =
  /(?:^|[-_])(?:api[-_]?key|subscription-key|functions-key|secret(?:-key)?|access-key|token|accesstoken|jwt|jwt-assertion|auth|authorization|credentials?|password)$/;

/** `alt-svc`, `location` and `refresh` would lead the client past the gateway. */
const keptFromClient = new Set([
  ...hopByHopHeaders,
  'set-cookie',
  'alt-svc',
  'location',
  'content-location',
  'refresh',
]);

/** Clients may invent names, so decisions about more names than this are not cached. */
const mostRemembered = 1_000;

/** Decides which headers of a request go upstream. */
export class HeaderFilter {
  readonly #passed: ReadonlySet<string>;
  readonly #replaced: ReadonlySet<string>;
  readonly #decided = new Map<string, boolean>();

  /**
   * Names in lower case; `passed`: private names that go upstream nevertheless; `replaced`: names that the provider
   * sets itself.
   */
  constructor(passed: readonly string[] = [], replaced: readonly string[] = []) {
    this.#passed = new Set(passed);
    this.#replaced = new Set(replaced);
  }

  /**
   * Returns a flat list of names and values. `fixed` holds the provider's headers: its key and its own ones, and
   * `accept-encoding: identity`, so that usage can be read while the bytes pass.
   */
  upstream(headers: IncomingHttpHeaders, fixed: readonly string[], requestId: string): string[] {
    const result: string[] = [...fixed, 'x-request-id', requestId];
    const named = namedByConnection(headers.connection);
    for (const name in headers) {
      const value = headers[name];
      if (typeof value !== 'string' || !this.#passes(name) || named?.has(name)) continue;
      result.push(name, value);
    }
    return result;
  }

  #passes(name: string): boolean {
    const decided = this.#decided.get(name);
    if (decided !== undefined) return decided;
    const isKeptBack = isKept(name) || this.#replaced.has(name);
    const passes = !isKeptBack && (this.#passed.has(name) || !isPrivate(name));
    if (this.#decided.size < mostRemembered) this.#decided.set(name, passes);
    return passes;
  }
}

const kept = new Set([...hopByHopHeaders, ...gatewayHeaders]);
const isKept = (name: string): boolean => kept.has(name) || name.startsWith(gatewayHeaderPrefix);

const isPrivate = (name: string): boolean =>
  privateNames.includes(name) || privatePrefixes.some(prefix => name.startsWith(prefix)) || privateEnds.test(name);

/** Headers by which an upstream's operator finds a request: of OpenAI and most others, Anthropic, Azure, Bedrock. */
const requestIdHeaders = ['x-request-id', 'request-id', 'apim-request-id', 'x-amzn-requestid'];
const upstreamIdHeader = 'x-upstream-request-id';
const soundRequestId = /^[\x21-\x7e]{1,128}$/;

/** Returns the upstream's ID of the request; null without a sound one. */
export function upstreamRequestId(headers: Readonly<Record<string, string | string[] | undefined>>): string | null {
  for (const name of requestIdHeaders) {
    const id = headers[name];
    if (typeof id === 'string' && soundRequestId.test(id)) return id;
  }
  return null;
}

/** Returns the headers of the answer as a flat list: the upstream's, and the gateway's own, which take precedence. */
export function answerHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  added: Readonly<Record<string, string>>,
): (string | string[])[] {
  const result: (string | string[])[] = [];
  for (const name in added) result.push(name, added[name] ?? '');
  const upstreamId = upstreamRequestId(headers);
  if (upstreamId !== null) result.push(upstreamIdHeader, upstreamId);
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name in added || keptFromClient.has(name) || named?.has(name)) continue;
    if (name.startsWith(gatewayHeaderPrefix) || (name === upstreamIdHeader && upstreamId !== null)) continue;
    result.push(name, value);
  }
  return result;
}

/** `Connection` may name further hop-by-hop headers; in practice it rarely does. */
function namedByConnection(connection: string | string[] | undefined): Set<string> | null {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return null;
  return new Set(
    String(connection)
      .toLowerCase()
      .split(',')
      .map(name => name.trim()),
  );
}
