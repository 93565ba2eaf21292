/** The frame of `gateway top`: lines of text about the pools, from one answer of the gateway and the previous one. */
import type { LevelStats, PoolStats } from '../../../domain/shown/stats.ts';
import { duration } from '../../quickstart/demo-board.ts';
import { type Column, textTable } from '../../table.ts';
import { visible } from '../output.ts';

export interface Sample {
  readonly pools: readonly PoolStats[];
  /** Why something is missing of it; null: nothing is. */
  readonly gap: string | null;
  /** The time of the sample. */
  readonly atMs: number;
}

export interface FrameOptions {
  readonly columns: number;
  /** Whether to show all levels of a pool, or only those that have had a request. */
  readonly idleLevels: boolean;
}

const seatsShown = 40;
const laneWidth = 30;

const titles: readonly Column[] = [
  { title: 'level' },
  { title: 'running', align: 'right' },
  { title: 'waiting', align: 'right' },
  { title: 'seated/s', align: 'right' },
  { title: 'refused/s', align: 'right' },
  { title: 'left/s', align: 'right' },
  { title: 'wait p50', align: 'right' },
  { title: 'p95', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: '' },
];

/** If `before` is null there are no rates yet, so their columns show the counts since the gateway's start. */
export function poolLines(now: Sample, before: Sample | null, { columns, idleLevels }: FrameOptions): string[] {
  const rates = before !== null;
  const header = rates ? titles : titles.map(column => ({ ...column, title: column.title.replace('/s', '') }));
  const lines = now.pools.flatMap(pool => {
    const earlier = before?.pools.find(({ name }) => name === pool.name);
    const levels = pool.levels.filter(level => idleLevels || hasSeen(level));
    const rows = levels.map(level => levelRow(level, earlier?.levels[level.level] ?? null, elapsedSec(now, before)));
    return [seatLine(pool), ...(rows.length > 0 ? textTable(header, rows) : ['  no request yet']), ''];
  });
  const gap = now.gap === null ? [] : [`Not complete. ${visible(now.gap)}.`, ''];
  return [...gap, ...lines].map(line => line.slice(0, columns));
}

const elapsedSec = (now: Sample, before: Sample | null): number | null =>
  before === null ? null : Math.max((now.atMs - before.atMs) / 1_000, 0.001);

const hasSeen = ({ waiting, running, dispatched, rejected, timed_out, cancelled }: LevelStats): boolean =>
  waiting + running + dispatched + rejected + timed_out + cancelled > 0;

function seatLine({ name, seats, in_use, levels }: PoolStats): string {
  const waiting = levels.reduce((sum, level) => sum + level.waiting, 0);
  const shown = Math.min(seats, seatsShown);
  const taken = seats === 0 ? 0 : Math.round((Math.min(in_use, seats) / seats) * shown);
  return `${visible(name)}  ${'▣'.repeat(taken)}${'▢'.repeat(shown - taken)}  ${in_use}/${seats} seats  ${waiting} waiting`;
}

function levelRow(level: LevelStats, earlier: LevelStats | null, sec: number | null): string[] {
  const since = (count: (of: LevelStats) => number): string => {
    if (sec === null || earlier === null) return String(count(level));
    // Counts restart at 0 when a gateway is restarted.
    return rate(Math.max(count(level) - count(earlier), 0) / sec);
  };
  const { p50, p95, p99 } = level.wait_ms;
  return [
    `P${level.level}`,
    String(level.running),
    String(level.waiting),
    since(({ dispatched }) => dispatched),
    since(({ rejected, timed_out }) => rejected + timed_out),
    since(({ cancelled }) => cancelled),
    duration(p50),
    duration(p95),
    duration(p99),
    lane(level),
  ];
}

const rate = (perSec: number): string => (perSec === 0 ? '-' : perSec < 10 ? perSec.toFixed(1) : perSec.toFixed(0));

/** Shows the requests with a seat, then those that wait for one. */
function lane({ running, waiting }: LevelStats): string {
  const seated = Math.min(running, laneWidth);
  const queued = Math.min(waiting, laneWidth - seated);
  const more = running + waiting - seated - queued;
  return `${'▣'.repeat(seated)}${'▪'.repeat(queued)}${more > 0 ? ` +${more}` : ''}`;
}
