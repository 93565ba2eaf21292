import type { PrioritySettings } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import type { Finding } from '../../domain/shown/finding.ts';
import { singleFlight } from '../../domain/structures/single-flight.ts';
import type { Identity } from '../../domain/vocabulary.ts';
import type { Events } from '../../telemetry/events.ts';
import { type Explanation, explain, type Question } from '../analysis/explain.ts';
import { externalMayRaise } from '../analysis/external-may-raise.ts';
import type { KnownKey } from '../analysis/key-coverage.ts';
import { type Linted, lint, lintRow } from '../analysis/lint.ts';
import { RowIndex } from '../analysis/row-index.ts';
import { type CompiledRow, compileRows, effectiveOf, type MappingSource, type Snapshot } from '../matching/matcher.ts';
import { byId, inSlices, type Loaded } from '../serving/snapshot-loader.ts';
import { type NeverWinning, NeverWinsLook } from './never-wins-look.ts';

/** All enabled rows, and what is compiled of them. */
export interface RowsTogether {
  readonly rows: readonly CompiledRow[];
  readonly snapshot: Snapshot;
}

export interface InspectorParts {
  readonly events: Pick<Events, 'error'>;
  readonly serving: () => Loaded | null;
  readonly settings: () => PrioritySettings;
  readonly readDisabled: () => Promise<MappingSource[]>;
  readonly keys: {
    /** Null where the key is no good. */
    ownerOf(key: string): Promise<Identity | null>;
    /** All keys that are good, page by page. */
    knownKeys(): AsyncIterable<readonly KnownKey[]>;
  };
  readonly clock: Clock;
}

/** After which the rest of a lint stays undecided. */
const lintMs = 20_000;
/** A write waits for its warnings, so they may take only this long. */
const warningsMs = 15;
/** A few rows are gone through however slow the machine is. */
const warningsSteps = 50;
const keysForWarnings = 1_000;

/**
 * Answers operators' questions about the mappings in effect. Works in slices between requests and remembers no key of a
 * question.
 */
export class Inspector {
  readonly #parts: InspectorParts;
  /** The index of a snapshot, kept as long as the snapshot is. */
  readonly #indexes = new WeakMap<Snapshot, Promise<RowIndex>>();
  readonly #look: NeverWinsLook;
  /** Rows that are switched off, as they were compiled last. */
  #disabled: ReadonlyMap<number, CompiledRow> = new Map();
  #isStopped = false;
  /** One at a time: calls during a run share the next one. */
  readonly lint: () => Promise<Linted>;

  constructor(parts: InspectorParts) {
    this.#parts = parts;
    this.lint = singleFlight(() => this.#lint());
    const { clock, events, serving } = parts;
    this.#look = new NeverWinsLook({
      clock,
      events,
      serving: () => (this.#isStopped ? null : (serving()?.compiled.snapshot ?? null)),
      indexOf: snapshot => this.#indexOf(snapshot),
      keys: async () => (await this.#keys(Number.POSITIVE_INFINITY)).keys,
    });
  }

  /** Aborts background searches. */
  stop(): void {
    this.#isStopped = true;
  }

  /** The rows that never win, of those that serve; null: not known yet, but looked for from now on. */
  neverWinning(): NeverWinning | null {
    return this.#look.known();
  }

  /** Returns lint's findings about a row that was just written. Never rejects, because the row is stored. */
  async warningsFor(id: number): Promise<Finding[]> {
    try {
      const { rows, compiled } = this.#serving();
      return await this.warningsAmong(id, { rows, snapshot: compiled.snapshot });
    } catch (error) {
      this.#parts.events.error(`APIKeyMapper: cannot tell the warnings of mapping ${id}`, error);
      return [];
    }
  }

  /** Returns lint's findings about a row if these rows were in effect. */
  async warningsAmong(id: number, { rows, snapshot }: RowsTogether): Promise<Finding[]> {
    const { clock } = this.#parts;
    const { keys, areAll } = await this.#keys(keysForWarnings);
    const index = await this.#indexOf(snapshot);
    const isOver = deadline(clock, warningsMs, warningsSteps);
    return inSlices(lintRow(id, { rows, index, keys, areKeysAll: areAll, isOver }), clock);
  }

  #indexOf(snapshot: Snapshot): Promise<RowIndex> {
    const known = this.#indexes.get(snapshot);
    if (known) return known;
    const index = inSlices(RowIndex.of(snapshot.ranked), this.#parts.clock);
    this.#indexes.set(snapshot, index);
    return index;
  }

  async #lint(): Promise<Linted> {
    const { clock, settings } = this.#parts;
    const { keys } = await this.#keys(Number.POSITIVE_INFINITY);
    const { rows, compiled } = this.#serving();
    const index = await this.#indexOf(compiled.snapshot);
    const raising = externalMayRaise(settings(), compiled.snapshot);
    return inSlices(lint({ rows, index, keys, raising, isOver: deadline(clock, lintMs) }), clock);
  }

  async #keys(most: number): Promise<{ keys: KnownKey[]; areAll: boolean }> {
    const keys: KnownKey[] = [];
    for await (const page of this.#parts.keys.knownKeys()) {
      keys.push(...page);
      if (keys.length > most) return { keys, areAll: false };
    }
    return { keys, areAll: true };
  }

  async explain(question: Question): Promise<Explanation> {
    const { settings, readDisabled, keys, clock } = this.#parts;
    const [off, owner] = await Promise.all([readDisabled(), question.isWhole ? keys.ownerOf(question.key) : null]);
    const disabled = await inSlices(compileRows(off, this.#disabled), clock);
    this.#disabled = await inSlices(byId(disabled), clock);
    const { rows, rowById, compiled } = this.#serving();
    const now = clock.date().getTime();
    const situation = {
      ranked: compiled.snapshot.ranked,
      faulty: rows.filter(({ fault }) => fault !== null),
      disabled,
      settings: settings(),
      sourceOf: (id: number) => {
        const row = rowById.get(id);
        return (row && effectiveOf(row, now)?.source) ?? 'row';
      },
      owner,
    };
    return inSlices(explain(question, situation), clock);
  }

  #serving(): Loaded {
    const loaded = this.#parts.serving();
    if (loaded === null) throw errors.unavailable('The mappings have not been read yet.', 1);
    return loaded;
  }
}

/** It is over after this time, and not before it was asked so many times. */
function deadline(clock: Clock, ms: number, least = 0): (share: number) => boolean {
  const began = clock.now();
  let asked = 0;
  return share => ++asked > least && clock.now() - began >= share * ms;
}
