import { levelCount } from '../../domain/vocabulary.ts';

/** One endpoint of a provider (domain/endpoint.ts), with the requests that run there. */
export class Endpoint {
  readonly id: string;
  /** 0: it takes no requests. Those that run there then count neither as seats nor as in use, until it is up again. */
  seats = 0;
  inUse = 0;
  /** In use by level, and the estimated tokens of these requests. */
  readonly inUseBy = new Int32Array(levelCount);
  tokens = 0;
  /** When it was given a request last, in turns of its provider. */
  givenAt = 0;
  /** The provider has it no more; it is forgotten when its last request has ended. */
  isListed = true;

  constructor(id: string, seats: number) {
    this.id = id;
    this.seats = seats;
  }

  get isUp(): boolean {
    return this.seats > 0;
  }

  get hasRoom(): boolean {
    return this.inUse < this.seats;
  }

  take({ level, tokens }: Held): void {
    this.#change(level, 1, tokens);
  }

  free({ level, tokens }: Held): void {
    this.#change(level, -1, -tokens);
  }

  #change(level: number, requests: 1 | -1, tokens: number): void {
    this.inUse += requests;
    this.inUseBy[level] = (this.inUseBy[level] ?? 0) + requests;
    // Estimates may be fractions; rounding errors must not add up.
    this.tokens = this.inUse === 0 ? 0 : this.tokens + tokens;
  }
}

interface Held {
  readonly level: number;
  readonly tokens: number;
}
