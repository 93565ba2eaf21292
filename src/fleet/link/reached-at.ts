/** Where others reach a process that listens on every address, as far as this machine can tell. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isOfOneMachine } from './address.ts';

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * The address by which this machine reaches `towards`, which all gateways of a fleet reach: their database. Where that is
 * on this machine, the first address of a network; else 127.0.0.1.
 */
export async function reachedAt(towards: HostPort | null): Promise<string> {
  const found = towards === null ? null : await addressTowards(towards);
  if (found !== null && !isOfOneMachine(found)) return found;
  return firstAddress() ?? '127.0.0.1';
}

/** Has the system choose a route, without a packet; null: there is none. */
async function addressTowards({ host, port }: HostPort): Promise<string | null> {
  for (const type of isIPv6(host) ? (['udp6'] as const) : (['udp4', 'udp6'] as const)) {
    const socket = createSocket(type);
    try {
      const connected = once(socket, 'connect');
      socket.connect(port, host);
      await connected;
      return socket.address().address;
    } catch {
      // No route, or no address of that family.
    } finally {
      socket.close();
    }
  }
  return null;
}

function firstAddress(): string | null {
  const all = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ address, internal }) => !internal && !isOfOneMachine(address));
  const first = all.find(({ family }) => family === 'IPv4') ?? all[0];
  return first?.address ?? null;
}
