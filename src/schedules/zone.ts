/**
 * The clock of a zone. The rules come from the platform's own IANA database (ICU); a query costs about 3 µs, so the
 * results are cached by the week:
 *
 *   week     the offsets at both of its ends; if they differ, bisection finds the moment of the change
 *            between them
 *
 * A change that is reverted within one week would be missed; no zone has one ahead.
 */
const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
/** Cached weeks per zone: thirty years. */
const keptWeeks = 1_600;

interface Week {
  readonly before: number;
  readonly after: number;
  /** The moment at which `before` becomes `after`; the week's end if they are equal. */
  readonly changeAt: number;
}

export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #weeks = new Map<number, Week>();

  /** Throws RangeError for a name that the database does not have. */
  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  }

  /** Returns the difference of its clocks to UTC, in ms. */
  offsetAt(moment: number): number {
    const { before, after, changeAt } = this.#weekOf(moment);
    return moment < changeAt ? before : after;
  }

  /**
   * Returns the first moment at which its clocks show this local time or a later one: for an hour that occurs twice the
   * first occurrence, for an hour that is skipped the moment of the change. `local` is the moment at which a UTC clock
   * shows that time. The result never falls as `local` rises, so windows that do not overlap on the clock do not
   * overlap.
   */
  firstMoment(local: number): number {
    // No clock is a whole day away from UTC, and there is at most one change in these two days.
    const before = this.offsetAt(local - dayMs);
    const after = this.offsetAt(local + dayMs);
    if (before === after) return local - before;
    const changeAt = this.#changeWithin(local - dayMs, local + dayMs);
    if (local - before < changeAt) return local - before;
    return Math.max(local - after, changeAt);
  }

  /** Returns the changes of its offset from `from` until `until`. */
  changes(from: number, until: number): number[] {
    const found: number[] = [];
    for (let at = from; at < until + weekMs; at += weekMs) {
      const { before, after, changeAt } = this.#weekOf(at);
      if (before !== after && changeAt >= from && changeAt < until) found.push(changeAt);
    }
    return found;
  }

  #changeWithin(from: number, until: number): number {
    const { before, after, changeAt } = this.#weekOf(from);
    return before !== after && changeAt > from ? changeAt : this.#weekOf(until).changeAt;
  }

  #weekOf(moment: number): Week {
    const index = Math.floor(moment / weekMs);
    const known = this.#weeks.get(index);
    if (known) return known;
    const before = this.#weeks.get(index - 1)?.after ?? this.#ask(index * weekMs);
    const end = (index + 1) * weekMs;
    const after = this.#ask(end);
    const week = { before, after, changeAt: before === after ? end : this.#findChange(index * weekMs, end, before) };
    if (this.#weeks.size >= keptWeeks) this.#weeks.clear();
    this.#weeks.set(index, week);
    return week;
  }

  /** Zones change at whole seconds. */
  #findChange(from: number, until: number, before: number): number {
    let [last, first] = [from / 1_000, until / 1_000];
    while (first - last > 1) {
      const middle = Math.floor((last + first) / 2);
      if (this.#ask(middle * 1_000) === before) last = middle;
      else first = middle;
    }
    return first * 1_000;
  }

  #ask(moment: number): number {
    const shown = this.#format.format(moment);
    const [, sign, hours, minutes, seconds = '0'] = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(shown) ?? [];
    if (sign === undefined) return 0;
    const offset = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
    return sign === '-' ? -offset : offset;
  }
}

/** Few zones are in use, and unknown names are not kept. */
const zones = new Map<string, Zone>();

/** Returns null if the IANA database has no such name. An offset such as `+08:00` is not a zone: it has no changes. */
export function zoneNamed(name: string): Zone | null {
  const known = zones.get(name);
  if (known) return known;
  if (!/^[A-Za-z][\w+-]*(\/[\w+-]+)*$/.test(name)) return null;
  try {
    const zone = new Zone(name);
    zones.set(name, zone);
    return zone;
  } catch {
    return null;
  }
}
