/**
 * All waiting and running requests, in lists; which may wait, which are evicted, which tenants stand aside. For
 * reference-scheduler.ts.
 */
import type { Level } from '../../src/domain/vocabulary.ts';
import type { SchedulerSettings, TenantRules, Tenants } from '../../src/scheduler/scheduler.ts';
import { ReferenceClosures } from './reference-closures.ts';
import { ReferenceEndpoints } from './reference-endpoints.ts';
import { ReferenceRates } from './reference-rates.ts';

export interface Request {
  readonly id: number;
  readonly flowId: string;
  readonly level: Level;
  readonly provider: string;
  readonly model: string;
  readonly cost: number;
  readonly tokens: number;
  readonly bodyBytes: number;
  readonly timeoutMs: number;
  /** The endpoints that it avoids; missing: none. */
  readonly avoid?: readonly string[];
}

export interface Waiter {
  readonly request: Request;
  readonly deadline: number;
  readonly flow: ReferenceFlow;
  /** The order of arrival; a request that is put back comes before all others. */
  readonly arrival: number;
}

export interface Runner extends Waiter {
  charged: { readonly cost: number; readonly tokens: number };
  readonly flowWeight: number;
  readonly levelWeight: number;
  /** Null: at none. */
  readonly endpoint: string | null;
}

type Readiness = 'ready' | 'full' | 'none';

interface ReferenceFlow {
  /** While its requests only wait for seats at endpoints (`full`): less the time of its level. */
  counter: number;
  readiness: Readiness;
  /** The last time it began to have something waiting, and the last time it got more. */
  activation: number;
  appended: number;
}

interface ReferenceTenant {
  rules: TenantRules;
  readonly rates: ReferenceRates;
  isParked: boolean;
}

interface ReferenceTime {
  now: number;
}

interface ReferenceLevel {
  readonly ownTime: ReferenceTime;
  /** Its own time, or that of all levels whose tenants share the pool. */
  time: ReferenceTime;
  /** The divisor of charges beside the tenant's weight. */
  weight: number;
  /** Whether it was at its cap at the last change. */
  wasHeld: boolean;
  readonly flows: Map<string, ReferenceFlow>;
}

interface ReferenceQueueOptions {
  /** Called after each single change. */
  readonly changed: () => void;
  /** Whether the level is at its cap. */
  readonly isHeld: (level: Level) => boolean;
}

const createLevel = (): ReferenceLevel => {
  const ownTime = { now: 0 };
  return { ownTime, time: ownTime, weight: 1, wasHeld: false, flows: new Map() };
};

export const levels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
export const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
export const isBefore = ({ flow: a }: Waiter, { flow: b }: Waiter) =>
  a.counter < b.counter || (a.counter === b.counter && a.activation < b.activation);

export class ReferenceQueue {
  /** In the order in which each flow is served. */
  waiting: Waiter[] = [];
  running: Runner[] = [];
  overdue: Waiter[] = [];
  evicted: Waiter[] = [];
  readonly closures = new ReferenceClosures();
  readonly endpoints = new ReferenceEndpoints(() => this.running);
  readonly #levels: readonly ReferenceLevel[] = levels.map(createLevel);
  readonly #sharedTime: ReferenceTime = { now: 0 };
  readonly #tenants = new Map<string, ReferenceTenant>();
  readonly #options: ReferenceQueueOptions;
  #arrivals = 0;

  constructor(options: ReferenceQueueOptions) {
    this.#options = options;
  }

  level(index: Level): ReferenceLevel {
    const level = this.#levels[index];
    if (level === undefined) throw new Error(`no level ${index}`);
    return level;
  }

  tenant(flowId: string): ReferenceTenant | undefined {
    return this.#tenants.get(flowId);
  }

  waitingIn(level: Level): Waiter[] {
    return this.waiting.filter(({ request }) => request.level === level);
  }

  runningIn(level: Level): number {
    let count = 0;
    for (const { request } of this.running) if (request.level === level) count++;
    return count;
  }

