/** Answers of queueing theory, by formula and by the scheduler. */
import { type Check, sameAnswer, within } from './check.ts';
import { cobham, erlangB, type StrictCase, simulateLoss, simulateStrict } from './queueing.ts';

interface Expected extends StrictCase {
  readonly waitSec: readonly number[];
}

const strictCases: readonly Expected[] = [
  { seats: 1, meanSec: 1, loads: [0.3, 0.3], waitSec: [0.857, 2.143] },
  { seats: 20, meanSec: 60, loads: [0.1, 0.3, 0.5], waitSec: [1.836, 3.06, 27.54] },
  { seats: 20, meanSec: 60, loads: [0.05, 0.45, 0.45], waitSec: [2.385, 4.771, 90.65] },
];

export interface StrictRun {
  readonly arrivals: number;
  readonly seed: number;
  /** The random error of so few arrivals; it grows with the load. */
  readonly share: number;
}

export const cobhamChecks = ({ arrivals, seed, share }: StrictRun): Check[] =>
  strictCases.flatMap(({ waitSec, ...strict }) => {
    const what = `M/M/${strict.seats}, load ${strict.loads.join(' + ')}: seconds waited`;
    const ours = simulateStrict(strict, arrivals, seed).waitSec;
    return [
      within(0.001, { what: `${what}, formula`, published: waitSec, ours: cobham(strict), digits: 3 }),
      within(share, { what: `${what}, run`, published: waitSec, ours, digits: 3 }),
    ];
  });

/** The seats for a level's own load, and how often all are taken, as in the page on sizing reserves. */
const reserves = [
  { seats: 2, load: 1, answer: '20 %' },
  { seats: 3, load: 1, answer: '6.3 %' },
  { seats: 4, load: 1, answer: '1.5 %' },
  { seats: 5, load: 1, answer: '0.3 %' },
  { seats: 8, load: 4, answer: '3 %' },
  { seats: 10, load: 4, answer: '0.5 %' },
  { seats: 12, load: 4, answer: '0.06 %' },
];

export const erlangChecks = (): Check[] =>
  reserves.map(({ seats, load, answer }) => {
    const blocked = erlangB(seats, load);
    const digits = answer.includes('.0') ? 2 : 1;
    const ours = `${Number((blocked * 100).toFixed(digits))} %`;
    return sameAnswer(`Erlang B, load ${load}, ${seats} seats: all taken, formula`, answer, ours);
  });

/** The same for a pool without a queue. */
export const lossChecks = ({ arrivals, seed, share }: StrictRun): Check[] =>
  reserves
    .filter(({ seats, load }) => erlangB(seats, load) > 0.01)
    .map(({ seats, load }) => {
      const what = `Erlang B, load ${load}, ${seats} seats: refused, run, %`;
      const ours = [100 * simulateLoss(seats, load, arrivals, seed)];
      return within(share, { what, published: [100 * erlangB(seats, load)], ours, digits: 2 });
    });
