import type { Clock } from '../domain/clock.ts';
import type { Events } from '../telemetry/events.ts';
import { withoutKeys } from '../telemetry/text.ts';
import { isReadOnly, type StateWord, wordOf } from './word.ts';

/** The purpose of a statement; a failed connection counts for both. */
export type Purpose = 'read' | 'write';

interface Met {
  readonly purposes: readonly Purpose[];
  readonly about: StateWord['about'];
  readonly at: number;
}

/** A fault is reported for this long after it was last met. */
const rememberedMs = 10_000;
const tellAgainMs = 60_000;

/**
 * Faults of the database's state that statements meet; they say more than whether a connection opens. Each reason is
 * logged once per minute, in the server's own words.
 */
export class FaultsMet {
  readonly #clock: Clock;
  readonly #log: Pick<Events, 'warn'>;
  /** By reason; there are only some dozens. */
  readonly #met = new Map<string, Met>();
  readonly #toldAt = new Map<string, number>();

  constructor(clock: Clock, log: Pick<Events, 'warn'>) {
    this.#clock = clock;
    this.#log = log;
  }

  note(error: unknown, purposes: readonly Purpose[]): void {
    const word = wordOf(error);
    if (word?.kind !== 'state') return;
    this.#tell(`Database: ${word.sentence}`, error);
    // Each look at the database shows this state, and its end too.
    if (isReadOnly(error)) return;
    this.#met.set(word.reason, { purposes, about: word.about, at: this.#clock.now() });
  }

  /** A fault of one table or some rows is not cleared: the statement may have used others. */
  worked(purpose: Purpose): void {
    if (this.#met.size === 0) return;
    for (const [reason, { purposes, about }] of this.#met)
      if (about === 'connection' || (about === 'server' && purposes.includes(purpose))) this.#met.delete(reason);
  }

  /** Returns the reasons that may still hold. */
  reasons(): string[] {
    const since = this.#clock.now() - rememberedMs;
    for (const [reason, { at }] of this.#met) if (at < since) this.#met.delete(reason);
    return [...this.#met.keys()];
  }

  #tell(sentence: string, error: unknown): void {
    const now = this.#clock.now();
    const toldAt = this.#toldAt.get(sentence);
    if (toldAt !== undefined && now - toldAt < tellAgainMs) return;
    this.#toldAt.set(sentence, now);
    this.#log.warn(`${sentence} (${serverWords(error)})`);
  }
}

const serverWords = (error: unknown): string => {
  // Several addresses refused: the message is empty, the errors are inside.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return withoutKeys(String(first)).slice(0, 300);
  const code = 'code' in first ? `${first.code} ` : '';
  return withoutKeys(`${code}${first.message}`).slice(0, 300);
};
