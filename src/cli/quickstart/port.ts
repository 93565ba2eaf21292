import { createServer } from 'node:net';
import { levelOf } from './client.ts';

/** Returns the system's error code if nothing can listen on this address; null if it can. */
export function portFault(host: string, port: number): Promise<string | null> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

const reasons: Record<string, string> = {
  EADDRINUSE: 'the port is taken by another program',
  EACCES: 'this account may not use the port',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
};

export function portSentence(host: string, port: number, code: string): string {
  const another = port === 8181 ? 8182 : 8181;
  return (
    `cannot listen on ${host}:${port}: ${reasons[code] ?? code}.\n` +
    `Choose another port: TOKLIGENCE_GATEWAY_PORT=${another} npm run quickstart`
  );
}

/** Replaces the wildcard address of a server by this machine's loopback address. */
export const localUrl = (url: string): string =>
  url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');

const answerWithinMs = 3_000;

/**
 * Returns the URL of a quickstart that already runs on this address: it knows our keys. Only a tenant's key is shown to
 * the listener.
 */
export async function findRunning(host: string, port: number, tenantKey: string | undefined): Promise<string | null> {
  if (tenantKey === undefined) return null;
  const url = localUrl(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
  const level = await levelOf(url, tenantKey, AbortSignal.timeout(answerWithinMs)).catch(() => null);
  return level === null ? null : url;
}
