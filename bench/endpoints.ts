/**
 * What do several endpoints give: how evenly is a load spread over them, what do clients see of one that dies and comes
 * back, and what does a dead first target of a route cost?
 *
 *   npm run bench -- endpoints [--only spread,failover,dead] [seconds=5] [rounds=3]     seconds of `spread`, rounds of `failover`; all takes 8 minutes
 */
import { runDeadTarget } from './endpoints/dead-target.ts';
import { runFailover } from './endpoints/failover.ts';
import { runSpread } from './endpoints/spread.ts';
import { type Row, runCases } from './support/report.ts';

interface Options {
  readonly seconds?: number;
  readonly rounds?: number;
}

const byName = {
  spread: ({ seconds = 5 }: Options) => runSpread(seconds),
  failover: ({ rounds = 3 }: Options) => runFailover(rounds),
  dead: () => runDeadTarget(),
} satisfies Record<string, (options: Options) => Promise<Row[]>>;

type Name = keyof typeof byName;
export const cases = Object.keys(byName) as Name[];

export const run = (options: Options, only: readonly Name[]): Promise<void> => runCases(byName, options, only);
