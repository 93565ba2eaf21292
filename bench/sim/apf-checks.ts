/**
 * The known answers of Kubernetes' API Priority and Fairness: the average number of running requests of each client.
 */

import { perLevel } from '../../test/support/pool-settings.ts';
import { type Check, exactly, within } from './check.ts';
import { allocationCase, type ClosedLoopCase, maxMinAllocation, runClosedLoop } from './closed-loop.ts';

const allocations = [
  { demands: [3, 7, 9, 1], seats: 14, answer: [3, 5, 5, 1] },
  { demands: [1, 47], seats: 42, answer: [1, 41] },
  { demands: [47, 0], seats: 42, answer: [42, 0] },
] as const;

/** Water-filling by formula, and by clients that keep that many requests outstanding. */
export const allocationChecks = (): Check[] =>
  allocations.flatMap(({ demands, seats, answer }) => {
    const what = `[${demands.join(', ')}] of ${seats} seats`;
    const { concurrency } = runClosedLoop(allocationCase(demands, seats));
    return [
      exactly({ what: `${what}: water-filling`, published: answer, ours: maxMinAllocation(demands, seats) }),
      within(0.01, { what: `${what}: running`, published: answer, ours: concurrency, digits: 2 }),
    ];
  });

const scripted: readonly {
  readonly what: string;
  readonly answer: readonly number[];
  readonly loop: ClosedLoopCase;
}[] = [
  {
    what: '4 seats, 8 × (1 s, think 1 s) and 7 × (1 s, think 0.5 s), 40 s',
    answer: [2, 2],
    loop: {
      pool: { seats: 4 },
      groups: [
        { flowId: 'one', threads: 8, runMs: 1000, thinkMs: 1000 },
        { flowId: 'two', threads: 7, runMs: 1000, thinkMs: 500 },
      ],
      untilMs: 40_000,
    },
  },
  {
    what: '3 seats, 4 × and 2 × (1 s, think 1 s), 20 s',
    answer: [2, 1],
    loop: {
      pool: { seats: 3 },
      groups: [
        { flowId: 'one', threads: 4, runMs: 1000, thinkMs: 1000 },
        { flowId: 'two', threads: 2, runMs: 1000, thinkMs: 1000 },
      ],
      untilMs: 20_000,
    },
  },
];

export const scriptedChecks = (): Check[] =>
  scripted.map(({ what, answer, loop }) =>
    within(0.01, { what, published: answer, ours: runClosedLoop(loop).concurrency, digits: 2 }),
  );

/** Two levels with 12 of 24 seats each: one asks for 24, the other for 6. */
const borrowing = (pool: { reserved?: readonly number[]; cap?: readonly number[] }): ClosedLoopCase => ({
  pool: { seats: 24, ...pool },
  groups: [
    { flowId: 'many', level: 0, threads: 24, runMs: 250, thinkMs: 0 },
    { flowId: 'few', level: 1, threads: 6, runMs: 250, thinkMs: 0 },
  ],
  untilMs: 60_000,
});

const borrowingCases = {
  'lending limited: 8 seats reserved for P1': borrowing({ reserved: perLevel(0, { 1: 8 }) }),
  'borrowing limited: P0 capped at 16 seats': borrowing({ cap: perLevel(Number.POSITIVE_INFINITY, { 0: 16 }) }),
};

/** Published as 15.5 … 16.1 and 5.5 … 6.1, the range that its test allows; the cap is never exceeded here. */
export const borrowingChecks = (): Check[] =>
  Object.entries(borrowingCases).map(([what, loop]) =>
    within(0.01, { what, published: [16, 6], ours: runClosedLoop(loop).concurrency, digits: 2 }),
  );

/**
 * A top level keeps some of the seats (SMG's priority slots): returns how many each gets when the bottom takes all it
 * can.
 */
function slots(seats: number, reserved: number): { bottom: number; top: number; bottomAgain: number } {
  const pool = { seats, policy: 'strict', reserved: perLevel(0, { 0: reserved }) } as const;
  const bottom = { flowId: 'bottom', level: 9, threads: seats, runMs: 1e9, thinkMs: 0 } as const;
  const top = { flowId: 'top', level: 0, threads: reserved, runMs: 1e9, thinkMs: 0 } as const;
  const run = (...groups: ClosedLoopCase['groups']) => runClosedLoop({ pool, groups, untilMs: 1000 }).concurrency;
  const [alone = 0] = run(bottom);
  const [first = 0, second = 0] = run(bottom, top);
  return { bottom: alone, top: second, bottomAgain: first };
}

export const slotChecks = (): Check[] => {
  const large = slots(128, 32);
  const small = slots(4, 2);
  return [
    exactly({ what: '128 seats, 32 reserved: bottom alone', published: [96], ours: [large.bottom] }),
    exactly({ what: '128 seats, 32 reserved: bottom, top', published: [96, 32], ours: [large.bottomAgain, large.top] }),
    exactly({ what: '4 seats, 2 reserved: bottom alone', published: [2], ours: [small.bottom] }),
    exactly({ what: '4 seats, 2 reserved: bottom, top', published: [2, 2], ours: [small.bottomAgain, small.top] }),
  ];
};