  /** Returns the request whose turn it is in the level. */
  first(level: Level): Waiter | undefined {
    const able = this.waitingIn(level).filter(waiter => this.#mayStart(waiter));
    return able.length === 0 ? undefined : able.reduce((best, waiter) => (isBefore(waiter, best) ? waiter : best));
  }

  isShared(index: Level): boolean {
    return this.level(index).time === this.#sharedTime;
  }

  /** `weightOf`: returns null if the tenants of the level share what it is given. */
  share(weightOf: (level: Level) => number | null): void {
    for (const index of levels) {
      const level = this.level(index);
      const weight = weightOf(index);
      const time = weight === null ? level.ownTime : this.#sharedTime;
      if (time === level.time && (weight ?? 1) === level.weight) continue;
      const flows = [...level.flows.values()];
      const able = flows.filter(flow => flow.readiness === 'ready');
      const least = Math.min(level.time.now, ...able.map(({ counter }) => counter));
      const factor = level.weight / (weight ?? 1);
      for (const flow of flows) {
        const from = { ready: least, full: 0, none: level.time.now }[flow.readiness];
        flow.counter = (flow.readiness === 'full' ? 0 : time.now) + Math.max(flow.counter - from, 0) * factor;
      }
      level.time = time;
      level.weight = weight ?? 1;
    }
  }

  isParked(flowId: string): boolean {
    return this.tenant(flowId)?.isParked === true;
  }

  /** Removes overdue requests; brings back those whose rate or target is open again. */
  advance(now: number): void {
    this.takeOverdue(deadline => deadline < now);
    for (const id of this.#tenants.keys()) this.review(id, now);
    this.closures.advance(now);
    this.changed();
  }

  review(flowId: string, now: number): void {
    this.#park(flowId, now);
    this.changed();
  }

  emptyBursts(now: number): void {
    for (const [id, { rates }] of this.#tenants) {
      rates.empty(now);
      this.review(id, now);
    }
  }

  /** Parks a tenant that is at a limit. */
  #park(flowId: string, now: number): void {
    const tenant = this.tenant(flowId);
    if (tenant === undefined) return;
    const running = this.running.filter(({ request }) => request.flowId === flowId).length;
    const hasSeat = running < (tenant.rules.maxConcurrent ?? Number.POSITIVE_INFINITY);
    tenant.isParked = !(hasSeat && tenant.rates.isOpen(now));
  }

  configure(tenants: Tenants, now: number): void {
    for (const id of [...this.#tenants.keys()]) if (!tenants.has(id)) this.#tenants.delete(id);
    for (const [id, rules] of tenants) {
      const tenant = this.#tenants.get(id) ?? { rules, rates: new ReferenceRates(), isParked: false };
      tenant.rules = rules;
      tenant.rates.configure(rules, now);
      this.#tenants.set(id, tenant);
      this.#park(id, now);
    }
    this.changed();
  }

  enter(request: Request, deadline: number, where: 'last' | 'first' = 'last'): void {
    const flow = this.#flowOf(request);
    const arrival = ++this.#arrivals;
    if (!this.waiting.some(waiter => waiter.flow === flow)) flow.activation = arrival;
    flow.appended = arrival;
    const waiter = { request, deadline, flow, arrival: where === 'last' ? arrival : -arrival };
    this.waiting = where === 'last' ? [...this.waiting, waiter] : [waiter, ...this.waiting];
    this.changed();
  }

  /** A request that runs and was not queued here. */
  adopt(request: Request, runner: Omit<Runner, 'request' | 'flow' | 'arrival'>, now: number): void {
    const flow = this.#flowOf(request);
    if (flow.readiness === 'none') flow.counter = Math.max(flow.counter, this.level(request.level).time.now);
    this.running.push({ ...runner, request, flow, arrival: 0 });
    this.review(request.flowId, now);
  }

  #flowOf(request: Request): ReferenceFlow {
    const level = this.level(request.level);
    const flow = level.flows.get(request.flowId) ?? { counter: 0, readiness: 'none', activation: 0, appended: 0 };
    level.flows.set(request.flowId, flow);
    return flow;
  }

  cancel(id: number): boolean {
    const gone = this.waiting.find(waiter => waiter.request.id === id);
    if (gone === undefined) return false;
    this.waiting = this.waiting.filter(waiter => waiter !== gone);
    this.restIfIdle(gone.request.level);
    this.changed();
    return true;
  }

  takeOverdue(isOver: (deadline: number) => boolean): void {
    const over = this.waiting
      .filter(waiter => isOver(waiter.deadline))
      .sort((a, b) => a.deadline - b.deadline || a.arrival - b.arrival);
    for (const waiter of over) this.cancel(waiter.request.id);
    this.overdue.push(...over);
  }

  /** A time without any active flow has passed the counters of all its flows. */
  restIfIdle(index: Level): void {
    const { time } = this.level(index);
    const together = levels.filter(level => this.level(level).time === time);
    if (together.some(level => this.waitingIn(level).length + this.runningIn(level) > 0)) return;
    for (const flow of together.flatMap(level => [...this.level(level).flows.values()])) {
      if (flow.readiness === 'full') flow.counter += time.now;
      flow.readiness = 'none';
    }
    const counters = together.flatMap(level => [...this.level(level).flows.values()].map(flow => flow.counter));
    time.now = Math.max(time.now, ...counters);
  }

  makeRoom(request: Request, settings: SchedulerSettings): 'tenant_full' | 'level_full' | 'pool_full' | null {
    const own = this.waiting.filter(waiter => waiter.request.flowId === request.flowId).length;
    if (own >= (this.tenant(request.flowId)?.rules.maxQueueDepth ?? Number.POSITIVE_INFINITY)) return 'tenant_full';
    const victims: Waiter[] = [];
    const left = () => this.waiting.filter(waiter => !victims.includes(waiter));
    if (this.waitingIn(request.level).length >= (settings.maxQueueDepth[request.level] ?? 0)) {
      const longest = longestFlow(this.waitingIn(request.level));
      const mine = longestFlow(
        this.waitingIn(request.level).filter(({ request: { flowId } }) => flowId === request.flowId),
      );
      if (!longest || longest.flow === mine?.flow || longest.cost <= (mine?.cost ?? 0) + request.cost)
        return 'level_full';
      victims.push(longest.tail);
    }
    const bytes = (waiters: Waiter[]) => sum(waiters.map(waiter => waiter.request.bodyBytes));
    const most = Math.max(settings.maxQueuedBytes, bytes(this.waiting));
    const isOneTooMany = () => victims.length === 0 && this.waiting.length >= settings.maxQueueDepthPool;
    while (isOneTooMany() || bytes(left()) + request.bodyBytes > most) {
      const worst = levels.findLast(level => left().some(waiter => waiter.request.level === level)) ?? 0;
      const longest = longestFlow(left().filter(waiter => waiter.request.level === worst));
      if (worst <= request.level || longest === undefined) return 'pool_full';
      victims.push(longest.tail);
    }
    for (const victim of victims) this.cancel(victim.request.id);
    this.evicted.push(...victims);
    return null;
  }

  #mayStart({ request }: Waiter): boolean {
    return this.#mayWait(request) && !this.endpoints.isFullTo(request, this.closures.shutTo(request));
  }

  /** Only seats keep it. */
  #mayWait(request: Request): boolean {
    return !this.isParked(request.flowId) && this.isOpenTo(request);
  }

