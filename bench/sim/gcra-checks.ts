/**
 * The test sequence of redis-cell: a limit of 5 that refills by 1/s, counted by the rate limiter of pools and tenants.
 */
import { Gcra } from '../../src/scheduler/capacity/rate.ts';
import { type Check, sameAnswer } from './check.ts';

const limit = 5;

interface Answer {
  readonly isLimited: boolean;
  /** How many more requests could start now. */
  readonly remaining: number;
  /** Until all five could start. */
  readonly resetSec: number;
  /** Until the limited request could start; Infinity: never. */
  readonly retrySec: number;
}

interface Step {
  readonly atSec: number;
  readonly take: number;
  readonly answer: string;
  readonly shown: (answer: Answer) => string;
}

const remaining = (answer: Answer) => `${answer.isLimited ? 'limited, ' : ''}${answer.remaining} left`;
const remainingAndReset = (answer: Answer) => `${remaining(answer)}, full in ${answer.resetSec} s`;
const retry = ({ isLimited, retrySec }: Answer) =>
  `${isLimited ? 'limited' : 'taken'}, ${Number.isFinite(retrySec) ? `retry in ${retrySec} s` : 'for good'}`;

const steps: readonly Step[] = [
  ...[4, 3, 2, 1, 0].map((left, taken) => ({
    atSec: 0,
    take: 1,
    answer: `${left} left, full in ${taken + 1} s`,
    shown: remainingAndReset,
  })),
  { atSec: 0, take: 1, answer: 'limited, retry in 1 s', shown: retry },
  { atSec: 3, take: 1, answer: '2 left', shown: remaining },
  { atSec: 3.1, take: 1, answer: '1 left, full in 3.9 s', shown: remainingAndReset },
  { atSec: 4, take: 1, answer: '1 left', shown: remaining },
  { atSec: 8, take: 1, answer: '4 left', shown: remaining },
  { atSec: 9.5, take: 1, answer: '4 left', shown: remaining },
  { atSec: 9.5, take: 0, answer: '4 left', shown: remaining },
  { atSec: 9.5, take: 2, answer: '2 left', shown: remaining },
  { atSec: 9.5, take: 5, answer: 'limited, retry in 3 s', shown: retry },
  { atSec: 9.5, take: 6, answer: 'limited, for good', shown: retry },
];

export function gcraChecks(): Check[] {
  const gcra = new Gcra(1, limit);
  return steps.map(({ atSec, take, answer, shown }) =>
    sameAnswer(`at ${atSec} s, take ${take}`, answer, shown(taken(gcra, take, atSec * 1000))),
  );
}

function taken(gcra: Gcra, quantity: number, nowMs: number): Answer {
  const waitMs = gcra.waitFor(quantity, nowMs);
  if (waitMs === 0) gcra.take(quantity, nowMs);
  const startable = Array.from({ length: limit }, (_, index) => index + 1).filter(
    each => gcra.waitFor(each, nowMs) === 0,
  );
  return {
    isLimited: waitMs > 0,
    remaining: startable.length,
    resetSec: seconds(gcra.waitFor(limit, nowMs)),
    retrySec: seconds(waitMs),
  };
}

const seconds = (ms: number): number => Math.round(ms) / 1000;
