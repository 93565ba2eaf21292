/** The questions of this gateway to others that are not answered yet. */
import type { Clock } from '../../domain/clock.ts';
import type { Downward, Upward } from '../../fleet/messages/messages.ts';
import {
  type About,
  type Answer,
  type End,
  type Item,
  type Question,
  readEnd,
  readItem,
} from '../../fleet/messages/questions.ts';

export type AskWord = Extract<Upward, { t: 'ask' }>;
export type AnswerWord = Extract<Upward | Downward, { t: 'answer' }>;

/** Whom a question goes to, and how. */
export interface Asked {
  readonly id: string;
  /** False: nobody hears it. */
  readonly say: (message: AskWord) => boolean;
  readonly withinMs: number;
}

interface Open {
  readonly of: string;
  hear(answer: AnswerWord): void;
}

/** More are not asked at a time: every one of them is somebody's wait for an answer. */
const mostOpen = 1_024;
/** A pool, a provider or a waiting request each. */
const mostItems = 2_000;

export class Asks {
  readonly #clock: Clock;
  readonly #open = new Map<number, Open>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves to null if no whole answer comes in time, or one that is not understood here. */
  ask<Q extends Question>(what: Q, about: About<Q>, { id, say, withinMs }: Asked): Promise<Answer<Q> | null> {
    const number = ++this.#last;
    if (this.#open.size >= mostOpen || !say({ t: 'ask', ask: number, what, about })) return Promise.resolve(null);
    return new Promise(resolve => {
      const settle = (answer: Answer<Q> | null) => {
        cancel();
        this.#open.delete(number);
        resolve(answer);
      };
      const cancel = this.#clock.after(withinMs, () => settle(null));
      this.#open.set(number, { of: id, hear: collector(what, settle) });
    });
  }

  /** An answer that nobody waits for is passed over. */
  heard(from: string, answer: AnswerWord): void {
    const open = this.#open.get(answer.ask);
    if (open?.of === from) open.hear(answer);
  }
}

/** Collects the items until the end. */
function collector<Q extends Question>(what: Q, settle: (answer: Answer<Q> | null) => void): Open['hear'] {
  const items: Item<Q>[] = [];
  return ({ value, more = false }) => {
    if (!more) {
      const end: End<Q> | null = readEnd(what, value);
      settle(end === null ? null : { items, end });
      return;
    }
    const item = readItem(what, value);
    if (item === null || items.length >= mostItems) settle(null);
    else items.push(item);
  };
}

/** The messages of an answer. Texts by hand, as names in the database, may be of any length. */
export function* wordsOf<Q extends Question>(ask: number, { items, end }: Answer<Q>): Iterable<AnswerWord> {
  for (const item of items) yield { t: 'answer', ask, value: clipped(item), more: true };
  yield { t: 'answer', ask, value: clipped(end) };
}

const mostChars = 500;

function clipped(value: unknown): unknown {
  if (typeof value === 'string') return value.length > mostChars ? `${value.slice(0, mostChars - 1)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(clipped);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, clipped(inner)]));
}
