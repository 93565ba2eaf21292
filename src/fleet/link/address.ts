/**
 * Where a process of the fleet listens: `tcp://10.0.0.5:4000` or, with a certificate, `tls://…`. An address that means
 * another machine wherever it is used (127.0.0.1) has the place of its process beside it: `tcp://127.0.0.1:4000?at=PLACE`.
 */
import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { BlockList, isIP, isIPv6 } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** The place of the process, where the address means nothing elsewhere; else null. */
  readonly place: string | null;
}

export const mostUrlChars = 400;

const everywhere = new BlockList();
everywhere.addSubnet('127.0.0.0', 8);
everywhere.addSubnet('0.0.0.0', 8);
everywhere.addSubnet('169.254.0.0', 16);
everywhere.addAddress('::', 'ipv6');
everywhere.addAddress('::1', 'ipv6');
everywhere.addSubnet('fe80::', 10, 'ipv6');

/** Whether the address leads to one's own machine, whichever that is. */
export const isOfOneMachine = (ip: string): boolean => everywhere.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');

export function urlOf({ host, port, isTls }: Omit<Address, 'place'>, place: string | null): string {
  const shown = isIPv6(host) ? `[${host}]` : host;
  const at = isIP(host) !== 0 && isOfOneMachine(host) && place !== null ? `?at=${place}` : '';
  return `${isTls ? 'tls' : 'tcp'}://${shown}:${port}${at}`;
}

/** Null: this is no address of a gateway. */
export function addressIn(url: string): Address | null {
  if (url.length > mostUrlChars || !URL.canParse(url)) return null;
  const { protocol, hostname, port, searchParams } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if ((protocol !== 'tcp:' && protocol !== 'tls:') || host === '' || Number(port) < 1) return null;
  return { host, port: Number(port), isTls: protocol === 'tls:', place: searchParams.get('at') };
}

/**
 * Whether what answers there, or that nothing does, says something of the process that listened there: a name may lead to
 * another machine by now, and 127.0.0.1 leads to one's own.
 */
export function isProving({ host, place }: Address, ownPlace: string | null): boolean {
  if (isIP(host) === 0) return false;
  return !isOfOneMachine(host) || (place !== null && place === ownPlace);
}

/**
 * The network of this machine (or container) since it was started, as a name that no other has; null where the system does
 * not tell. Linux: the boot's ID and the network namespace.
 */
export async function ownPlace(): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const network = await readlink('/proc/self/ns/net');
    return createHash('sha256').update(`${boot.trim()} ${network}`).digest('hex').slice(0, 24);
  } catch {
    return null;
  }
}
