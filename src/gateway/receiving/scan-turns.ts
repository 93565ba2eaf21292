import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../domain/clock.ts';

/** The time that scans may take of one turn of the event loop. */
const mostMsPerTurn = 4;
/** One more piece of each may come in the next turn. */
const resumedPerTurn = 4;

/**
 * Bodies that take long to scan share a time budget per turn, so that together they do not block other requests: when
 * it is used up, incoming bodies pause and continue in later turns, in order.
 */
export class ScanTurns {
  readonly #clock: Clock;
  readonly #paused: IncomingMessage[] = [];
  #spentMs = 0;
  #isTurning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Scans a piece of the body of `req`. */
  take(req: IncomingMessage, look: () => void): void {
    const before = this.#clock.now();
    look();
    this.#spentMs += this.#clock.now() - before;
    this.#turnLater();
    if (this.#spentMs < mostMsPerTurn || req.isPaused()) return;
    req.pause();
    this.#paused.push(req);
  }

  #turnLater(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      this.#spentMs = 0;
      for (const req of this.#paused.splice(0, resumedPerTurn)) req.resume();
      if (this.#paused.length > 0) this.#turnLater();
    });
  }
}
