/** Whole gateways that share a database, each a process of its own. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Admin, adminOf, type BenchDatabase, startGatewayProcess } from './gateway-process.ts';
import type { MeasuredProcess } from './measured-process.ts';

export interface BenchFleet extends Admin {
  readonly gateways: readonly MeasuredProcess[];
  /** The first one conducts. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

export interface BenchFleetOptions {
  readonly database: BenchDatabase;
  readonly name: string;
  readonly count: number;
  /** Providers and pools, as in the ini file. */
  readonly sections: string;
}

export const inFleet = (name: string): string => `
[cluster]
enabled = true
fleet = ${name}`;

/** Resolves once all of them know each other. */
export async function startBenchFleet({ database, name, count, sections }: BenchFleetOptions): Promise<BenchFleet> {
  const gateways: MeasuredProcess[] = [];
  for (let at = 0; at < count; at++) {
    gateways.push(await startGatewayProcess(database, `${inFleet(name)}\n${sections}`));
    await untilMembers(gateways);
  }
  const urls = gateways.map(({ url }) => url);
  return {
    gateways,
    urls,
    ...adminOf(() => urls[0] ?? ''),
    async stop() {
      for (const gateway of gateways.toReversed()) await gateway.stop();
    },
  };
}

async function untilMembers(gateways: readonly MeasuredProcess[]): Promise<void> {
  for (;;) {
    const shown = await Promise.all(gateways.map(({ url }) => adminOf(() => url).admin('GET', '/admin/fleet')));
    const fleets = shown as unknown as readonly Shown[];
    // A gateway names itself first.
    const first = fleets[0]?.members[0]?.member_id;
    if (fleets.every(({ conductor, members }) => conductor === first && members.length === gateways.length)) return;
    await pause(20);
  }
}

interface Shown {
  readonly conductor: string | null;
  readonly members: readonly { readonly member_id: string }[];
}
