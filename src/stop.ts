/**
 * How a gateway stops, in stages. Each ends with its time, or at once when somebody is in a hurry:
 *
 *   leave   everything is served, probes and answers say that the gateway goes: balancers send elsewhere
 *   drain   nothing new comes in; what waits is served for as long as its pool says, streams run to their end
 */
import type { Clock } from './domain/clock.ts';
import { errors } from './domain/errors.ts';
import type { Dispatcher } from './gateway/dispatcher.ts';
import type { Connections } from './http/connections.ts';
import type { HttpServer } from './http/server.ts';
import type { Events } from './telemetry/events.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

export class Patience {
  readonly #clock: Clock;
  #giveUp: (() => void) | null = null;
  #isInHurry = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** So long, or until somebody is in a hurry. */
  async wait(ms: number): Promise<void> {
    if (!this.#isInHurry) {
      await new Promise<void>(resolve => {
        const cancel = this.#clock.after(ms, resolve);
        this.#giveUp = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#giveUp = null;
    this.#isInHurry = false;
  }

  /** Ends the wait that is under way; else the next one. */
  hurry(): void {
    if (this.#giveUp === null) this.#isInHurry = true;
    else this.#giveUp();
  }
}

interface Leaving {
  readonly connections: Pick<Connections, 'endWithAnswers'>;
  readonly delayMs: number;
  readonly patience: Patience;
  readonly events: Pick<Events, 'info'>;
}

/** The port stays open and idle connections stay, so that whoever has not heard of it yet loses nothing. */
export async function leave({ connections, delayMs, patience, events }: Leaving): Promise<void> {
  connections.endWithAnswers();
  if (delayMs === 0) return;
  events.info(`Leaving: /readyz answers 503, all else is served for another ${delayMs / 1000} s (shutdown_delay_sec)`);
  await patience.wait(delayMs);
}

interface Draining {
  readonly http: HttpServer;
  readonly dispatchers: readonly Dispatcher[];
  readonly upstreams: Upstreams;
  /** How long streams may still run. */
  readonly graceMs: number;
  readonly patience: Patience;
}

/** The end of the grace period is the end of what waits and of what runs. */
export async function drain({ http, dispatchers, upstreams, graceMs, patience }: Draining): Promise<void> {
  const closeConnections = http.drain();
  const idle = Promise.all(dispatchers.map(dispatcher => dispatcher.drain()));
  await Promise.race([idle, patience.wait(graceMs)]);
  for (const dispatcher of dispatchers) dispatcher.refuseAll();
  upstreams.abortAll(errors.unavailable('The gateway is shutting down.', 1));
  await idle;
  await closeConnections();
  await upstreams.close();
}
