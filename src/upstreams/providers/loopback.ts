import type { LoopbackProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { GatewayError } from '../../domain/errors.ts';
import type { Sink } from '../../domain/sink.ts';
import { Ring } from '../../domain/structures/ring.ts';
import { Answer, type AnswerContext, type Source } from '../answer/answer.ts';
import { type ListedModel, listedModel } from '../models/listed-model.ts';
import { clientGone, type Forwarded, type PutBack, type Upstream, type UpstreamCall } from '../provider.ts';
import { type LoopbackAnswer, loopbackAnswer } from './loopback-answers.ts';

/** A client may leave an answer unread for as long as with other providers by default. */
const stallMs = 300_000;

/** An upstream inside the process, for trials and tests, with a configurable delay and a short answer. */
export class LoopbackUpstream implements Upstream {
  readonly name: string;
  readonly pool: string;
  readonly passthrough: boolean;
  readonly affinity = 'none';
  readonly models: readonly string[];
  readonly #config: LoopbackProviderConfig;
  readonly #context: AnswerContext;

  constructor(config: LoopbackProviderConfig, clock: Clock) {
    this.name = config.name;
    this.pool = config.pool;
    this.passthrough = config.passthrough;
    this.models = config.models;
    this.#config = config;
    this.#context = { clock, stallMs, running: new Ring() };
  }

  readonly retriesUnsafe = false;

  hasOther(): boolean {
    return false;
  }

  downUntil(): null {
    return null;
  }

  restsUntil(): null {
    return null;
  }

  /** Serves both dialects. */
  serves(): boolean {
    return true;
  }

  forward(call: UpstreamCall, sink: Sink): Promise<Forwarded | PutBack> {
    if (sink.isClosed) return Promise.resolve(clientGone);
    return new Promise((resolve, reject) => {
      const served = new LoopbackCall(loopbackAnswer(call), this.#config, this.#context.clock);
      served.begin(new Answer(call, sink, served, this.#context, { resolve, reject }));
    });
  }

  async listModels(): Promise<readonly ListedModel[]> {
    return [listedModel('loopback', this.name)].filter(model => model !== null);
  }

  abortAll(error: GatewayError): void {
    for (const answer of [...this.#context.running]) answer.abort(error);
  }

  async close(): Promise<void> {}
}

/** One answer in progress: the first byte after serviceMs, then one part every chunkMs. */
class LoopbackCall implements Source {
  readonly #made: LoopbackAnswer;
  readonly #config: LoopbackProviderConfig;
  readonly #clock: Clock;
  #sent = 0;
  #isPaused = false;
  #isDue = false;
  #cancelTimer: () => void = () => {};

  constructor(made: LoopbackAnswer, config: LoopbackProviderConfig, clock: Clock) {
    this.#made = made;
    this.#config = config;
    this.#clock = clock;
  }

  begin(answer: Answer): void {
    const { serviceMs, chunkMs } = this.#config;
    this.#cancelTimer = this.#clock.after(serviceMs + this.#made.chunksBefore * chunkMs, () => {
      answer.start(200, { 'content-type': this.#made.contentType });
      this.#send(answer);
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isDue) this.#goOn();
  }

  stop(closed: () => void): void {
    this.#cancelTimer();
    this.#goOn = () => {};
    closed();
  }

  #goOn: () => void = () => {};

  #send(answer: Answer): void {
    const part = this.#made.parts[this.#sent++];
    if (part === undefined) {
      answer.end();
      return;
    }
    answer.write(typeof part === 'string' ? Buffer.from(part) : part);
    this.#goOn = () => {
      this.#isDue = this.#isPaused;
      if (!this.#isPaused) this.#send(answer);
    };
    // The last part follows the one before it without a delay.
    if (this.#sent >= this.#made.parts.length - 1 || this.#config.chunkMs === 0) this.#goOn();
    else this.#cancelTimer = this.#clock.after(this.#config.chunkMs, () => this.#goOn());
  }
}
