import type { PoolConfig, PoolSettings } from '../../config/config.ts';
import type { UploadLimits } from './uploads.ts';

interface BodyLimitParts {
  readonly maxBodyBytes: number;
  /** The minimum speed of an incoming body; 0: no limit. */
  readonly minBytesPerSec: number;
  readonly pools: readonly PoolConfig[];
  /** The processes of this gateway, which share the limit. */
  readonly processes: number;
}

/**
 * The limits of incoming bodies together: as much as may wait in the largest pool, divided among the processes of this
 * gateway, and never less than two bodies of the largest size. They follow the settings of the pools; uploads beyond a lowered bound are dropped as they grow.
 */
export class BodyLimits implements UploadLimits {
  readonly maxBytes: number;
  readonly minBytesPerSec: number;
  readonly #processes: number;
  /** By pool. */
  readonly #queuedBytes: Map<string, number>;
  #maxReceivingBytes: number;

  constructor({ maxBodyBytes, minBytesPerSec, pools, processes }: BodyLimitParts) {
    this.maxBytes = maxBodyBytes;
    this.minBytesPerSec = minBytesPerSec;
    this.#processes = processes;
    this.#queuedBytes = new Map(pools.map(({ name, settings }) => [name, settings.maxQueuedBytes]));
    this.#maxReceivingBytes = this.#most();
  }

  get maxReceivingBytes(): number {
    return this.#maxReceivingBytes;
  }

  /** Applies the settings of a pool. */
  configure(pool: string, { maxQueuedBytes }: Pick<PoolSettings, 'maxQueuedBytes'>): void {
    this.#queuedBytes.set(pool, maxQueuedBytes);
    this.#maxReceivingBytes = this.#most();
  }

  /** The pool is gone. */
  forget(pool: string): void {
    this.#queuedBytes.delete(pool);
    this.#maxReceivingBytes = this.#most();
  }

  #most(): number {
    return Math.max(2 * this.maxBytes, Math.floor(Math.max(...this.#queuedBytes.values()) / this.#processes));
  }
}
