/** Walks through a scheduler: a list of steps, and all resulting events in order. */
import type { EndpointSeats } from '../../src/domain/endpoint.ts';
import type { Spent } from '../../src/domain/usage.ts';
import type { Admission, SchedulerOptions, Scope } from '../../src/scheduler/scheduler.ts';
import type { Request } from './reference-queue.ts';
import type { AnyScheduler } from './scheduler-by-id.ts';

type Acting =
  | { readonly kind: 'finish' | 'progress'; readonly nth: number; readonly spent: Spent }
  | { readonly kind: 'cancel' | 'release unused'; readonly nth: number }
  | { readonly kind: 'put back'; readonly nth: number; readonly avoid?: readonly string[] }
  | { readonly kind: 'answered'; readonly nth: number; readonly how: 'taken' | 'at fault' }
  | { readonly kind: 'busy'; readonly nth: number; readonly scope: Scope; readonly ms: number | null };

export type Step =
  | Acting
  | { readonly kind: 'enqueue'; readonly request: Omit<Request, 'id'> }
  | {
      readonly kind: 'adopt';
      readonly request: Omit<Request, 'id'>;
      readonly charged: Spent;
      readonly ageMs: number;
      readonly endpoint?: string | null;
    }
  | { readonly kind: 'endpoints'; readonly provider: string; readonly endpoints: readonly EndpointSeats[] }
  | { readonly kind: 'restore'; readonly request: Omit<Request, 'id'>; readonly ageMs: number }
  | { readonly kind: 'hold back'; readonly seats: number | null }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'served' | 'drain' | 'empty bursts' }
  | { readonly kind: 'configure'; readonly options: SchedulerOptions };

export type WalkEvent =
  | { readonly kind: 'step'; readonly step: Step; readonly at: number }
  | {
      readonly kind: Admission | 'adopted' | 'restored' | 'evicted' | 'expired' | 'cancelled' | 'put back' | 'charged';
      readonly request: Request;
      readonly at: number;
    }
  | { readonly kind: 'granted'; readonly request: Request; readonly at: number; readonly endpoint: string | null }
  | {
      readonly kind: 'finished' | 'released unused' | 'probe answered' | 'nothing';
      readonly request: Request;
      readonly at: number;
    }
  | { readonly kind: 'busy'; readonly request: Request; readonly until: number | null; readonly at: number };

/**
 * Performs one step after the other; one pick in four selects any request so far, so that invalid calls are tested too.
 */
export class Walk {
  readonly events: WalkEvent[] = [];
  now = 0;
  readonly scheduler: AnyScheduler;
  readonly #requests: Request[] = [];
  readonly #waiting = new Set<number>();
  readonly #running = new Set<number>();
  readonly #avoided = new Map<number, readonly string[]>();

  constructor(scheduler: AnyScheduler) {
    this.scheduler = scheduler;
  }

  take(step: Step): void {
    this.events.push({ kind: 'step', step, at: this.now });
    if ('nth' in step) this.#act(step);
    else if (step.kind === 'enqueue') this.#enqueue(step.request);
    else if (step.kind === 'adopt' || step.kind === 'restore') this.#takeOver(step);
    else if (step.kind === 'hold back') this.scheduler.holdBack(step.seats);
    else if (step.kind === 'empty bursts') this.scheduler.emptyBursts(this.now);
    else if (step.kind === 'advance') this.advance(step.ms);
    else if (step.kind === 'endpoints') this.scheduler.setEndpoints(step.provider, step.endpoints);
    else if (step.kind === 'served') this.scheduler.upstreamServed();
    else if (step.kind === 'drain') this.#expire(Number.POSITIVE_INFINITY);
    else if (step.kind === 'configure') {
      const { settings, tenants } = step.options;
      this.scheduler.configure(settings, tenants, this.now);
    }
  }

