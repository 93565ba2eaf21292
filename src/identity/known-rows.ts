import { FreshRows } from '../db/fresh-rows.ts';
import type { Clock } from '../domain/clock.ts';
import { hashesPerQuery, type LookupParts, Lookups } from './lookups.ts';

/*
 * Rows that requests have asked for, in memory: one that is known costs a Map.get. Holds only what the database has
 * confirmed.
 *
 *   ask       a row that is not known is looked up (lookups.ts)
 *   refresh   something has changed: all that are known are read again, 200 with each query
 *   use       the same once the TTL is over or reading has failed, at most once a second
 *   forget    at once, and what the database said before is not remembered
 *
 * A change that is heard of outdates every answer that is on its way, so none of them brings back what is gone.
 */
export interface KnownRow {
  readonly hash: string;
  /** The time of the query that the database last confirmed, by `clock.now()`. */
  readonly confirmedAt: number;
}

export interface Freshness {
  readonly cacheTtlMs: number;
  /** The longest use of a row that the database has not confirmed since. */
  readonly staleMaxMs: number;
}

interface KnownRowsParts<Subject, Row, Known, Answer>
  extends Pick<LookupParts<Subject, Row, Answer>, 'find' | 'events' | 'words'>,
    Freshness {
  readonly clock: Clock;
  readonly atMost: { readonly known: number; readonly waiting: number };
  /** Answers a look-up, or throws; `askedAt` null: the row may be out of date, and is not to be remembered. */
  readonly settle: (subject: Subject, row: Row | null, askedAt: number | null) => Answer;
  /** Returns what is known of a row that was read again; null: it is no longer valid. */
  readonly confirm: (known: Known, row: Row | null, askedAt: number) => Known | null;
}

export class KnownRows<
  Subject extends { readonly hash: string },
  Row extends { readonly hash: string },
  Known extends KnownRow,
  Answer,
> {
  readonly #parts: KnownRowsParts<Subject, Row, Known, Answer>;
  readonly #known = new Map<string, Known>();
  readonly #lookups: Lookups<Subject, Row, Answer>;
  readonly #fresh: FreshRows<void>;

  constructor(parts: KnownRowsParts<Subject, Row, Known, Answer>) {
    this.#parts = parts;
    const { settle, atMost, clock, cacheTtlMs, staleMaxMs } = parts;
    this.#lookups = new Lookups({
      ...parts,
      settle: (subject, row, { at, isCurrent }) => settle(subject, row, isCurrent ? at : null),
      known: () => this.#known.size,
      maxWaiting: atMost.waiting,
    });
    this.#fresh = new FreshRows({
      load: () => this.#confirmAll(),
      // Told where it is met, in `read`.
      onFailure: () => {},
      retriedBy: 'use',
      ttlMs: () => Math.min(cacheTtlMs, staleMaxMs),
      clock,
    });
    // Nothing is known yet, so this asks for nothing: the TTL begins.
    this.#fresh.changed();
  }

  /** By the text under which it was remembered. */
  get(id: string): Known | undefined {
    return this.#known.get(id);
  }

  values(): Iterable<Known> {
    return this.#known.values();
  }

  /** On the request path: has all read again where they are overdue, and says if this one may no longer be used. */
  isTooStale({ confirmedAt }: Known): boolean {
    if (!this.#fresh.isOverdue) return false;
    this.#fresh.use();
    const { clock, staleMaxMs } = this.#parts;
    return clock.now() - confirmedAt > staleMaxMs;
  }

  /** Resolves or rejects as `settle` does; 503 if the database cannot be asked. */
  ask(subject: Subject): Promise<Answer> {
    return this.#lookups.ask(subject);
  }

  remember(id: string, known: Known): void {
    this.#known.delete(id);
    makeRoom(this.#known, this.#parts.atMost.known);
    this.#known.set(id, known);
  }

  drop(id: string): void {
    this.#known.delete(id);
  }

  /** What the database answers to questions that were sent before this is not remembered. */
  outdate(): void {
    this.#lookups.outdate();
  }

  forget(isMeant: (known: Known) => boolean): void {
    this.outdate();
    for (const [id, known] of this.#known) if (isMeant(known)) this.#known.delete(id);
  }

  /** Rows have changed somewhere. Resolves when all that are known were read again, or could not be. */
  async refresh(): Promise<void> {
    this.outdate();
    await this.#fresh.reload().catch(() => {});
  }

  stop(): Promise<void> {
    return this.#fresh.stop();
  }

  async #confirmAll(): Promise<void> {
    const known = [...this.#known];
    for (let start = 0; start < known.length; start += hashesPerQuery)
      await this.#confirm(known.slice(start, start + hashesPerQuery));
  }

  async #confirm(some: readonly (readonly [string, Known])[]): Promise<void> {
    const askedAt = this.#parts.clock.now();
    const rows = await this.#lookups.read(some.map(([, known]) => known));
    for (const [id, known] of some) {
      // Forgotten meanwhile, and perhaps known anew from a later answer.
      if (this.#known.get(id) !== known) continue;
      const confirmed = this.#parts.confirm(known, rows.get(known.hash) ?? null, askedAt);
      if (confirmed === null) this.#known.delete(id);
      else this.#known.set(id, confirmed);
    }
  }
}

/** Drops the oldest where the map is full: it is only ever a matter of asking the database once more. */
export function makeRoom(map: Map<string, unknown>, limit: number): void {
  if (map.size < limit) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
