import type { PoolConfig, PoolSettings } from '../../config/config.ts';
import type { UploadLimits } from './uploads.ts';

interface BodyLimitParts {
  readonly maxBodyBytes: number;
  /** Of a body that comes in; 0: however slow. */
  readonly minBytesPerSec: number;
  readonly pools: readonly PoolConfig[];
}

/**
 * What bodies that come in may take together: as much as may wait in the roomiest pool, and never less than two bodies
 * of the largest size. It follows the settings of the pools; uploads beyond a bound that fell are dropped as they grow.
 */
export class BodyLimits implements UploadLimits {
  readonly maxBytes: number;
  readonly minBytesPerSec: number;
  /** By pool. */
  readonly #queuedBytes: Map<string, number>;
  #maxReceivingBytes: number;

  constructor({ maxBodyBytes, minBytesPerSec, pools }: BodyLimitParts) {
    this.maxBytes = maxBodyBytes;
    this.minBytesPerSec = minBytesPerSec;
    this.#queuedBytes = new Map(pools.map(({ name, settings }) => [name, settings.maxQueuedBytes]));
    this.#maxReceivingBytes = this.#most();
  }

  get maxReceivingBytes(): number {
    return this.#maxReceivingBytes;
  }

  /** These settings of a pool are in effect from now on. */
  configure(pool: string, { maxQueuedBytes }: Pick<PoolSettings, 'maxQueuedBytes'>): void {
    this.#queuedBytes.set(pool, maxQueuedBytes);
    this.#maxReceivingBytes = this.#most();
  }

  #most(): number {
    return Math.max(2 * this.maxBytes, ...this.#queuedBytes.values());
  }
}
