/**
 * What does a fleet cost, and is it one: shares and latencies behind several gateways against one, the way of a ticket to the
 * conductor and back, a lone gateway in a fleet of its own, the death of a conductor, two workers against one?
 *
 *   npm run bench -- fleet [--only CASE,…] [seeds=2] [seconds=18] [rounds=12] [kills=20]     seeds and seconds of `saturation`; all cases take 15 minutes
 */
import { runKills } from './fleet/kills.ts';
import { runLayouts } from './fleet/layouts.ts';
import { runLeases } from './fleet/leases.ts';
import { runLone } from './fleet/lone.ts';
import { runSaturation } from './fleet/saturation.ts';
import { runTickets } from './fleet/tickets.ts';
import { runWorkers } from './fleet/workers.ts';
import { type Row, runCases } from './support/report.ts';

interface Options {
  readonly seeds?: number;
  readonly seconds?: number;
  readonly kills?: number;
  readonly rounds?: number;
}

const byName = {
  layouts: () => runLayouts(10),
  saturation: ({ seeds = 2, seconds = 18 }: Options) => runSaturation({ seeds, seconds }),
  tickets: () => runTickets(),
  lone: ({ rounds = 12 }: Options) => runLone(rounds),
  kills: ({ kills = 20 }: Options) => runKills(kills),
  workers: ({ rounds = 8 }: Options) => runWorkers(rounds),
  leases: async () => runLeases(),
} satisfies Record<string, (options: Options) => Promise<Row[]>>;

type Name = keyof typeof byName;
export const cases = Object.keys(byName) as Name[];

export const run = (options: Options, only: readonly Name[]): Promise<void> => runCases(byName, options, only);
