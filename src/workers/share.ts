import type { Config } from '../config/config.ts';

interface Place {
  /** From 1. */
  readonly number: number;
  /** The gateway's own. */
  readonly name: string;
  /** Of clients. */
  readonly port: number;
}

/** What one worker has of a gateway's configuration: a name and a port of its own, and its part of what is limited. */
export function shareOf(config: Config, { number, name, port }: Place): Config {
  const { gateway, cluster, log } = config;
  const part = (most: number) => Math.max(1, Math.floor((most + gateway.workers - number) / gateway.workers));
  const ownPort = (first: number) => (first === 0 ? 0 : first + number - 1);
  const { listen, advertise } = cluster;
  return {
    ...config,
    gateway: {
      ...gateway,
      name: `${name}/${number}`,
      port,
      maxConnections: part(gateway.maxConnections),
      maxConnectionsPerAddress: part(gateway.maxConnectionsPerAddress),
    },
    cluster: {
      ...cluster,
      listen: listen && { ...listen, port: ownPort(listen.port) },
      advertise: advertise && { ...advertise, port: advertise.port && ownPort(advertise.port) },
    },
    // The parent writes it.
    log: { ...log, file: null },
  };
}
