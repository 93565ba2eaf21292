/** How much waits here, of one pool. It is limited here only while nobody conducts; otherwise the conductor does it. */

/** The most that may wait while nobody conducts. */
export interface QueueBounds {
  readonly maxQueueDepthPool: number;
  readonly maxQueuedBytes: number;
}

interface Sized {
  readonly bodyBytes: number;
}

export class OwnQueue {
  #bounds: QueueBounds;
  #requests = 0;
  #bytes = 0;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  configure(bounds: QueueBounds): void {
    this.#bounds = bounds;
  }

  /** As a refusal tells it. */
  get bounds(): { readonly depth: number; readonly bytes: number } {
    return { depth: this.#bounds.maxQueueDepthPool, bytes: this.#bounds.maxQueuedBytes };
  }

  /** More waits than may. */
  get isOverfull(): boolean {
    return this.#requests > this.#bounds.maxQueueDepthPool || this.#bytes > this.#bounds.maxQueuedBytes;
  }

  entered({ bodyBytes }: Sized): void {
    this.#requests++;
    this.#bytes += bodyBytes;
  }

  left({ bodyBytes }: Sized): void {
    this.#requests--;
    this.#bytes -= bodyBytes;
  }
}
