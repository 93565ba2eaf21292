import { unavailability } from '../db/answered.ts';
import type { Clock } from '../domain/clock.ts';
import { errors, GatewayError } from '../domain/errors.ts';
import { SaidOnce } from '../domain/structures/said-once.ts';
import type { Events } from '../telemetry/events.ts';

/*
 * Rows looked up by hash: many at once with one query, few queries at a time, and each asked once
 * however many requests bring it. So a flood of wrong keys does not use up the pool's connections.
 *
 * Every event that may make a pending answer older than a change that this gateway knows of raises
 * #generation; such an answer is requested again, and finally not remembered.
 */
interface Hashed {
  readonly hash: string;
}

interface Lookup<Subject, Answer> {
  readonly subject: Subject;
  readonly answer: PromiseWithResolvers<Answer>;
  attempts: number;
}

interface Asked {
  readonly at: number;
  /** False: there may have been a change since. */
  readonly isCurrent: boolean;
}

export interface LookupParts<Subject, Row, Answer> {
  readonly find: (hashes: readonly string[]) => Promise<Row[]>;
  /** Remembers and answers, in the same tick; throws where the row is no good. */
  readonly settle: (subject: Subject, row: Row | null, asked: Asked) => Answer;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'error'>;
  readonly words: { readonly one: string; readonly many: string };
  /** Returns the number of known rows, for the log. */
  readonly known: () => number;
  readonly maxWaiting: number;
}

export const hashesPerQuery = 200;
const queriesAtOnce = 2;
const attemptsAtMost = 3;
const queryTimeoutMs = 5_000;

export class Lookups<Subject extends Hashed, Row extends Hashed, Answer> {
  readonly #parts: LookupParts<Subject, Row, Answer>;
  readonly #waiting = new Map<string, Lookup<Subject, Answer>>();
  #queue: Lookup<Subject, Answer>[] = [];
  #queriesRunning = 0;
  #generation = 0;
  readonly #said = new SaidOnce<'outage'>();

  constructor(parts: LookupParts<Subject, Row, Answer>) {
    this.#parts = parts;
  }

  /** Called after a change: running queries are repeated. */
  outdate(): void {
    this.#generation++;
  }

  /** Resolves or rejects as `settle` does; 503 if the database cannot be asked. */
  ask(subject: Subject): Promise<Answer> {
    const running = this.#waiting.get(subject.hash);
    if (running) return running.answer.promise;
    const { maxWaiting, words } = this.#parts;
    if (this.#waiting.size >= maxWaiting) {
      throw errors.unavailable(`Too many unknown ${words.one}s are being checked.`, 1);
    }
    const lookup: Lookup<Subject, Answer> = { subject, answer: Promise.withResolvers(), attempts: 0 };
    this.#waiting.set(subject.hash, lookup);
    this.#queue.push(lookup);
    this.#startQueries();
    return lookup.answer.promise;
  }

  /** Rejects when the database does, or does not answer in time. Says so once per outage. */
  async read(subjects: readonly Hashed[]): Promise<Map<string, Row>> {
    const { clock, events, find, words } = this.#parts;
    const timeout = Promise.withResolvers<never>();
    const cancel = clock.after(queryTimeoutMs, () => timeout.reject(new Error('the database did not answer in 5 s')));
    try {
      const rows = await Promise.race([find(subjects.map(({ hash }) => hash)), timeout.promise]);
      if (this.#said.isOver('outage')) events.info('Identity: the database answers again');
      return new Map(rows.map(row => [row.hash, row]));
    } catch (error) {
      if (!this.#said.has('outage')) {
        const message = `Identity: ${words.many} cannot be read; ${this.#parts.known()} known ${words.many} go on serving`;
        if (this.#said.isNews('outage', message)) events.error(message, error);
      }
      throw error;
    } finally {
      cancel();
    }
  }

  #startQueries(): void {
    while (this.#queriesRunning < queriesAtOnce && this.#queue.length > 0) {
      const batch = this.#queue.slice(0, hashesPerQuery);
      this.#queue = this.#queue.slice(hashesPerQuery);
      this.#queriesRunning++;
      void this.#answer(batch).finally(() => {
        this.#queriesRunning--;
        this.#startQueries();
      });
    }
  }

  async #answer(batch: readonly Lookup<Subject, Answer>[]): Promise<void> {
    const generation = this.#generation;
    const at = this.#parts.clock.now();
    const rows = await this.read(batch.map(({ subject }) => subject)).catch((error: unknown) => this.#refusal(error));
    for (const lookup of batch) {
      const isCurrent = generation === this.#generation;
      if (rows instanceof Map && !isCurrent && ++lookup.attempts < attemptsAtMost) {
        this.#queue.push(lookup);
        continue;
      }
      this.#waiting.delete(lookup.subject.hash);
      if (rows instanceof GatewayError) lookup.answer.reject(rows);
      else this.#settle(lookup, rows.get(lookup.subject.hash) ?? null, { at, isCurrent });
    }
  }

  #settle({ subject, answer }: Lookup<Subject, Answer>, row: Row | null, asked: Asked): void {
    try {
      answer.resolve(this.#parts.settle(subject, row, asked));
    } catch (error) {
      answer.reject(error);
    }
  }

  #refusal(error: unknown): GatewayError {
    const reason = unavailability(error) ?? 'The database does not answer as it should';
    return errors.unavailable(`${reason}, so this ${this.#parts.words.one} cannot be checked now.`, 1);
  }
}
