import { Resolver } from 'node:dns/promises';
import type { TestContext } from 'node:test';
import dns2 from 'dns2';

interface NameServer {
  /** Asks this server, as the gateway asks the system. */
  readonly lookup: (name: string) => Promise<readonly string[]>;
  /** The names it was asked for, in order. */
  readonly asked: readonly string[];
  /** From now on the names have these IPv4 addresses; null: it answers SERVFAIL. */
  answer(addresses: readonly string[] | null): void;
}

/** Starts a real DNS server on loopback, and the means to ask it. */
export async function startNameServer(t: TestContext, first: readonly string[] | null): Promise<NameServer> {
  let addresses = first;
  const asked: string[] = [];
  const server = dns2.createServer({
    udp: true,
    handle: (request, send) => {
      const response = dns2.Packet.createResponseFromRequest(request);
      const [{ name } = { name: '' }] = request.questions;
      asked.push(name);
      const { A } = dns2.Packet.TYPE;
      const record = { name, type: A, class: dns2.Packet.CLASS.IN, ttl: 1 };
      for (const address of addresses ?? [])
        response.answers.push(Object.assign(new dns2.Packet.Resource(), { ...record, address }));
      if (addresses === null) response.header.rcode = dns2.Packet.RCODE.SERVFAIL;
      void send(response);
    },
  });
  const { udp } = await server.listen({ udp: { port: 0, address: '127.0.0.1' } });
  t.after(() => server.close());
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${udp?.port}`]);
  return {
    lookup: name => resolver.resolve4(name),
    asked,
    answer(next) {
      addresses = next;
    },
  };
}
