/**
 * The rows of a snapshot that can never win: searched for once, in the background, and kept as long as the snapshot.
 */
import type { Clock } from '../../domain/clock.ts';
import type { Events } from '../../telemetry/events.ts';
import { neverWins } from '../analysis/findings.ts';
import { KeyCoverage, type KnownKey } from '../analysis/key-coverage.ts';
import { NeverWins } from '../analysis/never-wins.ts';
import type { RowIndex } from '../analysis/row-index.ts';
import type { Snapshot } from '../matching/matcher.ts';
import { inSlices } from '../serving/snapshot-loader.ts';

export interface NeverWinsLookParts {
  /** Null before the first load, and where the gateway stops. */
  readonly serving: () => Snapshot | null;
  readonly indexOf: (snapshot: Snapshot) => Promise<RowIndex>;
  readonly keys: () => Promise<KnownKey[]>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'error'>;
}

interface Hidden {
  readonly rank: number;
  /** The ranks of the rows that hide it together. */
  readonly by: readonly number[];
}

/** After which the rest stays undecided. */
const lookMs = 60_000;
/** Between a look that failed and the next. */
const retryMs = 30_000;

/** The result of a search. */
export class NeverWinning {
  readonly snapshot: Snapshot;
  readonly checkedAt: Date;
  readonly #hidden: ReadonlyMap<number, Hidden>;

  constructor(snapshot: Snapshot, checkedAt: Date, hidden: ReadonlyMap<number, Hidden>) {
    this.snapshot = snapshot;
    this.checkedAt = checkedAt;
    this.#hidden = hidden;
  }

  ids(): number[] {
    return [...this.#hidden.keys()];
  }

  /** Returns lint's sentence; null: the row may win, or it is undecided. */
  of(id: number): { message: string; by: number[] } | null {
    const { ranked } = this.snapshot;
    const hidden = this.#hidden.get(id);
    const row = hidden && ranked[hidden.rank];
    if (!hidden || !row) return null;
    const { message, others } = neverWins(
      row,
      hidden.by.map(rank => ranked[rank]).filter(one => one !== undefined),
    );
    return { message, by: others.map(other => other.id) };
  }
}

export class NeverWinsLook {
  readonly #parts: NeverWinsLookParts;
  #found: NeverWinning | null = null;
  /** The snapshot being searched. */
  #looking: Snapshot | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: NeverWinsLookParts) {
    this.#parts = parts;
  }

  /** Returns what is known of the rows in effect; null: nothing yet, and a search begins. */
  known(): NeverWinning | null {
    const snapshot = this.#parts.serving();
    if (this.#found?.snapshot !== snapshot) this.#found = null;
    if (snapshot !== null && this.#found === null && this.#looking !== snapshot && this.#mayTry()) {
      void this.#begin(snapshot);
    }
    return this.#found;
  }

  #mayTry(): boolean {
    return this.#parts.clock.now() >= this.#failedAt + retryMs;
  }

  async #begin(snapshot: Snapshot): Promise<void> {
    this.#looking = snapshot;
    try {
      const hidden = await this.#look(snapshot);
      if (hidden !== null) this.#found = new NeverWinning(snapshot, this.#parts.clock.date(), hidden);
    } catch (error) {
      this.#failedAt = this.#parts.clock.now();
      this.#parts.events.error('APIKeyMapper: cannot tell which mappings never win', error);
    } finally {
      if (this.#looking === snapshot) this.#looking = null;
    }
  }

  /** Null: other rows serve meanwhile. */
  async #look(snapshot: Snapshot): Promise<Map<number, Hidden> | null> {
    const { clock, indexOf } = this.#parts;
    const index = await indexOf(snapshot);
    const keys = snapshot.ranked.some(({ pattern }) => pattern.kind === 'digest') ? await this.#parts.keys() : [];
    const coverage = await inSlices(KeyCoverage.of(keys), clock);
    return inSlices(this.#hiddenRows(snapshot, new NeverWins(index, hex => coverage.byDigest(hex))), clock);
  }

  *#hiddenRows(snapshot: Snapshot, never: NeverWins): Generator<void, Map<number, Hidden> | null> {
    const { clock, serving } = this.#parts;
    const end = clock.now() + lookMs;
    const found = new Map<number, Hidden>();
    for (const [rank, { mapping }] of snapshot.ranked.entries()) {
      if (serving() !== snapshot) return null;
      if (clock.now() > end) break;
      const verdict = yield* never.of(rank);
      if (verdict.kind === 'hidden') found.set(mapping.id, { rank, by: verdict.by });
      yield;
    }
    return found;
  }
}
