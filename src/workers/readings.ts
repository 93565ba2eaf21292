/** What a worker tells its parent of its metrics: one reading after the other, so that none that is older arrives after it. */
import { SaidOnce } from '../domain/structures/said-once.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Upward } from './messages.ts';

export interface ReadingsParts extends Pick<Metrics, 'readCounts' | 'readAll' | 'takeTenants'> {
  /** Resolves when it is sent, or cannot be any more. */
  readonly send: (message: Upward) => Promise<void>;
  /** Something cannot be read: said once, until all can be read again. */
  readonly onFault: (error: unknown) => void;
}

export class Readings {
  readonly #parts: ReadingsParts;
  readonly #said = new SaidOnce<'fault'>();
  #last: Promise<void> = Promise.resolve();

  constructor(parts: ReadingsParts) {
    this.#parts = parts;
  }

  /** Neither rejects: the parent keeps what it was told before, and the next reading is another one. */
  tellCounts(): Promise<void> {
    return this.#next(async () => ({ t: 'counts', readings: await this.#parts.readCounts() }));
  }

  answer(id: number): Promise<void> {
    return this.#next(async () => ({ t: 'read', id, readings: await this.#parts.readAll() }));
  }

  #next(read: () => Promise<Upward>): Promise<void> {
    this.#last = this.#last.then(() => this.#tell(read));
    return this.#last;
  }

  async #tell(read: () => Promise<Upward>): Promise<void> {
    try {
      this.#tellTenants();
      const message = await read();
      this.#said.isOver('fault');
      await this.#parts.send(message);
    } catch (error) {
      if (this.#said.isNews('fault', String(error))) this.#parts.onFault(error);
    }
  }
  /** In a message of its own: an answer that comes too late is dropped, and this would be missing for ever. */
  #tellTenants(): void {
    const counted = this.#parts.takeTenants();
    if (counted.length > 0) void this.#parts.send({ t: 'tenants', counted });
  }
}
