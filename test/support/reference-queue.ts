/** All that waits and runs, in lists; who may wait, who has to go, whose tenant stands aside. For reference-scheduler.ts. */
import type { Level } from '../../src/domain/vocabulary.ts';
import type { SchedulerSettings, TenantRules, Tenants } from '../../src/scheduler/scheduler.ts';
import { ReferenceClosures } from './reference-closures.ts';
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
}

export interface Waiter {
  readonly request: Request;
  readonly deadline: number;
  readonly flow: ReferenceFlow;
  /** Order of arrival; one that is put back comes before all others. */
  readonly arrival: number;
}

export interface Runner extends Waiter {
  charged: { readonly cost: number; readonly tokens: number };
  readonly flowWeight: number;
  readonly levelWeight: number;
}

interface ReferenceFlow {
  counter: number;
  couldStart: boolean;
  /** When it last began to have something waiting, and when it was last given more. */
  activation: number;
  appended: number;
}

interface ReferenceTenant {
  rules: TenantRules;
  readonly rates: ReferenceRates;
  isParked: boolean;
}

interface ReferenceLevel {
  virtualTime: number;
  readonly flows: Map<string, ReferenceFlow>;
}

export const levels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
export const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
const isBefore = ({ flow: a }: Waiter, { flow: b }: Waiter) =>
  a.counter < b.counter || (a.counter === b.counter && a.activation < b.activation);

export class ReferenceQueue {
  /** In the order in which each flow is served. */
  waiting: Waiter[] = [];
  running: Runner[] = [];
  overdue: Waiter[] = [];
  evicted: Waiter[] = [];
  readonly closures = new ReferenceClosures();
  readonly #levels: readonly ReferenceLevel[] = levels.map(() => ({ virtualTime: 0, flows: new Map() }));
  readonly #tenants = new Map<string, ReferenceTenant>();
  readonly #changed: () => void;
  #arrivals = 0;

  /** `changed` is called after each single change. */
  constructor(changed: () => void) {
    this.#changed = changed;
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
    return this.running.filter(({ request }) => request.level === level).length;
  }

  /** Whose turn it is in the level. */
  first(level: Level): Waiter | undefined {
    const able = this.waitingIn(level).filter(waiter => this.#mayStart(waiter));
    return able.length === 0 ? undefined : able.reduce((best, waiter) => (isBefore(waiter, best) ? waiter : best));
  }

  isParked(flowId: string): boolean {
    return this.tenant(flowId)?.isParked === true;
  }

  /** What is overdue is out; whose rate, or what they wait for, is open again is back. */
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

  /** Parks a tenant at a limit. */
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
    const level = this.level(request.level);
    const flow = level.flows.get(request.flowId) ?? { counter: 0, couldStart: false, activation: 0, appended: 0 };
    level.flows.set(request.flowId, flow);
    const arrival = ++this.#arrivals;
    if (!this.waiting.some(waiter => waiter.flow === flow)) flow.activation = arrival;
    flow.appended = arrival;
    const waiter = { request, deadline, flow, arrival: where === 'last' ? arrival : -arrival };
    this.waiting = where === 'last' ? [...this.waiting, waiter] : [waiter, ...this.waiting];
    this.changed();
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

  /** A level with nothing to do has passed all its flows. */
  restIfIdle(index: Level): void {
    if (this.waitingIn(index).length + this.runningIn(index) > 0) return;
    const level = this.level(index);
    level.virtualTime = Math.max(level.virtualTime, ...[...level.flows.values()].map(flow => flow.counter));
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
    return !this.isParked(request.flowId) && this.closures.isOpenTo(request);
  }

  /** A flow that could start nothing and now can does not bring along the time in which it could not. */
  changed(): void {
    for (const level of this.#levels) {
      for (const flow of level.flows.values()) {
        const canStart = this.waiting.some(waiter => waiter.flow === flow && this.#mayStart(waiter));
        if (canStart && !flow.couldStart) flow.counter = Math.max(flow.counter, level.virtualTime);
        flow.couldStart = canStart;
      }
    }
    this.#changed();
  }
}

/** The one with the most cost waiting; of equals, the one that was given something last. */
function longestFlow(waiters: readonly Waiter[]): { flow: ReferenceFlow; cost: number; tail: Waiter } | undefined {
  const queues = [...new Set(waiters.map(waiter => waiter.flow))].map(flow => {
    const own = waiters.filter(waiter => waiter.flow === flow);
    return { flow, cost: sum(own.map(({ request }) => request.cost)), tail: own.at(-1) };
  });
  queues.sort((a, b) => b.cost - a.cost || b.flow.appended - a.flow.appended);
  const [longest] = queues;
  return longest?.tail === undefined ? undefined : { ...longest, tail: longest.tail };
}
