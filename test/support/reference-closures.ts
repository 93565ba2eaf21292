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
  /** Undefined: all endpoints. */
  readonly endpoint: string | undefined;
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

  /** But for single endpoints. */
  isOpenTo(request: Request): boolean {
    return this.#of(request).every(({ isDue, endpoint }) => isDue || endpoint !== undefined);
  }

  /** The endpoints that take nothing of its model. */
  shutTo(request: Request): string[] {
    return this.#of(request).flatMap(({ isDue, endpoint }) => (isDue ? [] : (endpoint ?? [])));
  }

  /** The end of the closure at that endpoint. */
  untilAt(request: Request, id: string): number | undefined {
    return this.#of(request).find(({ endpoint }) => endpoint === id)?.until;
  }

  /** The latest end of those that keep it wherever it goes. */
  untilFor(request: Request): number | undefined {
    const shut = this.#of(request).filter(({ isDue, endpoint }) => !isDue && endpoint === undefined);
    return shut.length === 0 ? undefined : Math.max(...shut.map(({ until }) => until));
  }

  /** Returns the time until which it is closed; null: no more closures can be held. */
  close(request: Request, scope: Scope, at: string | null, until: number, now: number): number | null {
    const { provider } = request;
    const model = scope === 'provider' ? undefined : request.model;
    const endpoint = scope === 'endpoint' ? (at ?? undefined) : undefined;
    const known = this.#of(request).find(closed => closed.model === model && closed.endpoint === endpoint);
    if (known !== undefined) {
      known.until = known.probe === request.id ? until : Math.max(known.until, until);
      return known.until;
    }
    if (until <= now) return until;
    if (this.#closed.length === mostClosed) return null;
    const times = { probeAt: now + firstProbeMs, probedAt: now, intervalMs: firstProbeMs };
    this.#closed.push({ provider, model, endpoint, until, isDue: false, ...times, probe: undefined });
    return until;
  }

  started(request: Request, at: string | null, now: number): void {
    for (const closed of this.#of(request)) {
      if (closed.endpoint !== undefined && closed.endpoint !== at) continue;
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
