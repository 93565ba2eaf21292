/** Random walks through a scheduler: a list of steps, and everything that came of them in order. */
import fc from 'fast-check';
import { allLevels, type Level, policies } from '../../src/domain/vocabulary.ts';
import { type Admission, Place, Scheduler, type SchedulerOptions } from '../../src/scheduler/scheduler.ts';
import { poolSettings } from './pool-settings.ts';
import type { Request } from './reference-scheduler.ts';

/** What the real scheduler and the reference have in common. */
export interface AnyScheduler {
  readonly inUse: number;
  waiting(level: Level): number;
  running(level: Level): number;
  enqueue(request: Request, now: number): Admission;
  next(now: number): number | undefined;
  finish(id: number, actualCost: number, now: number): boolean;
  cancel(id: number): boolean;
  expire(now: number): number[];
}

/** The real scheduler, spoken to by request ids. */
export class SchedulerById implements AnyScheduler {
  readonly scheduler: Scheduler<number>;
  readonly #places = new Map<number, Place<number>>();

  constructor(options: SchedulerOptions) {
    this.scheduler = new Scheduler(options);
  }

  get inUse(): number {
    return this.scheduler.inUse;
  }

  waiting(level: Level): number {
    return this.scheduler.level(level).waiting;
  }

  running(level: Level): number {
    return this.scheduler.level(level).running;
  }

  enqueue(request: Request, now: number): Admission {
    const place = new Place(request.id, request, request.timeoutMs);
    this.#places.set(request.id, place);
    return this.scheduler.enqueue(place, now);
  }

  next(now: number): number | undefined {
    return this.scheduler.next(now)?.holder;
  }

  finish(id: number, actualCost: number, now: number): boolean {
    const place = this.#places.get(id);
    return place !== undefined && this.scheduler.finish(place, { cost: actualCost, tokens: actualCost }, now);
  }

  cancel(id: number): boolean {
    const place = this.#places.get(id);
    return place !== undefined && this.scheduler.cancel(place);
  }

  expire(now: number): number[] {
    return this.scheduler.expire(now).map(place => place.holder);
  }
}

export type Step =
  | { readonly kind: 'enqueue'; readonly request: Omit<Request, 'id'> }
  | { readonly kind: 'finish' | 'cancel'; readonly nth: number; readonly actualCost: number }
  | { readonly kind: 'advance'; readonly ms: number };

export type WalkEvent =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'queued' | Admission; readonly request: Request; readonly at: number }
  | { readonly kind: 'granted' | 'expired' | 'cancelled'; readonly request: Request; readonly at: number }
  | { readonly kind: 'finished' | 'not finished' | 'not cancelled'; readonly request: Request; readonly at: number };

export interface WalkOptions {
  /** Called after each step, when all that could start has started. */
  readonly afterStep?: (now: number) => void;
  /** Without it, seats are given only after every third step. */
  readonly pumpAlways?: boolean;
}

/** Takes the steps; one in four `finish` and `cancel` goes for any request so far, so that wrong ones are hit too. */
export function walk(scheduler: AnyScheduler, steps: readonly Step[], options: WalkOptions = {}): WalkEvent[] {
  const requests: Request[] = [];
  const events: WalkEvent[] = [];
  const inState = { waiting: new Set<number>(), running: new Set<number>() };
  let now = 0;
  const note = (kind: Exclude<WalkEvent['kind'], 'step'>, id: number) => {
    const request = requests[id];
    if (request === undefined) throw new Error(`no request ${id}`);
    events.push({ kind, request, at: now });
    if (kind === 'queued') inState.waiting.add(id);
    if (kind === 'granted' || kind === 'expired' || kind === 'cancelled') inState.waiting.delete(id);
    if (kind === 'granted') inState.running.add(id);
    if (kind === 'finished') inState.running.delete(id);
  };
  const pick = (kind: 'finish' | 'cancel', nth: number) => {
    const likely = [...(kind === 'finish' ? inState.running : inState.waiting)];
    return nth % 4 === 0 ? nth % requests.length : (likely[nth % likely.length] ?? nth % requests.length);
  };
  const take = (step: Step) => {
    if (step.kind === 'advance') {
      now += step.ms;
      for (const id of scheduler.expire(now)) note('expired', id);
    } else if (step.kind === 'enqueue') {
      const request = { ...step.request, id: requests.length };
      requests.push(request);
      note(scheduler.enqueue(request, now), request.id);
    } else if (requests.length > 0) {
      const id = pick(step.kind, step.nth);
      if (step.kind === 'finish') note(scheduler.finish(id, step.actualCost, now) ? 'finished' : 'not finished', id);
      else note(scheduler.cancel(id) ? 'cancelled' : 'not cancelled', id);
    }
  };
  for (const [index, step] of steps.entries()) {
    events.push({ kind: 'step', step });
    take(step);
    if (options.pumpAlways === true || index % 3 === 2)
      for (let id = scheduler.next(now); id !== undefined; id = scheduler.next(now)) note('granted', id);
    options.afterStep?.(now);
  }
  return events;
}

const cost = fc.integer({ min: 0, max: 1000 });

export const anyRequest: fc.Arbitrary<Omit<Request, 'id'>> = fc.record({
  flowId: fc.constantFrom('a', 'b', 'c', 'd'),
  level: fc.constantFrom(...allLevels),
  cost,
  tokens: cost,
  bodyBytes: fc.integer({ min: 0, max: 50 }),
  timeoutMs: fc.integer({ min: 0, max: 60 }),
});

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('enqueue' as const), request: anyRequest }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('finish' as const), nth: fc.nat(), actualCost: cost }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), nth: fc.nat(), actualCost: cost }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 30 }) }) },
);

export const anySteps = fc.array(anyStep, { minLength: 1, maxLength: 250, size: 'max' });

export const anyOptions: fc.Arbitrary<SchedulerOptions> = fc
  .record({
    policy: fc.constantFrom(...policies),
    weights: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 10, maxLength: 10 }),
    seats: fc.integer({ min: 1, max: 5 }),
  })
  .map(fields => ({ settings: poolSettings(fields), tenants: new Map() }));
