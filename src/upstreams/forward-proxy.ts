/**
 * Connections to an upstream through a proxy. For https:// the proxy opens a tunnel (CONNECT) and sees only the host;
 * for http:// it receives the requests themselves, with absolute URLs as RFC 9112, 3.2.2 requires.
 */
import { type ClientRequest, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';
import type { UpstreamProxy } from '../config/config.ts';

type Connect = buildConnector.connector;
type Code = 'PROXY_REFUSED' | 'PROXY_UNREACHABLE' | 'PROXY_TIMEOUT';

/** For the log: names the proxy, without its credentials. */
export class ProxyFault extends Error {
  readonly code: Code;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }
}

/** Connects to an https:// upstream. */
export function throughTunnel(proxy: UpstreamProxy, timeoutMs: number): Connect {
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false });
  return (options, callback) => {
    const { hostname, port } = options;
    const target = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port || 443}`;
    openTunnel(proxy, target, timeoutMs).then(
      httpSocket => connect({ ...options, httpSocket }, callback),
      (error: Error) => callback(error, null),
    );
  };
}

function openTunnel(proxy: UpstreamProxy, target: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asked = askForTunnel(proxy, target);
    // Not a signal, because a signal would also end the tunnel later, for as long as the request object lives.
    const late = setTimeout(() => asked.destroy(new ProxyFault('PROXY_TIMEOUT', lateText(proxy))), timeoutMs);
    asked.once('close', () => clearTimeout(late));
    asked.once('error', error => reject(unreachable(proxy, error)));
    asked.once('connect', ({ statusCode = 0 }, socket: Socket) => {
      clearTimeout(late);
      if (statusCode >= 200 && statusCode < 300) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(refusal(proxy, `${statusCode} to CONNECT ${target}`));
    });
    asked.end();
  });
}

function askForTunnel({ origin, authorization }: UpstreamProxy, target: string): ClientRequest {
  const { protocol, hostname, port } = new URL(origin);
  return (protocol === 'https:' ? requestSecure : requestPlain)({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    method: 'CONNECT',
    path: target,
    headers: { host: target, ...(authorization === null ? {} : { 'proxy-authorization': authorization }) },
    agent: false,
  });
}

/** Connects to the proxy of an http:// upstream. */
export function toProxy(proxy: UpstreamProxy, timeoutMs: number): Connect {
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false });
  // The proxy's certificate names the proxy, not the Host header; addresses are never sent as a server name.
  const { hostname } = new URL(proxy.origin);
  const servername = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) === 0 ? hostname : '';
  return (options, callback) =>
    connect({ ...options, servername }, (...result) => {
      if (result[0] === null) callback(...result);
      else callback(unreachable(proxy, result[0]), null);
    });
}

const refusal = ({ origin }: UpstreamProxy, what: string): ProxyFault =>
  new ProxyFault('PROXY_REFUSED', `the proxy ${origin} answered ${what}`);

function unreachable(proxy: UpstreamProxy, error: Error): ProxyFault {
  if (error instanceof ProxyFault) return error;
  const code = 'code' in error ? String(error.code) : error.name;
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return new ProxyFault('PROXY_TIMEOUT', lateText(proxy));
  return new ProxyFault('PROXY_UNREACHABLE', `the proxy ${proxy.origin}: ${code}`);
}

const lateText = ({ origin }: UpstreamProxy): string => `the proxy ${origin} did not answer in time`;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Returns the fault if the proxy itself refused the request; null for the upstream's answer. Proxies use these headers.
 */
export function refusedBy(proxy: UpstreamProxy, status: number, headers: Headers): ProxyFault | null {
  const isOwn =
    status === 407 ||
    (status >= 400 &&
      (headers['x-squid-error'] !== undefined || /;\s*error=/.test(String(headers['proxy-status'] ?? ''))));
  return isOwn ? refusal(proxy, String(status)) : null;
}
