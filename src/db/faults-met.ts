import type { Clock } from '../domain/clock.ts';
import type { Events } from '../telemetry/events.ts';
import { withoutKeys } from '../telemetry/text.ts';
import { isReadOnly, type StateWord, wordOf } from './word.ts';

/** What a statement is for; whoever could not connect has met it for both. */
export type Purpose = 'read' | 'write';

interface Met {
  readonly purposes: readonly Purpose[];
  readonly about: StateWord['about'];
  readonly at: number;
}

/** Whoever asks what is wrong is told of it for so long after it was met last. */
const rememberedMs = 10_000;
const tellAgainMs = 60_000;

/**
 * What statements meet of the state of the database, which says more than whether a connection opens: the log has
 * it once per reason and minute, with the server's own words.
 */
export class FaultsMet {
  readonly #clock: Clock;
  readonly #log: Pick<Events, 'warn'>;
  /** By reason: of those there are some dozens. */
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
    // Seen by each look at the database, and its end as well.
    if (isReadOnly(error)) return;
    this.#met.set(word.reason, { purposes, about: word.about, at: this.#clock.now() });
  }

  /** Of a table or some rows that tells nothing: another statement is about others. */
  worked(purpose: Purpose): void {
    if (this.#met.size === 0) return;
    for (const [reason, { purposes, about }] of this.#met)
      if (about === 'connection' || (about === 'server' && purposes.includes(purpose))) this.#met.delete(reason);
  }

  /** Those that may still hold. */
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
