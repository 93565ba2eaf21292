/** The front door: reads who changed what and the earlier states; restores one object at a time. */
import type { Kysely } from 'kysely';
import { sought } from '../db/answered.ts';
import { type Image, isImage, type Restorer } from '../db/recorded-row.ts';
import type { RecordedObject } from '../db/recorded-tables.ts';
import type { Database, HistoryRow } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import type { WriteBy } from '../domain/stale.ts';
import type { Role } from '../domain/vocabulary.ts';
import type { Events } from '../telemetry/events.ts';
import { type HistoryFilter, HistoryStore } from './history-store.ts';

interface HistoryParts {
  /** PostgreSQL with the table of the history. */
  readonly db: Kysely<Database>;
  /** Of each object that is recorded, from the feature that it belongs to. */
  readonly restorers: Readonly<Record<RecordedObject, Restorer>>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'warn'>;
}

/** The retention: the newest entries, and of these the recent ones or the very newest. */
const kept = { mostEntries: 200_000, leastEntries: 10_000, days: 90 };
const pruneEveryMs = 3_600_000;

export class History {
  readonly #parts: HistoryParts;
  readonly #store: HistoryStore;
  #isStopped = false;
  #cancelPruning = () => {};
  #pruning: Promise<void> = Promise.resolve();

  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#store = new HistoryStore(parts.db);
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
    const { history, total } = await sought(this.#store.list(filter), { history: [], total: 0 });
    return { history: history.map(shown), total };
  }

  /** Answers the entry of the restoring; null where the object was in that state already. */
  async restore(
    id: number,
    by: WriteBy & { readonly role?: Role | null },
  ): Promise<{ of: HistoryRow; entry: HistoryRow | null }> {
    const of = await this.#store.find(id);
    if (of === null) throw errors.notFound(`There is no entry ${id} in the history.`);
    const restorer = this.#restorerOf(of.object);
    if (restorer.isForRoot === true && by.role !== 'root_admin')
      throw errors.forbidden(`Only a root admin may restore a ${of.object}.`);
    const isChanged = await this.#store.restore(of, restorer, by);
    if (!isChanged) return { of: shown(of), entry: null };
    await restorer.serve();
    const entry = await this.#store.findRestoring(of);
    return { of: shown(of), entry: entry && shown(entry) };
  }

  /** A newer gateway may have recorded what this one does not know. */
  #restorerOf(object: string): Restorer {
    const restorers: Readonly<Record<string, Restorer>> = this.#parts.restorers;
    const restorer = Object.hasOwn(restorers, object) ? restorers[object] : undefined;
    if (restorer === undefined) throw errors.conflict(`This gateway does not know what a ${object} is.`);
    return restorer;
  }

  async #prune(): Promise<void> {
    try {
      await this.#store.prune(kept);
    } catch (error) {
      if (!this.#isStopped) this.#parts.events.warn(`Cannot delete old entries of the history: ${textOf(error)}`);
    }
    if (!this.#isStopped) this.#cancelPruning = this.#parts.clock.after(pruneEveryMs, () => this.start());
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The moments in its images have the format of every other answer. */
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

/** A text that is no moment, or none that an ISO text can express, stays unchanged. */
const utc = (text: string): string => {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? text : new Date(ms).toISOString();
};
