/** The closures by the upstream, in a list that every query scans. For reference-scheduler.ts. */
import type { Scope } from '../../src/scheduler/scheduler.ts';

interface Request {
  readonly id: number;
  readonly provider: string;
  readonly model: string;
}

interface Closed {
  readonly provider: string;
  /** Undefined: all models. */
  readonly model: string | undefined;
  until: number;
  /** One request may start, as a probe. */
  isDue: boolean;
  probeAt: number;
  probedAt: number;
  intervalMs: number;
  probe: number | undefined;
}

const firstProbeMs = 30_000;
const longestProbeMs = 240_000;
export const mostClosed = 1000;

export class ReferenceClosures {
  #closed: Closed[] = [];

  /** Only this method lets the clock change anything. */
  advance(now: number): void {
    this.#closed = this.#closed.filter(({ until }) => until > now);
    for (const closed of this.#closed) closed.isDue ||= closed.probeAt <= now;
  }

  isOpenTo(request: Request): boolean {
    return this.#of(request).every(({ isDue }) => isDue);
  }

  /** Returns the time until which it is closed; null: no more closures can be held. */
  close(request: Request, scope: Scope, until: number, now: number): number | null {
    const { provider } = request;
    const model = scope === 'model' ? request.model : undefined;
    const known = this.#of(request).find(closed => closed.model === model);
    if (known !== undefined) {
      known.until = known.probe === request.id ? until : Math.max(known.until, until);
      return known.until;
    }
    if (until <= now) return until;
    if (this.#closed.length === mostClosed) return null;
    const times = { probeAt: now + firstProbeMs, probedAt: now, intervalMs: firstProbeMs };
    this.#closed.push({ provider, model, until, isDue: false, ...times, probe: undefined });
    return until;
  }

  started(request: Request, now: number): void {
    for (const closed of this.#of(request)) {
      closed.isDue = false;
      closed.probe = request.id;
      closed.probedAt = now;
      closed.probeAt = now + longestProbeMs;
    }
  }

  /** Returns true if the request was a probe, and the upstream has taken it. */
  taken(request: Request): boolean {
    const probed = this.#probedBy(request);
    this.#closed = this.#closed.filter(closed => !probed.includes(closed));
    return probed.length > 0;
  }

  probeEnded(request: Request, how: 'busy' | 'no answer' | 'told nothing', now: number): boolean {
    const probed = this.#probedBy(request);
    for (const closed of probed) {
      if (how === 'busy') closed.intervalMs = Math.min(2 * closed.intervalMs, longestProbeMs);
      closed.probeAt = how === 'told nothing' ? now : closed.probedAt + closed.intervalMs;
      closed.probe = undefined;
    }
    return probed.length > 0;
  }

  #probedBy(request: Request): Closed[] {
    return this.#of(request).filter(({ probe }) => probe === request.id);
  }

  #of({ provider, model }: Request): Closed[] {
    return this.#closed.filter(closed => closed.provider === provider && (closed.model ?? model) === model);
  }
}
