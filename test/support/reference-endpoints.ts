/** The endpoints of all providers, in lists that every query scans. For reference-scheduler.ts. */
import type { EndpointSeats } from '../../src/domain/endpoint.ts';

interface Request {
  readonly provider: string;
  readonly avoid?: readonly string[];
}

interface Runner {
  readonly request: Request;
  readonly endpoint: string | null;
}

interface Known {
  readonly provider: string;
  readonly id: string;
  seats: number;
  isListed: boolean;
  givenAt: number;
}

type Running = () => readonly Runner[];
const none = Number.POSITIVE_INFINITY;

export class ReferenceEndpoints {
  #known: Known[] = [];
  readonly #told = new Set<string>();
  readonly #untold = new Set<string>();
  readonly #running: Running;
  #turns = 0;

  constructor(running: Running) {
    this.#running = running;
  }

  set(provider: string, listed: readonly EndpointSeats[]): void {
    this.#told.add(provider);
    this.#untold.delete(provider);
    const find = (id: string) => this.#known.find(one => one.provider === provider && one.id === id);
    const present = listed.map(({ id, seats }) => ({ provider, id, givenAt: 0, ...find(id), seats, isListed: true }));
    const gone = this.#of(provider).filter(({ id }) => !listed.some(one => one.id === id));
    const others = this.#known.filter(one => one.provider !== provider);
    this.#known = [...others, ...present, ...gone.map(one => ({ ...one, seats: 0, isListed: false }))];
    this.#forget();
  }

  met({ provider }: Request): void {
    if (this.#told.size > 0 && !this.#told.has(provider)) this.#untold.add(provider);
  }

  /** Null: it needs none; undefined: none is free. */
  choose(request: Request, shut: readonly string[]): string | null | undefined {
    if (!this.#told.has(request.provider)) return null;
    const free = this.#possible(request).filter(one => this.#inUse(one) < one.seats && !shut.includes(one.id));
    const share = (one: Known) => this.#inUse(one) / one.seats;
    const best = free.toSorted((a, b) => share(a) - share(b) || a.givenAt - b.givenAt)[0];
    return best?.id;
  }

  /** Whether it has to be passed by. */
  isFullTo(request: Request, shut: readonly string[]): boolean {
    const isAnySeat = !request.avoid?.length && shut.length === 0 && this.#told.size + this.#untold.size === 1;
    return !isAnySeat && this.choose(request, shut) === undefined;
  }

  /** The endpoints that are up and that it may go to, if its model were closed at none. */
  upFor(request: Request): string[] {
    return this.#told.has(request.provider) ? this.#possible(request).map(({ id }) => id) : [];
  }

  /** Whether all of them have closed its model. */
  isShutTo(request: Request, shut: readonly string[]): boolean {
    const up = this.upFor(request);
    return up.length > 0 && up.every(id => shut.includes(id));
  }

  isOneOfSeveral({ provider }: Request, endpoint: string | null): boolean {
    return endpoint !== null && this.#of(provider).some(({ id, isListed }) => isListed && id !== endpoint);
  }

  given(provider: string, id: string): void {
    const seats = this.#told.has(provider) ? 0 : none;
    const isKnown = this.#of(provider).some(one => one.id === id);
    if (!isKnown) this.#known.push({ provider, id, seats, isListed: false, givenAt: 0 });
    const turn = ++this.#turns;
    for (const one of this.#of(provider)) if (one.id === id) one.givenAt = turn;
  }

  ended(): void {
    this.#forget();
  }

  counts({ request: { provider }, endpoint }: Runner): boolean {
    return endpoint === null || this.#of(provider).some(({ id, seats }) => id === endpoint && seats > 0);
  }

  get seats(): number {
    if (this.#told.size === 0 || this.#untold.size > 0) return none;
    return this.#known.reduce((sum, { provider, seats }) => sum + (this.#told.has(provider) ? seats : 0), 0);
  }

  #possible({ provider, avoid = [] }: Request): readonly Known[] {
    const up = this.#of(provider).filter(({ seats }) => seats > 0);
    const others = up.filter(({ id }) => !avoid.includes(id));
    return others.length > 0 ? others : up;
  }

  #of(provider: string): Known[] {
    return this.#known.filter(one => one.provider === provider);
  }

  #inUse({ provider, id }: Known): number {
    return this.#running().filter(({ request, endpoint }) => request.provider === provider && endpoint === id).length;
  }

  #forget(): void {
    this.#known = this.#known.filter(one => one.isListed || this.#inUse(one) > 0);
  }
}
