/**
 * The stages in which a gateway stops. Each ends after its time, or at once on a further signal:
 *
 *   leaving    everything is served; probes and answers announce the stop, so that balancers use other gateways
 *   draining   new requests are refused; waiting ones are served for their pool's drain time, streams run to their end
 */
import type { Clock } from './domain/clock.ts';
import { errors } from './domain/errors.ts';
import type { Dispatcher } from './gateway/pool/dispatcher.ts';
import type { Connections } from './http/door/connections.ts';
import type { HttpServer } from './http/server.ts';
import type { Events } from './telemetry/events.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

/** Running requests have the grace period, or unlimited time; `orphaned`: the process that had the port is gone. */
export type StopWish = 'in_time' | 'when_done' | 'orphaned';

interface Stages {
  readonly http: HttpServer;
  readonly connections: Pick<Connections, 'endWithAnswers'>;
  readonly dispatchers: readonly Dispatcher[];
  readonly upstreams: Pick<Upstreams, 'abortAll'>;
  readonly events: Pick<Events, 'info'>;
  readonly delayMs: number;
  /** Null: without a limit. */
  readonly graceMs: number | null;
}

export class Stop {
  readonly #clock: Clock;
  readonly #draining = new AbortController();
  #hasBegun = false;
  #endWait: (() => void) | null = null;
  #isInHurry = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Fires when nothing new is begun any more. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Ends the stage that is under way, or the next one. */
  hurry(): void {
    if (this.#endWait === null) this.#isInHurry = true;
    else this.#endWait();
  }

  /** For a start that failed: what runs in the background ends. */
  abandon(): void {
    this.#draining.abort();
  }

  /** Resolves when nothing is under way any more and all connections are closed. */
  async run(stages: Stages): Promise<void> {
    this.#hasBegun = true;
    await this.#leave(stages);
    stages.events.info('Stopping');
    this.#draining.abort();
    await this.#drain(stages);
  }

  /** The port and idle connections stay open, so that clients that do not know of it yet lose nothing. */
  async #leave({ connections, delayMs, events }: Stages): Promise<void> {
    connections.endWithAnswers();
    if (delayMs === 0) return;
    events.info(
      `Leaving: /readyz answers 503, all else is served for another ${delayMs / 1000} s (shutdown_delay_sec)`,
    );
    await this.#wait(delayMs);
  }

  /** The end of the grace period is the end of what waits and of what runs. */
  async #drain({ http, dispatchers, upstreams, graceMs }: Stages): Promise<void> {
    const closeConnections = http.drain();
    const idle = Promise.all(dispatchers.map(dispatcher => dispatcher.drain()));
    await Promise.race([idle, this.#wait(graceMs)]);
    for (const dispatcher of dispatchers) dispatcher.refuseAll();
    upstreams.abortAll(errors.unavailable('The gateway is shutting down.', 1));
    await idle;
    await closeConnections();
  }

  async #wait(ms: number | null): Promise<void> {
    if (!this.#isInHurry) {
      await new Promise<void>(resolve => {
        const cancel = ms === null ? () => {} : this.#clock.after(ms, resolve);
        this.#endWait = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#endWait = null;
    this.#isInHurry = false;
  }
}
