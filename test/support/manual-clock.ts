import type { Clock } from '../../src/domain/clock.ts';

interface Alarm {
  readonly at: number;
  readonly seq: number;
  readonly action: () => void;
}

/** The longest delay of a timer of Node; beyond it, a timer fires at once. */
const longestDelayMs = 2 ** 31 - 1;

/** A clock that stands still until `advance` is called; timers fire at their exact millisecond, in order. */
export class ManualClock implements Clock {
  #now = 0;
  #seq = 0;
  readonly #epochMs: number;
  readonly #alarms = new Set<Alarm>();

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(this.#epochMs + this.#now);
  }

  after(delayMs: number, action: () => void): () => void {
    if (delayMs > longestDelayMs) throw new RangeError(`no timer of Node waits ${delayMs} ms`);
    const alarm = { at: this.#now + Math.max(0, delayMs), seq: this.#seq++, action };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** The number of timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Advances by `ms`; timers that fire may set further timers, which fire too if they are due within the span. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let alarm = this.#earliest(end); alarm !== undefined; alarm = this.#earliest(end)) {
      this.#alarms.delete(alarm);
      this.#now = Math.max(this.#now, alarm.at);
      alarm.action();
    }
    this.#now = end;
  }

  #earliest(end: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at > end) continue;
      if (first === undefined || alarm.at < first.at || (alarm.at === first.at && alarm.seq < first.seq)) first = alarm;
    }
    return first;
  }
}