  /** Seats all requests that can be seated. */
  pump(): void {
    for (let id = this.scheduler.next(this.now); id !== undefined; id = this.scheduler.next(this.now)) {
      const granted = { request: this.#request(id), at: this.now, endpoint: this.scheduler.endpointOf(id) };
      this.events.push({ kind: 'granted', ...granted });
      this.#waiting.delete(id);
      this.#running.add(id);
    }
  }

  /** The endpoints that the request avoids since it was put back. */
  avoided(id: number): readonly string[] {
    return this.#avoided.get(id) ?? [];
  }

  advance(ms: number): void {
    this.now += ms;
    this.#expire(this.now);
  }

  #takeOver(step: Extract<Step, { kind: 'adopt' | 'restore' }>): void {
    const request = this.#come(step.request);
    if (step.kind === 'adopt') this.scheduler.adopt(request, step.charged, step.ageMs, this.now, step.endpoint);
    else this.scheduler.restore(request, step.ageMs, this.now);
    this.#note(step.kind === 'adopt' ? 'adopted' : 'restored', request.id);
    this.#expire(this.now);
  }

  #come(fields: Omit<Request, 'id'>): Request {
    const request = { ...fields, id: this.#requests.length };
    this.#requests.push(request);
    return request;
  }

  #enqueue(fields: Omit<Request, 'id'>): void {
    const request = this.#come(fields);
    this.#note(this.scheduler.enqueue(request, this.now), request.id);
    for (const id of this.scheduler.takeEvicted()) this.#note('evicted', id);
  }

  #expire(now: number): void {
    for (const id of this.scheduler.expire(now)) this.#note('expired', id);
  }

  #act(step: Acting): void {
    if (this.#requests.length === 0) return;
    const likely = [...(step.kind === 'cancel' ? this.#waiting : this.#running)];
    const any = step.nth % this.#requests.length;
    const id = step.nth % 4 === 0 ? any : (likely[step.nth % likely.length] ?? any);
    const { now } = this;
    if (step.kind === 'progress') this.#note(this.scheduler.progress(id, step.spent, now) ? 'charged' : 'nothing', id);
    if (step.kind === 'finish') this.#note(this.scheduler.finish(id, step.spent, now) ? 'finished' : 'nothing', id);
    if (step.kind === 'release unused')
      this.#note(this.scheduler.releaseUnused(id, now) ? 'released unused' : 'nothing', id);
    if (step.kind === 'put back') {
      const isBack = this.scheduler.putBack(id, now, step.avoid);
      if (isBack) this.#avoided.set(id, step.avoid ?? []);
      this.#note(isBack ? 'put back' : 'nothing', id);
      this.#expire(now); // its time may be over
    }
    if (step.kind === 'answered') {
      const wasProbe = this.scheduler.answered(id, step.how, now);
      this.#note(wasProbe ? 'probe answered' : 'nothing', id);
    }
    if (step.kind === 'busy') {
      const { scope, ms } = step;
      const until = this.scheduler.upstreamBusy(id, scope, ms === null ? null : now + ms, now);
      this.events.push({ kind: 'busy', request: this.#request(id), until, at: now });
    }
    if (step.kind === 'cancel') this.#note(this.scheduler.cancel(id) ? 'cancelled' : 'nothing', id);
  }

  #request(id: number): Request {
    const request = this.#requests[id];
    if (request === undefined) throw new Error(`no request ${id}`);
    return request;
  }

  #note(kind: Exclude<WalkEvent['kind'], 'step' | 'busy' | 'granted'>, id: number): void {
    this.events.push({ kind, request: this.#request(id), at: this.now });
    if (kind === 'queued' || kind === 'restored' || kind === 'put back') this.#waiting.add(id);
    else if (kind !== 'charged' && kind !== 'probe answered' && kind !== 'nothing') this.#waiting.delete(id);
    if (kind === 'adopted') this.#running.add(id);
    else if (kind === 'finished' || kind === 'released unused' || kind === 'put back') this.#running.delete(id);
  }
}

export interface WalkOptions {
  /** Called after each step, when all that could start has started. */
  readonly afterStep?: (walk: Walk) => void;
  /** Without it, seats are given only after every third step. */
  readonly pumpAlways?: boolean;
}

export function walk(scheduler: AnyScheduler, steps: readonly Step[], options: WalkOptions = {}): WalkEvent[] {
  const walked = new Walk(scheduler);
  for (const [index, step] of steps.entries()) {
    walked.take(step);
    if (options.pumpAlways === true || index % 3 === 2) walked.pump();
    options.afterStep?.(walked);
  }
  return walked.events;
}