  /** The upstream does not keep it. */
  isOpenTo(request: Request): boolean {
    return this.closures.isOpenTo(request) && !this.endpoints.isShutTo(request, this.closures.shutTo(request));
  }

  choose(request: Request): string | null | undefined {
    return this.endpoints.choose(request, this.closures.shutTo(request));
  }

  /** When the upstream lets it start; undefined: now. */
  keptUntil(request: Request): number | undefined {
    const { closures, endpoints } = this;
    const kept = closures.untilFor(request);
    if (!endpoints.isShutTo(request, closures.shutTo(request))) return kept;
    const first = Math.min(...endpoints.upFor(request).map(id => closures.untilAt(request, id) ?? 0));
    return Math.max(first, kept ?? 0);
  }

  /** Flows of the level whose requests only wait for seats at endpoints. */
  fullIn(index: Level): number {
    return [...this.level(index).flows.values()].filter(({ readiness }) => readiness === 'full').length;
  }

  /**
   * A flow that could start nothing and now can does not save up the time in which it could not; while it waits for
   * endpoints only, it keeps its distance from the time.
   */
  changed(): void {
    const startable = new Set(this.waiting.filter(waiter => this.#mayStart(waiter)).map(({ flow }) => flow));
    const patient = new Set(this.waiting.filter(({ request }) => this.#mayWait(request)).map(({ flow }) => flow));
    const now = (flow: ReferenceFlow) => (startable.has(flow) ? 'ready' : patient.has(flow) ? 'full' : 'none');
    for (const index of levels) {
      const level = this.level(index);
      const isHeld = this.#options.isHeld(index);
      if (this.isShared(index) && level.wasHeld) {
        const waiting = [...level.flows.values()].filter(flow => now(flow) !== 'none');
        if (waiting.some(flow => now(flow) !== flow.readiness) || !isHeld)
          catchUp(
            level,
            waiting.filter(flow => flow.readiness === 'ready'),
          );
      }
      for (const flow of level.flows.values()) {
        const after = now(flow);
        if (after === flow.readiness) continue;
        if (flow.readiness === 'full') flow.counter += level.time.now;
        const isLate = flow.readiness === 'none' || this.isShared(index);
        if (isLate && after !== 'none') flow.counter = Math.max(flow.counter, level.time.now);
        if (after === 'full') flow.counter -= level.time.now;
        flow.readiness = after;
      }
      level.wasHeld = isHeld;
    }
    this.#options.changed();
  }
}

/** Flows that waited while their level was at its cap advance by as much as the first of them is behind. */
function catchUp(level: ReferenceLevel, flows: readonly ReferenceFlow[]): void {
  const behind = Math.max(0, level.time.now - Math.min(...flows.map(({ counter }) => counter)));
  for (const flow of flows) flow.counter += behind;
}

/** Returns the flow with the most waiting cost; of equals, the one that got a request last. */
function longestFlow(waiters: readonly Waiter[]): { flow: ReferenceFlow; cost: number; tail: Waiter } | undefined {
  const queues = [...new Set(waiters.map(waiter => waiter.flow))].map(flow => {
    const own = waiters.filter(waiter => waiter.flow === flow);
    return { flow, cost: sum(own.map(({ request }) => request.cost)), tail: own.at(-1) };
  });
  queues.sort((a, b) => b.cost - a.cost || b.flow.appended - a.flow.appended);
  const [longest] = queues;
  return longest?.tail === undefined ? undefined : { ...longest, tail: longest.tail };
}
