/** The real scheduler and the reference under one interface, which names requests by ID. */
import type { EndpointSeats } from '../../src/domain/endpoint.ts';
import type { Spent } from '../../src/domain/usage.ts';
import type { Level } from '../../src/domain/vocabulary.ts';
import { type Admission, Place, Scheduler, type SchedulerOptions, type Scope } from '../../src/scheduler/scheduler.ts';
import type { Request } from './reference-queue.ts';

/** The common interface of the real scheduler and the reference. */
export interface AnyScheduler {
  readonly inUse: number;
  readonly seats: number;
  waiting(level: Level): number;
  running(level: Level): number;
  /** The number of waiting requests that stand aside because the upstream has closed their target. */
  aside(level: Level): number;
  startsAtOnce(request: Request, now: number): boolean;
  enqueue(request: Request, now: number): Admission;
  /** Where a running request has its seat; null: at no endpoint. */
  endpointOf(id: number): string | null;
  setEndpoints(provider: string, endpoints: readonly EndpointSeats[]): void;
  adopt(request: Request, charged: Spent, ageMs: number, now: number, endpoint?: string | null): void;
  restore(request: Request, ageMs: number, now: number): void;
  holdBack(seats: number | null): void;
  emptyBursts(now: number): void;
  takeEvicted(): number[];
  next(now: number): number | undefined;
  progress(id: number, spent: Spent, now: number): boolean;
  finish(id: number, spent: Spent, now: number): boolean;
  releaseUnused(id: number, now: number): boolean;
  putBack(id: number, now: number, avoid?: readonly string[]): boolean;
  cancel(id: number): boolean;
  expire(now: number): number[];
  upstreamBusy(id: number, scope: Scope, until: number | null, now: number): number | null;
  answered(id: number, how: 'taken' | 'at fault', now: number): boolean;
  upstreamServed(): void;
  configure(settings: SchedulerOptions['settings'], tenants: SchedulerOptions['tenants'], now: number): void;
}

/** The real scheduler, called with request IDs. */
export class SchedulerById implements AnyScheduler {
  readonly scheduler: Scheduler<number>;
  readonly #places = new Map<number, Place<number>>();

  constructor(options: SchedulerOptions) {
    this.scheduler = new Scheduler(options);
  }

  get inUse(): number {
    return this.scheduler.inUse;
  }

  get seats(): number {
    return this.scheduler.seats;
  }

  waiting(level: Level): number {
    return this.scheduler.level(level).waiting;
  }

  running(level: Level): number {
    return this.scheduler.level(level).running;
  }

  aside(level: Level): number {
    return this.scheduler.level(level).aside;
  }

  startsAtOnce(request: Request, now: number): boolean {
    return this.scheduler.startsAtOnce(placeOf(request), now);
  }

  enqueue(request: Request, now: number): Admission {
    return this.scheduler.enqueue(this.#placeFor(request), now);
  }

  endpointOf(id: number): string | null {
    return this.#place(id).endpoint?.id ?? null;
  }

  setEndpoints(provider: string, endpoints: readonly EndpointSeats[]): void {
    this.scheduler.setEndpoints(provider, endpoints);
  }

  adopt(request: Request, charged: Spent, ageMs: number, now: number, endpoint: string | null = null): void {
    this.scheduler.takeover.adopt(this.#placeFor(request), charged, ageMs, now, endpoint);
  }

  restore(request: Request, ageMs: number, now: number): void {
    this.scheduler.takeover.restore(this.#placeFor(request), ageMs, now);
  }

  holdBack(seats: number | null): void {
    this.scheduler.takeover.holdBack(seats);
  }

  emptyBursts(now: number): void {
    this.scheduler.takeover.emptyBursts(now);
  }

  takeEvicted(): number[] {
    return this.scheduler.takeEvicted().map(place => place.holder);
  }

  next(now: number): number | undefined {
    return this.scheduler.next(now)?.holder;
  }

  progress(id: number, spent: Spent, now: number): boolean {
    return this.scheduler.progress(this.#place(id), spent, now);
  }

  finish(id: number, spent: Spent, now: number): boolean {
    return this.scheduler.finish(this.#place(id), spent, now);
  }

  releaseUnused(id: number, now: number): boolean {
    return this.scheduler.releaseUnused(this.#place(id), now);
  }

  putBack(id: number, now: number, avoid: readonly string[] = []): boolean {
    const place = this.#place(id);
    if (place.state === 'running') place.avoid = avoid;
    return this.scheduler.putBack(place, now);
  }

  cancel(id: number): boolean {
    return this.scheduler.cancel(this.#place(id));
  }

  expire(now: number): number[] {
    return this.scheduler.expire(now).map(place => place.holder);
  }

  upstreamBusy(id: number, scope: Scope, until: number | null, now: number): number | null {
    return this.scheduler.upstreamBusy(this.#place(id), scope, until, now);
  }

  answered(id: number, how: 'taken' | 'at fault', now: number): boolean {
    return this.scheduler.answered(this.#place(id), how, now);
  }

  upstreamServed(): void {
    this.scheduler.upstreamServed();
  }

  configure(settings: SchedulerOptions['settings'], tenants: SchedulerOptions['tenants'], now: number): void {
    this.scheduler.configure(settings, tenants, now);
  }

  #placeFor(request: Request): Place<number> {
    const place = placeOf(request);
    this.#places.set(request.id, place);
    return place;
  }

  #place(id: number): Place<number> {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`no request ${id}`);
    return place;
  }
}

function placeOf(request: Request): Place<number> {
  const place = new Place(request.id, request, request.timeoutMs);
  place.avoid = request.avoid ?? [];
  return place;
}
