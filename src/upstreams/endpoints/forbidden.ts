/**
 * Addresses that no upstream may have unless the configuration allows them. A cloud's machine is told its secrets there,
 * so a provider that leads there would hand them to its clients.
 */
import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';

export class ForbiddenAddress extends Error {
  readonly code = 'FORBIDDEN_ADDRESS';

  constructor(address: string, host: string) {
    super(
      `${address === host ? `the address ${address}` : `${host} has the address ${address}, which`} is refused unless [gateway] allowed_upstream_networks has it`,
    );
  }
}

/** Link-local networks; the instance metadata of AWS, Alibaba Cloud and Azure. IPv4 also stands for `::ffff:…`. */
const refused = [
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254/128',
  '100.100.100.200/32',
  '168.63.129.16/32',
  // The same behind a NAT64 and as 6to4.
  '64:ff9b::169.254.0.0/112',
  '64:ff9b::100.100.100.200/128',
  '64:ff9b::168.63.129.16/128',
  '2002:a9fe::/32',
];
const refusedList = networkList(refused);

function networkList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const isV6 = isIPv6(address);
    list.addSubnet(address, bits === undefined ? (isV6 ? 128 : 32) : Number(bits), isV6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

export class AddressGuard {
  readonly #allowed: BlockList;
  /** For names: the addresses that may be connected to. Fails where none may. */
  readonly lookup: LookupFunction;

  constructor(allowedNetworks: readonly string[]) {
    this.#allowed = networkList(allowedNetworks);
    this.lookup = (host, options, callback) =>
      lookup(host, { ...options, all: true }, (error, addresses) => {
        if (error !== null) {
          callback(error, []);
          return;
        }
        const [first, ...others] = addresses.filter(({ address }) => this.allows(address));
        if (first === undefined) callback(new ForbiddenAddress(addresses[0]?.address ?? host, host), []);
        else if (options.all === true) callback(null, [first, ...others] satisfies LookupAddress[]);
        else callback(null, first.address, first.family);
      });
  }

  /** Takes an IP address. */
  allows(address: string): boolean {
    const bare = address.replace(/%.*$/, '');
    const family = isIPv6(bare) ? 'ipv6' : 'ipv4';
    return !refusedList.check(bare, family) || this.#allowed.check(bare, family);
  }

  /** The fault of connecting to this host; null: it is a name, or may be connected to. */
  faultOf(host: string): ForbiddenAddress | null {
    const bare = host.replace(/^\[(.*)\]$/, '$1');
    return isIP(bare) === 0 || this.allows(bare) ? null : new ForbiddenAddress(bare, bare);
  }
}
