import { isIPv6 } from 'node:net';
import { buildConnector } from 'undici';
import type { HttpProviderConfig, UpstreamProxy } from '../../config/config.ts';
import { throughTunnel, toProxy } from '../forward-proxy.ts';
import { AddressGuard } from './forbidden.ts';

type Connect = buildConnector.connector;

/** The route of calls to an endpoint. */
export interface Way {
  /** The origin to connect to, as undici's client takes it. */
  readonly origin: string;
  readonly connect: Connect;
  /** The prefix of all paths of the endpoint: empty, or its origin where a proxy is sent the calls. */
  readonly root: string;
  /** The prefix of the paths of calls, without a slash at its end. */
  readonly basePath: string;
  readonly headers: readonly string[];
  /** The one that is sent the calls and may answer them in the upstream's place; null: the upstream itself is. */
  readonly proxy: UpstreamProxy | null;
}

export type WayConfig = Pick<HttpProviderConfig, 'proxy' | 'connectTimeoutMs' | 'allowedNetworks'>;

/** `address`: the one of the URL's name to connect to; null: any that its name has. */
export function wayTo(url: URL, address: string | null, config: WayConfig): Way {
  const { origin, host, hostname, pathname, protocol } = url;
  const { proxy, connectTimeoutMs: timeout } = config;
  const guard = new AddressGuard(config.allowedNetworks);
  const basePath = pathname.replace(/\/+$/, '');
  if (proxy === null) {
    const connect = directly(guard, address ?? hostname, timeout);
    return { origin, connect, root: '', basePath, headers: [], proxy: null };
  }
  if (protocol === 'https:') {
    const connect = judged(guard, hostname, throughTunnel(proxy, timeout));
    return { origin, connect, root: '', basePath, headers: [], proxy: null };
  }
  const { authorization } = proxy;
  return {
    origin: proxy.origin,
    connect: judged(guard, hostname, toProxy(proxy, timeout)),
    root: origin,
    basePath: origin + basePath,
    headers: ['host', host, ...(authorization === null ? [] : ['proxy-authorization', authorization])],
    proxy,
  };
}

/** The name of the URL stays that of the certificate and the Host header, whichever address is connected to. */
function directly(guard: AddressGuard, host: string, timeout: number): Connect {
  const connect = buildConnector({ timeout, allowH2: false, lookup: guard.lookup });
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return judged(guard, bare, (options, callback) => connect({ ...options, hostname: bare }, callback));
}

/** A proxy looks names up itself, so of its upstreams only literal addresses can be judged. */
function judged(guard: AddressGuard, host: string, connect: Connect): Connect {
  const fault = guard.faultOf(host);
  return fault === null ? connect : (_options, callback) => queueMicrotask(() => callback(fault, null));
}

/** How an endpoint is called: the origin of its URL, with its own address where a name has several. */
export function endpointId({ origin, protocol, port }: URL, address: string | null): string {
  if (address === null) return origin;
  return new URL(`${protocol}//${isIPv6(address) ? `[${address}]` : address}:${port}`).origin;
}
