/** Lays out windows as blocks of one week in a zone's time. The gateway computes the windows. */

export const minutesOfDay = 1_440;
const dayMs = 86_400_000;

/** The window of a block, and its text. */
export interface WeekWindow {
  /** The ID of the schedule. */
  readonly id: string;
  readonly start: string;
  readonly end: string;
}

export interface Block<W extends WeekWindow> {
  readonly window: W;
  /** 0 is Monday. */
  readonly day: number;
  /** Minutes of that day. */
  readonly from: number;
  readonly to: number;
  /** The index of its column among the columns side by side. */
  readonly lane: number;
  readonly lanes: number;
}

export interface ClockTime {
  /** Days since 1970-01-01, in that zone. */
  readonly date: number;
  readonly minutes: number;
}

/** Returns a function that converts a moment to a zone's local time. */
export function clockOf(zone: string): (at: Date) => ClockTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return at => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 1970, month = 1, day = 1, hour = 0, minute = 0 } = parts;
    return { date: Date.UTC(year, month - 1, day) / dayMs, minutes: hour * 60 + minute };
  };
}

/** 1970-01-01 was a Thursday. */
export const weekdayOf = (date: number): number => (((date + 3) % 7) + 7) % 7;

/**
 * Places the next seven days on the days of the week: a day that is past in this week shows its next occurrence. Weekly
 * windows coincide and are shown once.
 */
export function blocksOf<W extends WeekWindow>(windows: readonly W[], zone: string): Block<W>[] {
  const clock = clockOf(zone);
  const found = new Map<string, Block<W>>();
  for (const window of windows) {
    const start = clock(new Date(window.start));
    const end = clock(new Date(window.end));
    for (let date = start.date; date <= end.date; date++) {
      const from = date === start.date ? start.minutes : 0;
      const to = date === end.date ? end.minutes : minutesOfDay;
      const day = weekdayOf(date);
      if (to > from) found.set(`${window.id} ${day} ${from} ${to}`, { window, day, from, to, lane: 0, lanes: 1 });
    }
  }
  return [0, 1, 2, 3, 4, 5, 6].flatMap(day => sideBySide([...found.values()].filter(block => block.day === day)));
}

/** Windows at the same time share the width of the day. */
function sideBySide<W extends WeekWindow>(blocks: Block<W>[]): Block<W>[] {
  const sorted = blocks.toSorted((a, b) => a.from - b.from || b.to - a.to);
  const placed: Block<W>[] = [];
  let together: Block<W>[] = [];
  let ends: number[] = [];
  const place = () => {
    placed.push(...together.map(block => ({ ...block, lanes: ends.length })));
    together = [];
    ends = [];
  };
  for (const block of sorted) {
    if (block.from >= Math.max(0, ...ends)) place();
    const free = ends.findIndex(end => end <= block.from);
    const lane = free === -1 ? ends.length : free;
    ends[lane] = block.to;
    together.push({ ...block, lane });
  }
  place();
  return placed;
}

export const hourText = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
