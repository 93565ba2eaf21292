/**
 * The scheduler's rules written down as plainly as possible: arrays, scans, nothing ever forgotten.
 * The real one must give the identical sequence of grants.
 */
import type { Level, Policy } from '../../src/domain/vocabulary.ts';
import type { Admission, SchedulerOptions } from '../../src/scheduler/scheduler.ts';

export interface Request {
  readonly id: number;
  readonly flowId: string;
  readonly level: Level;
  readonly cost: number;
  readonly tokens: number;
  readonly bodyBytes: number;
  readonly timeoutMs: number;
}

interface Waiter {
  readonly request: Request;
  readonly deadline: number;
  readonly flow: ReferenceFlow;
}

interface ReferenceFlow {
  counter: number;
  /** When it last began to have something waiting. */
  activation: number;
}

interface ReferenceLevel {
  counter: number;
  virtualTime: number;
  readonly flows: Map<string, ReferenceFlow>;
}

const isWeighted: Record<Policy, (level: number) => boolean> = {
  strict: () => false,
  wfq: () => true,
  hybrid: level => level > 0,
};

export class ReferenceScheduler {
  readonly #options: SchedulerOptions;
  readonly #levels: ReferenceLevel[];
  #waiting: Waiter[] = [];
  #running: Waiter[] = [];
  #overdue: Waiter[] = [];
  #virtualTime = 0;
  #activations = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#levels = options.settings.weights.map(() => ({ counter: 0, virtualTime: 0, flows: new Map() }));
  }

  get inUse(): number {
    return this.#running.length;
  }

  waiting(level: Level): number {
    return this.#waiting.filter(waiter => waiter.request.level === level).length;
  }

  running(level: Level): number {
    return this.#running.filter(waiter => waiter.request.level === level).length;
  }

  enqueue(request: Request, now: number): Admission {
    this.#takeOverdue(deadline => deadline < now);
    const { seats, maxQueueDepth, maxQueuedBytes } = this.#options.settings;
    const queuedBytes = this.#waiting.reduce((sum, waiter) => sum + waiter.request.bodyBytes, 0);
    if (this.#running.length >= seats || this.#waiting.length > 0) {
      if (this.waiting(request.level) >= (maxQueueDepth[request.level] ?? 0)) return 'level_full';
      if (queuedBytes + request.bodyBytes > maxQueuedBytes) return 'pool_full';
    }
    const level = this.#level(request.level);
    if (this.waiting(request.level) === 0) level.counter = Math.max(level.counter, this.#virtualTime);
    const flow = level.flows.get(request.flowId) ?? { counter: 0, activation: 0 };
    level.flows.set(request.flowId, flow);
    if (!this.#waiting.some(waiter => waiter.flow === flow)) {
      flow.counter = Math.max(flow.counter, level.virtualTime);
      flow.activation = this.#activations++;
    }
    this.#waiting.push({ request, deadline: now + request.timeoutMs, flow });
    return 'queued';
  }

  next(now: number): number | undefined {
    this.#takeOverdue(deadline => deadline < now);
    if (this.#running.length >= this.#options.settings.seats || this.#waiting.length === 0) return undefined;
    const index = this.#pickLevel();
    const level = this.#level(index);
    const here = this.#waiting.filter(waiter => waiter.request.level === index);
    const chosen = here.reduce((best, waiter) => (isBefore(waiter.flow, best.flow) ? waiter : best));
    level.virtualTime = Math.max(level.virtualTime, chosen.flow.counter);
    chosen.flow.counter += chosen.request.cost;
    if (this.#weighted(index)) {
      this.#virtualTime = Math.max(this.#virtualTime, level.counter);
      level.counter += chosen.request.cost / this.#weight(index);
    }
    this.#waiting = this.#waiting.filter(waiter => waiter !== chosen);
    this.#running.push(chosen);
    return chosen.request.id;
  }

  finish(id: number, actualCost: number): boolean {
    const ended = this.#running.find(waiter => waiter.request.id === id);
    if (ended === undefined) return false;
    const difference = actualCost - ended.request.cost;
    const index = ended.request.level;
    ended.flow.counter += difference;
    if (this.#weighted(index)) this.#level(index).counter += difference / this.#weight(index);
    this.#running = this.#running.filter(waiter => waiter !== ended);
    this.#restIfIdle(index);
    return true;
  }

  cancel(id: number): boolean {
    const gone = this.#waiting.find(waiter => waiter.request.id === id);
    if (gone === undefined) return false;
    this.#waiting = this.#waiting.filter(waiter => waiter !== gone);
    this.#restIfIdle(gone.request.level);
    return true;
  }

  expire(now: number): number[] {
    this.#takeOverdue(deadline => deadline <= now);
    return this.#overdue.splice(0).map(waiter => waiter.request.id);
  }

  #takeOverdue(isOver: (deadline: number) => boolean): void {
    const over = this.#waiting.filter(waiter => isOver(waiter.deadline)).sort((a, b) => a.deadline - b.deadline);
    for (const waiter of over) this.cancel(waiter.request.id);
    this.#overdue.push(...over);
  }

  #pickLevel(): Level {
    const levels = [...new Set(this.#waiting.map(waiter => waiter.request.level))].sort((a, b) => a - b);
    const strict = levels.find(level => !this.#weighted(level));
    if (strict !== undefined) return strict;
    return levels.reduce((best, level) => (this.#level(level).counter < this.#level(best).counter ? level : best));
  }

  #restIfIdle(index: Level): void {
    if (this.waiting(index) + this.running(index) > 0) return;
    const level = this.#level(index);
    level.virtualTime = Math.max(level.virtualTime, ...[...level.flows.values()].map(flow => flow.counter));
  }

  #weighted(level: number): boolean {
    return isWeighted[this.#options.settings.policy](level);
  }

  #weight(level: number): number {
    return this.#options.settings.weights[level] ?? Number.NaN;
  }

  #level(index: Level): ReferenceLevel {
    const level = this.#levels[index];
    if (level === undefined) throw new Error(`no level ${index}`);
    return level;
  }
}

const isBefore = (a: ReferenceFlow, b: ReferenceFlow) =>
  a.counter < b.counter || (a.counter === b.counter && a.activation < b.activation);
