/** The lanes of the conductor, as they were when it was asked last, and their history. Asked only while somebody looks. */
import type { FleetSight } from '../../domain/shown/fleet.ts';
import type { LivePool } from '../../domain/shown/live.ts';
import type { Answer } from '../../fleet/messages/questions.ts';
import type { Step } from '../../observed/pool-history.ts';

/** The answer of the conductor with that ID. */
export interface LanesTold {
  readonly by: string;
  readonly answer: Answer<'lanes'>;
}

interface FarPool {
  readonly live: LivePool;
  readonly steps: readonly Step[];
}

/** As many as a pool keeps. */
const mostSteps = 60;

export class FarLanes {
  #by = '';
  #pools: readonly FarPool[] = [];
  /** False: nothing of the present is known. */
  #isKnown = false;
  #sight: FleetSight;

  constructor(sight: FleetSight) {
    this.#sight = sight;
  }

  /** Names whose steps these are; another one counts its own. */
  get era(): string {
    return this.#by;
  }

  get sight(): FleetSight {
    return this.#sight;
  }

  /** Nothing, rather than what was. */
  get pools(): readonly LivePool[] {
    return this.#isKnown ? this.#pools.map(({ live }) => live) : [];
  }

  get histories() {
    return this.#pools.map(({ live: { name }, steps }) => ({
      name,
      newestStep: newestOf(steps),
      points: (after = Number.NEGATIVE_INFINITY) =>
        steps.filter(({ number }) => number > after).map(({ point }) => point),
    }));
  }

  /** The newest step that is known of that gateway's lanes; null: none. */
  newestOf(by: string): number | null {
    const newest = Math.max(...this.#pools.map(({ steps }) => newestOf(steps)));
    return by === this.#by && Number.isFinite(newest) ? newest : null;
  }

  told({ by, answer: { items, end } }: LanesTold): void {
    const before = new Map(by === this.#by ? this.#pools.map(({ live, steps }) => [live.name, steps]) : []);
    this.#by = by;
    this.#isKnown = true;
    this.#sight = end.sight;
    this.#pools = items.map(({ live, steps }) => ({
      live,
      steps: [...(before.get(live.name) ?? []), ...steps].slice(-mostSteps),
    }));
  }

  unknown(sight: FleetSight): void {
    this.#isKnown = false;
    this.#sight = sight;
  }
}

const newestOf = (steps: readonly Step[]): number => steps.at(-1)?.number ?? Number.NEGATIVE_INFINITY;
