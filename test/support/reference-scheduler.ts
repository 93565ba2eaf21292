/**
 * The scheduler's rules written as plainly as possible: lists, scans, nothing ever forgotten, none of the core's
 * modules. The real scheduler must give the identical sequence of grants.
 */
import type { EndpointSeats } from '../../src/domain/endpoint.ts';
import type { Spent } from '../../src/domain/usage.ts';
import type { Level, Policy } from '../../src/domain/vocabulary.ts';
import type { Admission, SchedulerOptions, SchedulerSettings, Scope } from '../../src/scheduler/scheduler.ts';
import { isBefore, levels, ReferenceQueue, type Request, type Runner, sum, type Waiter } from './reference-queue.ts';
import { ReferenceRates } from './reference-rates.ts';

export type { Request } from './reference-queue.ts';

const isWeighted: Record<Policy, (level: number) => boolean> = {
  strict: () => false,
  wfq: () => true,
  hybrid: level => level > 0,
};
const none = Number.POSITIVE_INFINITY;
type Readiness = 'ready' | 'full' | 'none';

export class ReferenceScheduler {
  #settings: SchedulerSettings;
  #seats: number;
  readonly #queue = new ReferenceQueue({
    changed: () => this.#look(),
    isHeld: level => this.#used(level) >= (this.#settings.cap[level] ?? 0),
  });
  readonly #rates = new ReferenceRates();
  readonly #counters: number[] = levels.map(() => 0);
  #readiness: Readiness[] = levels.map(() => 'none');
  #virtualTime = 0;
  #closedUntil = 0;
  #budget = none;

  constructor({ settings, tenants }: SchedulerOptions) {
    this.#settings = settings;
    this.#seats = settings.seats;
    this.configure(settings, tenants, 0);
  }

  get seats(): number {
    return Math.min(this.#seats, this.#budget, this.#queue.endpoints.seats);
  }

  get inUse(): number {
    return this.#counted().length;
  }

  waiting(level: Level): number {
    return this.#queue.waitingIn(level).length;
  }

  running(level: Level): number {
    return this.#queue.runningIn(level);
  }

  endpointOf(id: number): string | null {
    return this.#runner(id)?.endpoint ?? null;
  }

  setEndpoints(provider: string, endpoints: readonly EndpointSeats[]): void {
    this.#queue.endpoints.set(provider, endpoints);
    this.#queue.changed();
  }

  aside(level: Level): number {
    return this.#queue.waitingIn(level).filter(({ request }) => !this.#queue.isOpenTo(request)).length;
  }

  configure(settings: SchedulerSettings, tenants: SchedulerOptions['tenants'], now: number): void {
    const isCounted = (level: Level) => this.#weighted(level) && this.#settings.shareBy === 'level';
    const before = levels.filter(isCounted);
    const isAtMost = this.#seats === this.#settings.seats;
    this.#seats = isAtMost || !settings.aimd ? settings.seats : Math.min(this.#seats, settings.seats);
    this.#settings = settings;
    for (const level of levels.filter(isCounted)) if (!before.includes(level)) this.#lift(level);
    this.#rates.configure(settings, now);
    this.#queue.share(level => (this.#sharesByTenant(level) ? (settings.weights[level] ?? 0) : null));
    this.#queue.configure(tenants, now);
    this.#look();
  }

  enqueue(request: Request, now: number): Admission {
    if (request.tokens > (this.#settings.maxTokensInFlight ?? none)) return 'impossible';
    if (!this.startsAtOnce(request, now)) {
      const refusal = this.#queue.makeRoom(request, this.#settings);
      if (refusal !== null) return refusal;
    }
    this.#queue.enter(request, now + request.timeoutMs);
    return 'queued';
  }

  adopt(request: Request, charged: Spent, ageMs: number, now: number, endpoint: string | null = null): void {
    this.#met(request);
    if (endpoint !== null) this.#queue.endpoints.given(request.provider, endpoint);
    const { flowWeight, levelWeight } = this.#weightsOf(request);
    const deadline = now - ageMs + request.timeoutMs;
    this.#queue.adopt(request, { deadline, charged, flowWeight, levelWeight, endpoint }, now);
    this.#look();
  }

  restore(request: Request, ageMs: number, now: number): void {
    this.#queue.review(request.flowId, now);
    this.#met(request);
    this.#queue.enter(request, now - ageMs + request.timeoutMs);
  }

  holdBack(seats: number | null): void {
    this.#budget = seats ?? none;
  }

  emptyBursts(now: number): void {
    this.#rates.empty(now);
    this.#queue.emptyBursts(now);
  }

  startsAtOnce(request: Request, now: number): boolean {
    this.#queue.advance(now);
    this.#met(request);
    const isFirst = levels.every(level => !this.#mayStart(level) || this.#queue.first(level) === undefined);
    const isAside = this.#queue.isParked(request.flowId) || !this.#queue.isOpenTo(request);
    const isFree = this.#mayStart(request.level) && !isAside && this.#queue.choose(request) !== undefined;
    return isFirst && isFree && this.#isOpen(now) && this.#fits(request.tokens);
  }

  next(now: number): number | undefined {
    this.#queue.advance(now);
    const able = levels.filter(level => this.#mayStart(level) && this.#queue.first(level) !== undefined);
    if (able.length === 0 || !this.#isOpen(now)) return undefined;
    const chosen = this.#queue.first(this.#pick(able));
    if (chosen === undefined || !this.#fits(chosen.request.tokens)) return undefined;
    const endpoint = this.#queue.choose(chosen.request);
    if (endpoint === undefined) throw new Error('a request is chosen that no endpoint has a seat for');
    this.#start(chosen, endpoint, now);
    return chosen.request.id;
  }

  progress(id: number, spent: Spent, now: number): boolean {
    const runner = this.#runner(id);
    if (runner === undefined || spent.cost <= runner.charged.cost + 16) return false;
    this.#settle(runner, spent, now);
    return true;
  }

  finish(id: number, spent: Spent, now: number): boolean {
    const runner = this.#runner(id);
    if (runner === undefined) return false;
    this.#settle(runner, spent, now);
    this.#queue.closures.probeEnded(runner.request, 'no answer', now);
    this.#queue.running = this.#queue.running.filter(other => other !== runner);
    this.#queue.endpoints.ended();
    this.#queue.restIfIdle(runner.request.level);
    this.#queue.review(runner.request.flowId, now);
    this.#look();
    return true;
  }

  releaseUnused(id: number, now: number): boolean {
    const runner = this.#runner(id);
    if (runner !== undefined) {
      this.#rates.giveBackRequest();
      this.#queue.closures.probeEnded(runner.request, 'told nothing', now);
    }
    return this.#undo(id, now);
  }

  putBack(id: number, now: number, avoid: readonly string[] = []): boolean {
    const runner = this.#runner(id);
    if (runner === undefined || !this.#undo(id, now)) return false;
    this.#queue.enter({ ...runner.request, avoid }, runner.deadline, 'first');
    return true;
  }

  cancel(id: number): boolean {
    return this.#queue.cancel(id);
  }

  expire(now: number): number[] {
    this.#queue.takeOverdue(deadline => deadline <= now);
    return this.#queue.overdue.splice(0).map(waiter => waiter.request.id);
  }

  takeEvicted(): number[] {
    return this.#queue.evicted.splice(0).map(waiter => waiter.request.id);
  }

  upstreamBusy(id: number, said: Scope, until: number | null, now: number): number | null {
    const runner = this.#runner(id);
    if (runner === undefined) return null;
    const { request, endpoint } = runner;
    const { closures } = this.#queue;
    const scope = this.#queue.endpoints.isOneOfSeveral(request, endpoint) ? 'endpoint' : said;
    this.#queue.advance(now);
    const available = this.#queue.endpoints.seats;
    const isDrop = this.#settings.aimd && available > 0 && (scope === 'provider' || until === null);
    if (isDrop) this.#seats = Math.max(1, Math.floor(Math.min(this.#seats, available) * 0.9));
    let closedUntil = until === null ? null : closures.close(request, scope, endpoint, until, now);
    if (until !== null && closedUntil === null && scope !== 'endpoint') {
      this.#closedUntil = Math.max(this.#closedUntil, Math.min(until, now + 30_000));
      closedUntil = this.#closedUntil;
    }
    closures.probeEnded(request, 'busy', now);
    this.#queue.changed();
    if (scope !== 'endpoint' || closedUntil === null) return closedUntil;
    return this.#queue.keptUntil(request) ?? now;
  }

  answered(id: number, how: 'taken' | 'at fault', now: number): boolean {
    const request = this.#runner(id)?.request;
    if (request === undefined) return false;
    const { closures } = this.#queue;
    const wasProbe = how === 'taken' ? closures.taken(request) : closures.probeEnded(request, 'told nothing', now);
    this.#queue.changed();
    return wasProbe;
  }

  upstreamServed(): void {
    const { aimd, seats } = this.#settings;
    if (aimd && this.inUse * 2 >= this.#seats) this.#seats = Math.min(this.#seats + 1, seats);
  }

  /** Level p may start one more iff U < C, used_p < cap_p and (used_p < reserved_p ? H ≤ C : H < C). */
  #mayStart(level: Level): boolean {
    const own = this.#used(level);
    const reserved = this.#reserved();
    const held = this.#held(reserved);
    const isWithin = own < (reserved[level] ?? 0) ? held <= this.seats : held < this.seats;
    return this.inUse < this.seats && own < (this.#settings.cap[level] ?? 0) && isWithin;
  }

  #held(reserved: readonly number[]): number {
    let held = 0;
    for (const level of levels) held += Math.max(this.#used(level), reserved[level] ?? 0);
    return held;
  }

  /** Cut by single seats, from the worst level up, until one seat is left to share. */
  #reserved(): number[] {
    const reserved = [...this.#settings.reserved];
    while (sum(reserved) >= this.seats && sum(reserved) > 0) {
      const worst = reserved.findLastIndex(own => own > 0);
      reserved[worst] = (reserved[worst] ?? 0) - 1;
    }
    return reserved;
  }

  #isOpen(now: number): boolean {
    return now >= this.#closedUntil && this.#rates.isOpen(now);
  }

  #fits(tokens: number): boolean {
    const inFlight = sum(this.#counted().map(({ request }) => request.tokens));
    return this.inUse === 0 || inFlight + tokens <= (this.#settings.maxTokensInFlight ?? none);
  }

  #pick(able: readonly Level[]): Level {
    const counter = (level: Level) => this.#counters[level] ?? 0;
    const strict = able.find(level => !this.#weighted(level));
    if (strict !== undefined) return strict;
    if (this.#settings.shareBy === 'level')
      return able.reduce((best, level) => (counter(level) < counter(best) ? level : best));
    const firsts = able.map(level => this.#queue.first(level)).filter(waiter => waiter !== undefined);
    return firsts.reduce((best, waiter) => (isBefore(waiter, best) ? waiter : best)).request.level;
  }

  #start(chosen: Waiter, endpoint: string | null, now: number): void {
    const { request, flow } = chosen;
    const level = this.#queue.level(request.level);
    const tenant = this.#queue.tenant(request.flowId);
    const { flowWeight, levelWeight, isCounted } = this.#weightsOf(request);
    // On a seat that only some levels may use, a level, or a flow of the pool, was not chosen among all.
    const wasChosen = this.#held(this.#reserved()) < this.seats;
    if (wasChosen || !this.#queue.isShared(request.level)) level.time.now = Math.max(level.time.now, flow.counter);
    flow.counter += request.cost / (flowWeight * level.weight);
    if (wasChosen && isCounted) this.#virtualTime = Math.max(this.#virtualTime, this.#counters[request.level] ?? 0);
    this.#correct(request.level, request.cost / levelWeight);
    this.#queue.waiting = this.#queue.waiting.filter(waiter => waiter !== chosen);
    if (endpoint !== null) this.#queue.endpoints.given(request.provider, endpoint);
    this.#queue.running.push({ ...chosen, charged: request, flowWeight, levelWeight, endpoint });
    this.#queue.closures.started(request, endpoint, now);
    this.#rates.take(request.tokens, now);
    tenant?.rates.take(request.tokens, now);
    this.#queue.review(request.flowId, now);
    this.#look();
  }

  #weightsOf({ flowId, level }: Request): { flowWeight: number; levelWeight: number; isCounted: boolean } {
    const flowWeight = this.#queue.tenant(flowId)?.rules.weight ?? 1;
    const isCounted = this.#weighted(level) && !this.#sharesByTenant(level);
    return { flowWeight, levelWeight: isCounted ? (this.#settings.weights[level] ?? 0) : none, isCounted };
  }

  #settle(runner: Runner, spent: Spent, now: number): void {
    const { request, charged, flow, flowWeight, levelWeight } = runner;
    flow.counter += (spent.cost - charged.cost) / (flowWeight * this.#queue.level(request.level).weight);
    this.#correct(request.level, (spent.cost - charged.cost) / levelWeight);
    this.#rates.correct(spent.tokens - charged.tokens, now);
    this.#queue.tenant(request.flowId)?.rates.correct(spent.tokens - charged.tokens, now);
    runner.charged = spent;
    this.#queue.review(request.flowId, now);
  }

  #undo(id: number, now: number): boolean {
    const flowId = this.#runner(id)?.request.flowId;
    if (flowId !== undefined) this.#queue.tenant(flowId)?.rates.giveBackRequest();
    return this.finish(id, { cost: 0, tokens: 0 }, now);
  }

  /** As for flows: see ReferenceQueue.changed. */
  #look(): void {
    for (const level of levels) {
      const isBelowCap = this.#used(level) < (this.#settings.cap[level] ?? 0);
      const isReady = this.#queue.first(level) !== undefined;
      const after = !isBelowCap ? 'none' : isReady ? 'ready' : this.#queue.fullIn(level) > 0 ? 'full' : 'none';
      const before = this.#readiness[level];
      if (before === after) continue;
      if (before === 'full') this.#correct(level, this.#virtualTime);
      else if (before === 'none') this.#lift(level);
      if (after === 'full') this.#correct(level, -this.#virtualTime);
      this.#readiness[level] = after;
    }
  }

  #lift(level: Level): void {
    const time = this.#readiness[level] === 'full' ? 0 : this.#virtualTime;
    this.#counters[level] = Math.max(this.#counters[level] ?? 0, time);
  }

  #met(request: Request): void {
    this.#queue.endpoints.met(request);
    this.#queue.changed();
  }

  /** The requests on seats of the pool: not those at endpoints that are down. */
  #counted(): readonly Runner[] {
    return this.#queue.running.filter(runner => this.#queue.endpoints.counts(runner));
  }

  #used(level: Level): number {
    return this.#counted().filter(({ request }) => request.level === level).length;
  }

  #correct(level: Level, amount: number): void {
    this.#counters[level] = (this.#counters[level] ?? 0) + amount;
  }

  #weighted(level: number): boolean {
    return isWeighted[this.#settings.policy](level);
  }

  #sharesByTenant(level: number): boolean {
    return this.#weighted(level) && this.#settings.shareBy === 'tenant';
  }

  #runner(id: number): Runner | undefined {
    return this.#queue.running.find(({ request }) => request.id === id);
  }
}
