/** A naive recount of a walk, event by event: the waiting and running requests, and the ended ones with their ends. */
import { allLevels, type Level } from '../../src/domain/vocabulary.ts';
import type { SchedulerSettings } from '../../src/scheduler/scheduler.ts';
import type { Request } from './reference-queue.ts';
import type { WalkEvent } from './scheduler-walk.ts';

const refusals: readonly WalkEvent['kind'][] = ['impossible', 'tenant_full', 'level_full', 'pool_full'];
/** These events do not change which requests wait or run. */
export const remarks: readonly WalkEvent['kind'][] = ['charged', 'probe answered', 'busy', 'nothing'];
const ends: readonly WalkEvent['kind'][] = [
  'evicted',
  'expired',
  'cancelled',
  'finished',
  'released unused',
  ...refusals,
];

export class Ledger {
  came = 0;
  /** In order of arrival. */
  readonly waiting = new Map<number, { readonly request: Request; readonly deadline: number }>();
  readonly running = new Map<number, { readonly request: Request; readonly deadline: number }>();
  readonly ended = new Map<number, WalkEvent['kind'][]>();

  apply(event: WalkEvent): void {
    if (event.kind === 'step') return;
    const { kind, request, at } = event;
    const { id } = request;
    const entry = this.running.get(id) ?? this.waiting.get(id) ?? { request, deadline: at + request.timeoutMs };
    if (kind === 'queued' || refusals.includes(kind)) this.came++;
    if (!remarks.includes(kind)) {
      this.waiting.delete(id);
      this.running.delete(id);
    }
    if (kind === 'queued' || kind === 'restored' || kind === 'put back') this.waiting.set(id, entry);
    if (kind === 'granted' || kind === 'adopted') this.running.set(id, entry);
    if (ends.includes(kind)) this.ended.set(id, [...(this.ended.get(id) ?? []), kind]);
  }

  waitingIn(level: Level): Request[] {
    return [...this.waiting.values()].map(({ request }) => request).filter(request => request.level === level);
  }

  used(level: Level): number {
    return [...this.running.values()].filter(({ request }) => request.level === level).length;
  }

  /** Σ max(used, reserved). */
  held(reserved: readonly number[]): number {
    return allLevels.reduce<number>((sum, level) => sum + Math.max(this.used(level), reserved[level] ?? 0), 0);
  }

  /** The rule for seats, as in the design. */
  maySeat(level: Level, { seats, reserved, cap }: Pick<SchedulerSettings, 'seats' | 'reserved' | 'cap'>): boolean {
    const used = this.used(level);
    const held = this.held(reserved);
    const isWithin = used < (reserved[level] ?? 0) ? held <= seats : held < seats;
    return this.running.size < seats && used < (cap[level] ?? 0) && isWithin;
  }
}

/** Calls `look` before each event is counted. */
export function recount(events: readonly WalkEvent[], look: (event: WalkEvent, ledger: Ledger) => void): Ledger {
  const ledger = new Ledger();
  for (const event of events) {
    look(event, ledger);
    ledger.apply(event);
  }
  return ledger;
}

/** Cuts reserves from the worst level up until one seat is left to share. */
export function cutReserves(reserved: readonly number[], seats: number): number[] {
  const cut = [...reserved];
  const sum = () => cut.reduce((total, own) => total + own, 0);
  for (let level = 9; level >= 0; level--)
    while ((cut[level] ?? 0) > 0 && sum() >= seats) cut[level] = (cut[level] ?? 0) - 1;
  return cut;
}
