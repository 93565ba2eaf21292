/** Who changed what, and how it was before; one object at a time is put back. */
import { sought } from '../db/answered.ts';
import type { HistoryRow, RecordedObject } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import type { Events } from '../telemetry/events.ts';
import type { HistoryFilter, HistoryStore } from './history-store.ts';
import { type Image, isImage, type RestoreChecks } from './restore-checks.ts';
import type { WriteBy } from './rows/stale.ts';

export interface HistoryParts {
  readonly store: Pick<HistoryStore, keyof HistoryStore>;
  readonly checkPool: RestoreChecks['checkPool'];
  /** Resolves when what was restored serves here. */
  readonly serve: (object: RecordedObject) => Promise<unknown>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'warn'>;
}

/** What is kept: the newest entries, and of these what is young or among the very newest. */
const kept = { mostEntries: 200_000, leastEntries: 10_000, days: 90 };
const pruneEveryMs = 3_600_000;

export class History {
  readonly #parts: HistoryParts;
  #isStopped = false;
  #cancelPruning = () => {};
  #pruning: Promise<void> = Promise.resolve();

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  /** From now on old entries go, once an hour. */
  start(): void {
    this.#pruning = this.#prune();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelPruning();
    await this.#pruning;
  }

  async list(filter: HistoryFilter): Promise<{ history: HistoryRow[]; total: number }> {
    const { history, total } = await sought(this.#parts.store.list(filter), { history: [], total: 0 });
    return { history: history.map(shown), total };
  }

  /** Answers the entry of the restoring; null where the object was in that state already. */
  async restore(id: number, by: WriteBy): Promise<{ of: HistoryRow; entry: HistoryRow | null }> {
    const { store, checkPool, serve, clock } = this.#parts;
    const of = await store.find(id);
    if (of === null) throw errors.notFound(`There is no entry ${id} in the history.`);
    const isChanged = await store.restore(of, by, { checkPool, now: clock.date().getTime() });
    if (!isChanged) return { of: shown(of), entry: null };
    await serve(of.object as RecordedObject);
    const entry = await store.findRestoring(of);
    return { of: shown(of), entry: entry && shown(entry) };
  }

  async #prune(): Promise<void> {
    try {
      await this.#parts.store.prune(kept);
    } catch (error) {
      if (!this.#isStopped) this.#parts.events.warn(`Cannot delete old entries of the history: ${textOf(error)}`);
    }
    if (!this.#isStopped) this.#cancelPruning = this.#parts.clock.after(pruneEveryMs, () => this.start());
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The moments of its images are told as those of every other answer. */
const shown = (entry: HistoryRow): HistoryRow => ({
  ...entry,
  before: entry.before && withMoments(entry.before),
  after: entry.after && withMoments(entry.after),
});

/** Hands may have written any JSON where an image should be; what is none is shown as it is. */
const withMoments = (image: Image): Image =>
  isImage(image)
    ? Object.fromEntries(
        Object.entries(image).map(([name, value]) => [name, isMoment(name, value) ? utc(value) : value]),
      )
    : image;

const isMoment = (name: string, value: unknown): value is string =>
  /^(until|.*_at)$/.test(name) && typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value);

/** What is no moment, or none that an ISO text can say, stays as it was written. */
const utc = (text: string): string => {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? text : new Date(ms).toISOString();
};
