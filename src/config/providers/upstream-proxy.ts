/**
 * The proxy on the way to an upstream: `proxy` of a provider names it, or is `environment`. The latter uses the
 * variables that most programs know: HTTP_PROXY for http:// upstreams, HTTPS_PROXY for https:// ones, NO_PROXY for
 * exceptions; the lower-case spelling of each takes precedence. As with curl and Go, requests to this machine never use
 * a proxy of the environment.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { isLoopbackName } from '../../domain/text/host-name.ts';

export interface UpstreamProxy {
  /** Contains no credentials. */
  readonly origin: string;
  /** The value of `Proxy-Authorization`; null if the proxy needs none. */
  readonly authorization: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns undefined for a URL that names no proxy. A bare HOST:PORT is an HTTP proxy. */
export function proxyIn(text: string): UpstreamProxy | undefined {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  const { username, password, pathname, search, hash } = url;
  if (pathname !== '/' || `${search}${hash}` !== '') return undefined;
  const pair = credentials(username, password);
  return pair === null ? undefined : { origin: url.origin, authorization: pair === '' ? null : basic(pair) };
}

/** Returns null if they are not percent-encoded UTF-8. */
function credentials(username: string, password: string): string | null {
  if (username === '' && password === '') return '';
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return null;
  }
}

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

export interface FoundProxy {
  /** The name of the variable, as it is spelled. */
  readonly variable: string;
  readonly value: string;
}

/** Returns the proxy that the environment names for this upstream; null if it names none or excepts the upstream. */
export function proxyOfEnvironment(baseUrl: string, env: Environment): FoundProxy | null {
  const { protocol, hostname, port } = new URL(baseUrl);
  const found = firstGiven(env, protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  if (found === null || isLoopbackName(hostname.replace(/\.$/, ''))) return null;
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const exceptions = (firstGiven(env, 'NO_PROXY')?.value ?? '').split(/[,\s]+/).filter(entry => entry !== '');
  const portNumber = Number(port) || (protocol === 'https:' ? 443 : 80);
  return exceptions.some(entry => isMeant(entry.toLowerCase(), host, portNumber)) ? null : found;
}

/** An empty variable counts as not set. */
function firstGiven(env: Environment, name: string): FoundProxy | null {
  for (const variable of [name.toLowerCase(), name]) {
    const value = env[variable]?.trim();
    if (value !== undefined && value !== '') return { variable, value };
  }
  return null;
}

/**
 * Matches `*`, a host with its subdomains (`example.com`, `.example.com`; `*.example.com` matches the subdomains
 * alone), an address or a network; hosts and addresses also with a port.
 */
function isMeant(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(entry, host);
  const { name, onPort } = withoutPort(entry);
  if (name === '' || (onPort !== null && onPort !== port)) return false;
  if (isIP(host) !== 0) return isInNetwork(name, host);
  const domain = name.replace(/^\*?\./, '').replace(/\.$/, '');
  return host.endsWith(`.${domain}`) || (host === domain && !name.startsWith('*.'));
}

function withoutPort(entry: string): { readonly name: string; readonly onPort: number | null } {
  if (isIP(entry) !== 0) return { name: entry, onPort: null };
  const [, name = '', port] = /^([^:]*|\[[^\]]*\])(?::(\d+))?$/.exec(entry) ?? [];
  return { name: name.replace(/^\[(.*)\]$/, '$1'), onPort: port === undefined ? null : Number(port) };
}

function isInNetwork(network: string, host: string): boolean {
  const [address = '', bits, ...more] = network.split('/');
  const family = (text: string) => (isIPv6(text) ? 'ipv6' : 'ipv4');
  const mostBits = isIPv6(address) ? 128 : 32;
  const prefix = bits === undefined ? mostBits : Number(bits);
  const isSound = isIP(address) !== 0 && isIP(host) !== 0 && more.length === 0 && /^\d{0,3}$/.test(bits ?? '');
  if (!isSound || bits === '' || prefix > mostBits) return false;
  const list = new BlockList();
  list.addSubnet(address, prefix, family(address));
  return list.check(host, family(host));
}
