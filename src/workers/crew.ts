/**
 * The workers of a gateway: each is started again when it ends, and what they ask of each other goes through here.
 *
 *   fork ─▶ starting ─▶ opening ─▶ listening ─▶ ready ─┐
 *     ▲      (welcome)                                  ├─▶ ended: by a signal, a fault, or because it was silent
 *     └──────── RestartDelay ◀──────────────────────────┘
 */
import type { Config } from '../config/config.ts';
import { ConfigFaults } from '../config/file/faults.ts';
import type { Clock } from '../domain/clock.ts';
import type { Change } from '../domain/peers.ts';
import { singleFlight } from '../domain/structures/single-flight.ts';
import type { Events } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Reading } from '../telemetry/registry.ts';
import type { CountedTenant } from '../telemetry/tenants/tenant-tally.ts';
import { withoutKeys } from '../telemetry/text.ts';
import { GatheredMetrics } from './gathered-metrics.ts';
import { eachLine, relayRecords } from './log-pipe.ts';
import type { Downward, Upward, UpwardAnswer, Welcome } from './messages.ts';
import { RestartDelay } from './restart-delay.ts';
import { SharedStreams } from './shared-streams.ts';
import { WorkerFault } from './worker-fault.ts';
import { silentMs, type WorkerEnd, type WorkerHearer, WorkerProcess } from './worker-process.ts';

interface CrewParts {
  readonly count: number;
  /** `port`: the one that the others have; null: nobody has one. */
  readonly welcome: (place: { number: number; port: number | null; reread: Config | null }) => Welcome;
  /** Null: there is no limit. */
  readonly maxStreamsPerKey: number | null;
  readonly ownReadings: () => Promise<readonly Reading[]>;
  /** Adds up what workers have counted of tenants. */
  readonly tenantsCounted: (counted: readonly CountedTenant[]) => void;
  readonly print: (text: string) => void;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'warn' | 'error'>;
  readonly logger: Pick<Logger, 'append' | 'requests' | 'log'>;
}

/** What a silent worker said last is good enough for a scrape. */
const gatherMs = 500;

export class Crew implements WorkerHearer {
  readonly #parts: CrewParts;
  readonly #workers = new Map<number, WorkerProcess>();
  readonly #delays = new Map<number, RestartDelay>();
  readonly #metrics = new GatheredMetrics();
  readonly #streams: SharedStreams;
  /** However many ask, as anybody may: one at a time. */
  readonly #gathered = singleFlight(() => this.#gatherAll());
  readonly #listening = Promise.withResolvers<string>();
  readonly #ready = Promise.withResolvers<void>();
  /** All have been ready once. */
  #isServing = false;
  #isStopping = false;
  #restarts = 0;
  /** The configuration that was read since the start; null: none. */
  #reread: Config | null = null;
  /** The port in use, once a worker listens … */
  #port: number | null = null;
  /** … and the one that those who live were told to take; null: the configured one. */
  #told: number | null = null;

