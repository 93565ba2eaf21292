import type { Sink } from '../../domain/sink.ts';
import type { UpstreamCall } from '../provider.ts';
import { type ModelRestorer, modelRestorer, withoutLength } from './model-restorer.ts';

/** Returns the sink for the answer's bytes as they come from the upstream. */
export const sinkFor = ({ model, upstreamModel, restoresModel }: UpstreamCall, sink: Sink): Sink =>
  restoresModel && model !== upstreamModel ? new RestoringSink(model, sink) : sink;

/** Names the model as the client asked for it. */
class RestoringSink implements Sink {
  readonly #model: string;
  readonly #sink: Sink;
  /** Null: the answer passes as it is. */
  #restorer: ModelRestorer | null = null;

  constructor(model: string, sink: Sink) {
    this.#model = model;
    this.#sink = sink;
  }

  get isClosed(): boolean {
    return this.#sink.isClosed;
  }

  onClosed(listener: () => void): void {
    this.#sink.onClosed(listener);
  }

  ownHeaders(): Record<string, string> {
    return this.#sink.ownHeaders();
  }

  begin(status: number, headers: (string | string[])[]): void {
    if (status < 400) this.#restorer = modelRestorer(this.#model, headers);
    this.#sink.begin(status, this.#restorer === null ? headers : withoutLength(headers));
  }

  flushHeaders(): void {
    this.#sink.flushHeaders();
  }

  write(bytes: Buffer): boolean {
    const restored = this.#restorer?.push(bytes) ?? bytes;
    return restored.length === 0 || this.#sink.write(restored);
  }

  onceDrained(listener: () => void): void {
    this.#sink.onceDrained(listener);
  }

  end(last?: string): void {
    const held = this.#restorer?.end();
    if (held !== undefined && held.length > 0) this.#sink.write(held);
    this.#sink.end(last);
  }

  breakOff(): void {
    this.#sink.breakOff();
  }
}
