/**
 * Endpoints without room for a model, by their own word (429, 503 or 529 with `Retry-After`). Requests for it avoid them
 * until then, or for half a minute; all other models, and the other endpoints, go on. One per pool.
 */
import type { Target } from '../../upstreams/upstreams.ts';

/** Clients choose the names of models, so a bound is needed. */
const mostTargets = 1_000;

/** It may have room earlier than it said: a request finds out, and goes elsewhere if not. */
const longestMs = 30_000;

const none: readonly string[] = [];

export class BusyEndpoints {
  /** For each target its endpoints, and until when each is busy; the target that was told of last is the last one. */
  readonly #targets = new Map<string, Map<string, number>>();

  /** `until`: as it says, by the clock. */
  tell(target: Target, endpoint: string, until: number, now: number): void {
    const key = keyOf(target);
    const busy = this.#targets.get(key) ?? new Map<string, number>();
    busy.set(endpoint, Math.min(until, now + longestMs));
    this.#targets.delete(key);
    this.#targets.set(key, busy);
    const [oldest] = this.#targets.keys();
    if (this.#targets.size > mostTargets && oldest !== undefined) this.#targets.delete(oldest);
  }

  /** On the request path. */
  of(target: Target, now: number): readonly string[] {
    if (this.#targets.size === 0) return none;
    const key = keyOf(target);
    const busy = this.#targets.get(key);
    if (busy === undefined) return none;
    for (const [endpoint, until] of busy) if (until <= now) busy.delete(endpoint);
    if (busy.size === 0) this.#targets.delete(key);
    return [...busy.keys()];
  }
}

/** Names of providers have no blanks. */
const keyOf = ({ provider, model }: Target): string => `${provider.name} ${model}`;
