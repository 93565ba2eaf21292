import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Finds the client's address behind proxies. The entries that trusted proxies add to X-Forwarded-For are believed,
 * earlier ones are not: the last entry that is no trusted proxy counts. `Forwarded` is not read, because proxies that
 * send it also send X-Forwarded-For.
 */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  readonly #trustsAny: boolean;

  /** IP addresses and networks such as 10.0.0.0/8. */
  constructor(trustedProxies: readonly string[]) {
    this.#trustsAny = trustedProxies.length > 0;
    for (const proxy of trustedProxies) {
      const [address = '', bits] = proxy.split('/');
      const family = familyOf(address);
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  isTrusted(address: string): boolean {
    return this.#trustsAny && isIP(address) !== 0 && this.#trusted.check(address, familyOf(address));
  }

  of({ socket, headers }: IncomingMessage): string {
    let nearest = peerAddress(socket);
    // Node joins repeated headers in their order.
    const entries = String(headers['x-forwarded-for'] ?? '').split(',');
    while (this.isTrusted(nearest)) {
      const before = addressIn(entries.pop() ?? '');
      if (before === null) break;
      nearest = before;
    }
    return nearest;
  }
}

/**
 * Returns the peer's address, with IPv4 in one spelling on sockets of both families; empty once the socket is closed.
 */
export const peerAddress = ({ remoteAddress = '' }: { readonly remoteAddress?: string | undefined }): string =>
  plain(remoteAddress);

/** The holder of one IPv6 address usually has its whole /64. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('%')[0]?.split('::') ?? [];
  const groups = (text: string): string[] =>
    text === '' ? [] : text.split(':').map(group => group.replace(/^0+(?=.)/, ''));
  const filled = Math.max(0, 8 - groups(head).length - groups(tail).length);
  return [...groups(head), ...Array<string>(filled).fill('0'), ...groups(tail)].slice(0, 4).join(':');
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** Parses an entry of X-Forwarded-For, with or without a port; null if it is no address. */
function addressIn(entry: string): string | null {
  const text = entry.trim();
  const [, bracketed, dotted] = /^(?:\[([0-9a-f:.]+)\]|([\d.]+))(?::\d{1,5})?$/i.exec(text) ?? [];
  const address = bracketed ?? dotted ?? text;
  return address.length <= 45 && isIP(address) !== 0 && !address.includes('%') ? plain(address.toLowerCase()) : null;
}