  constructor(parts: CrewParts) {
    this.#parts = parts;
    this.#streams = new SharedStreams(parts.maxStreamsPerKey ?? Number.POSITIVE_INFINITY);
    // Whoever awaits only one of them is told by it.
    for (const promise of [this.#listening.promise, this.#ready.promise]) promise.catch(() => {});
  }

  /** Resolves with the URL when all listen; rejects with a WorkerFault. */
  get listening(): Promise<string> {
    return this.#listening.promise;
  }

  /** Resolves when all serve requests; rejects with a WorkerFault. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** How many serve requests now. */
  get serving(): number {
    return [...this.#workers.values()].filter(({ state }) => state === 'ready').length;
  }

  start(): void {
    for (let number = 1; number <= this.#parts.count; number++) this.#fork(number);
  }

  /** Has all of them stop; resolves when they have ended, and what they wrote is read. */
  async stop(wish: 'in_time' | 'when_done', mostMs: number | null): Promise<void> {
    this.#isStopping = true;
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.send({ t: 'stop', wish });
    const killAll = () => {
      for (const worker of this.#workers.values()) worker.kill();
    };
    const cancel = mostMs === null ? () => {} : this.#parts.clock.after(mostMs, killAll);
    await Promise.all(workers.map(({ closed }) => closed));
    cancel();
  }

  hurry(): void {
    for (const worker of this.#workers.values()) worker.send({ t: 'hurry' });
  }

  /** Throws ConfigFaults where it does not fit to what is stored; then it is in effect nowhere. */
  async configure(config: Config): Promise<void> {
    const [first, ...others] = this.#listeners();
    const ask = (worker: WorkerProcess) => worker.ask(id => ({ t: 'configure', id, config }));
    // All have the same rows, so what the first one refuses all would.
    const answer = first && (await ask(first));
    if (answer?.t === 'configured' && answer.faults.length > 0) throw new ConfigFaults(answer.faults);
    this.#reread = config;
    await Promise.all(others.map(ask));
  }

  said(worker: WorkerProcess, message: Exclude<Upward, UpwardAnswer>): void {
    if (message.t === 'opening') worker.state = 'opening';
    else if (message.t === 'listening') this.#listens(worker, message.url);
    else if (message.t === 'ready') this.#isReady(worker);
    else if (message.t === 'failed') this.#failed(worker, message);
    else if (message.t === 'print') this.#parts.print(message.text);
    else if (message.t === 'guess') for (const other of this.#othersOf(worker)) other.sendPerhaps(message);
    else if (message.t === 'counts') this.#metrics.said(worker, message.readings);
    else if (message.t === 'tenants') this.#parts.tenantsCounted(message.counted);
    else if (message.t === 'leave') this.#streams.leave(worker, message.key);
    else this.#asked(worker, message);
  }

  #asked(worker: WorkerProcess, message: Extract<Upward, { t: 'enter' | 'tell' | 'gather' }>): void {
    const { id } = message;
    if (message.t === 'tell') void this.#spread(worker, message.change, { t: 'told', id });
    else if (message.t === 'gather') void this.#gather(worker, id);
    else worker.send({ t: 'entered', id, underWay: this.#streams.enter(worker, message.key) });
  }

  broken({ number, pid }: WorkerProcess, reason: string): void {
    this.#parts.events.error(`Worker ${number} (process ${pid}) is broken, and is killed: it sent ${reason}`);
  }

  silent({ number, pid }: WorkerProcess): void {
    this.#parts.events.error(
      `Worker ${number} (process ${pid}) has not answered for ${silentMs / 1000} s: it is killed, and its requests are lost`,
    );
  }

  ended(worker: WorkerProcess, end: WorkerEnd): void {
    const { number, pid, startedAt, state } = worker;
    this.#workers.delete(number);
    // The last that it has said may still be on its way.
    void worker.closed.then(() => this.#forget(worker));
    if (this.#isStopping) return;
    const delayMs = this.#delayOf(number).after(this.#parts.clock.now() - startedAt);
    if (state !== 'failed' || this.#isServing) {
      const soon = delayMs === 0 ? 'now' : `in ${delayMs / 1000} s`;
      this.#parts.events.error(
        `Worker ${number} (process ${pid}) has ended ${howOf(end)}: it is started again ${soon}`,
      );
      this.#restarts++;
      this.#parts.clock.after(delayMs, () => this.#isStopping || this.#fork(number));
    }
  }

  #fork(number: number): void {
    const { clock, logger, welcome } = this.#parts;
    // Where all have ended, the next ones take the port that they had, although the system may have chosen it.
    if (this.#workers.size === 0) this.#told = this.#port;
    const worker = new WorkerProcess(number, { clock, hearer: this });
    this.#workers.set(number, worker);
    const { stdout, stderr } = worker.output;
    if (stdout) relayRecords(stdout, number, logger);
    if (stderr) eachLine(stderr, line => logger.log('warn', withoutKeys(line), { worker: number }));
    worker.send(welcome({ number, port: this.#told, reread: this.#reread }));
  }

  #forget(worker: WorkerProcess): void {
    this.#streams.ended(worker);
    void this.#metrics.ended(worker);
  }

  #delayOf(number: number): RestartDelay {
    const delay = this.#delays.get(number) ?? new RestartDelay();
    this.#delays.set(number, delay);
    return delay;
  }

  #listens(worker: WorkerProcess, url: string): void {
    worker.state = 'listening';
    this.#port = Number(new URL(url).port);
    // It may have been read again since its welcome.
    const config = this.#reread;
    if (config !== null) void worker.ask(id => ({ t: 'configure', id, config }));
    if (this.#listeners().length === this.#parts.count) this.#listening.resolve(url);
  }

  #isReady(worker: WorkerProcess): void {
    worker.state = 'ready';
    this.#parts.events.info(`Worker ${worker.number} (process ${worker.pid}) is ready`);
    if (this.serving < this.#parts.count) return;
    this.#isServing = true;
    this.#ready.resolve();
  }

  #failed(worker: WorkerProcess, { code, message }: Extract<Upward, { t: 'failed' }>): void {
    worker.state = 'failed';
    if (this.#isServing) {
      this.#parts.events.error(`Worker ${worker.number} cannot start: ${message}`);
      return;
    }
    const fault = new WorkerFault(code, message);
    this.#listening.reject(fault);
    this.#ready.reject(fault);
  }

  #listeners(): WorkerProcess[] {
    return [...this.#workers.values()].filter(({ state }) => state === 'listening' || state === 'ready');
  }

  /** Those that may hold what another one changes. */
  #othersOf(worker: WorkerProcess): WorkerProcess[] {
    return [...this.#workers.values()].filter(other => other !== worker && other.state !== 'starting');
  }

  async #spread(worker: WorkerProcess, change: Change, told: Downward): Promise<void> {
    await Promise.all(this.#othersOf(worker).map(other => other.ask(id => ({ t: 'hear', id, change }))));
    worker.send(told);
  }

  async #gather(worker: WorkerProcess, id: number): Promise<void> {
    const text = await this.#gathered().catch((error: unknown) => {
      this.#parts.events.error('The metrics of all workers cannot be put together', error);
      return null;
    });
    worker.send({ t: 'gathered', id, text });
  }

  async #gatherAll(): Promise<string> {
    const reading = async (one: WorkerProcess) => {
      const answer = await one.askWithin(gatherMs, id => ({ t: 'read', id }));
      if (answer?.t === 'read') this.#metrics.said(one, answer.readings);
    };
    await Promise.all(this.#listeners().map(reading));
    return this.#metrics.render(await this.#parts.ownReadings());
  }
}

function howOf({ code, signal, fault }: WorkerEnd): string {
  if (signal !== null) return `by ${signal}`;
  return fault === null ? `with code ${code}` : `before it began (${fault})`;
}
