/** Host names and addresses as settings spell them. */
import { isIP, isIPv6 } from 'node:net';
import { hostNameIn } from '../domain/text/host-name.ts';
import { list, type Parser } from './values.ts';

/** An IPv6 address in the brackets of a URL is accepted too. */
export const withoutBrackets = (text: string): string => text.replace(/^\[(.*)\]$/, '$1');

const hostIn = (text: string): string | undefined => {
  const bare = withoutBrackets(text);
  return (isIPv6(bare) && !bare.includes('%')) || /^[A-Za-z0-9._-]{1,253}$/.test(text) ? bare : undefined;
};

// A URL or a port in it is a mistake.
export const host: Parser<string> = { allowed: 'a host name or an IP address, without a port', parse: hostIn };

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const hostAndPortIn = (text: string, leastPort: number): HostAndPort | undefined => {
  // An IPv6 address stands in brackets here: without them its last part would be taken for the port.
  const [, written = '', digits] = /^(\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(text) ?? [];
  const found = hostIn(written);
  const port = Number(digits);
  return found !== undefined && port >= leastPort && port <= 65_535 ? { host: found, port } : undefined;
};

export const hostAndPort: Parser<HostAndPort> = {
  allowed: 'HOST:PORT, as 10.0.0.5:8082 or [fd00::5]:8082; port 0 takes a free one',
  parse: text => hostAndPortIn(text, 0),
};

/** Of somebody who is called there; null: the port is said elsewhere. */
export const hostPerhapsPort: Parser<{ readonly host: string; readonly port: number | null }> = {
  allowed: 'HOST or HOST:PORT, as 10.0.0.5, 10.0.0.5:8082 or [fd00::5]:8082',
  parse: text => {
    const alone = hostIn(text);
    return alone === undefined ? hostAndPortIn(text, 1) : { host: alone, port: null };
  },
};

const isNetwork = (text: string): boolean => {
  const [address = '', bits, ...more] = text.split('/');
  if (more.length > 0 || isIP(address) === 0 || address.includes('%')) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv6(address) ? 128 : 32));
};
export const networks = list('IP addresses or networks such as 10.0.0.0/8', parts =>
  parts.every(isNetwork) ? parts : undefined,
);

/** Spelled as `hostNameIn` does, to compare it with hosts in headers. */
const toHostName = (text: string): string | null => {
  const bare = withoutBrackets(text);
  if (isIPv6(bare)) return hostNameIn(`[${bare}]`);
  return /^[\w.-]{1,253}$/.test(text) ? hostNameIn(text) : null;
};
export const hostNames = list('host names or IP addresses, without ports', parts => {
  const names = parts.map(toHostName).filter(name => name !== null);
  return names.length === parts.length ? names : undefined;
});
