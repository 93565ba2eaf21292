/**
 * What the upstream has closed, as the conductor of a pool has told it: by this a member decides at once whether a request
 * may be put back, and whose answers the conductor waits for.
 */
import type { Clock } from '../../domain/clock.ts';
import type { Downward } from '../../fleet/messages/messages.ts';
import type { Asked } from '../pool/guest.ts';
import { saidId, saidTarget } from './words.ts';

export type ClosuresWord = Extract<Downward, { readonly t: 'closures' }>;

interface Known {
  readonly provider: string;
  /** Null: all models. */
  readonly model: string | null;
  /** Null: at all endpoints. */
  readonly endpoint: string | null;
  readonly until: number;
  /** The number of the word that told of it first. */
  readonly since: number;
}

/** A request with a seat. */
interface Seated {
  readonly asked: Pick<Asked, 'provider' | 'model'>;
  /** Where its seat is; null: at none. */
  readonly endpoint: string | null;
  /** How many words had come when it got its seat. */
  readonly closuresHeard: number;
}

export class KnownClosures {
  readonly #clock: Clock;
  readonly #endpointsOf: (provider: string) => readonly string[];
  #known: readonly Known[] = [];
  /** There are more than the conductor tells. */
  #isCut = false;
  #heard = 0;

  /** `endpointsOf`: the endpoints of a provider that this gateway sees up. */
  constructor(clock: Clock, endpointsOf: (provider: string) => readonly string[]) {
    this.#clock = clock;
    this.#endpointsOf = endpointsOf;
  }

  get heard(): number {
    return this.#heard;
  }

  /** Takes the place of all that was known. */
  hear({ closures, isCut, atEndpoints = [] }: Omit<ClosuresWord, 't' | 'pool'>): void {
    const now = this.#clock.now();
    const before = this.#known;
    const since = ++this.#heard;
    this.#isCut = isCut;
    const all = [...closures.map(one => ({ ...one, endpoint: null })), ...atEndpoints];
    this.#known = all.map(({ provider, model, endpoint, forMs }) => {
      const same = before.find(one => one.provider === provider && one.model === model && one.endpoint === endpoint);
      return { provider, model, endpoint, until: now + forMs, since: same?.since ?? since };
    });
  }

  /** Another conductor may know of none. */
  forget(): void {
    this.#known = [];
    this.#isCut = false;
  }

  /**
   * When the target is open again, if the upstream says `until` now: the later time holds, unless the request is the probe.
   * One of several endpoints speaks for itself, so the first of them counts.
   */
  openAt(seated: Seated, scope: 'model' | 'provider', until: number): number {
    const others = this.#othersThan(seated);
    if (others.length > 0) return Math.min(until, ...others.map(id => this.#openAt(seated.asked, id)));
    const known = this.#covering(seated.asked).find(({ model }) => (model === null) === (scope === 'provider'));
    return known === undefined || isProbe(known, seated) ? until : Math.max(known.until, until);
  }

  /** Whether an answer to the request may end a closure: it was let out as the probe of one. */
  isAwaited(seated: Seated): boolean {
    if (this.#isCut) return true;
    const { asked, endpoint } = seated;
    const known = [...this.#covering(asked), ...(endpoint === null ? [] : this.#at(asked, endpoint))];
    return known.some(one => isProbe(one, seated));
  }

  isClosed(asked: Seated['asked']): boolean {
    if (this.#known.length === 0) return false;
    const now = this.#clock.now();
    if (this.#covering(asked).some(({ until }) => until > now)) return true;
    const endpoints = this.#endpointsOf(asked.provider);
    return endpoints.length > 0 && endpoints.every(id => this.#openAt(asked, saidId(id)) > now);
  }

  #othersThan({ asked, endpoint }: Seated): readonly string[] {
    if (endpoint === null) return [];
    return this.#endpointsOf(asked.provider)
      .map(saidId)
      .filter(id => id !== endpoint);
  }

  /** When the model is open at that endpoint; in the past: it is. */
  #openAt(asked: Seated['asked'], endpoint: string): number {
    return Math.max(...[...this.#covering(asked), ...this.#at(asked, endpoint)].map(({ until }) => until));
  }

  /** Those that cover it wherever it goes. */
  #covering(asked: Seated['asked']): readonly Known[] {
    return this.#of(asked).filter(({ endpoint }) => endpoint === null);
  }

  #at(asked: Seated['asked'], id: string): readonly Known[] {
    return this.#of(asked).filter(({ endpoint }) => endpoint === id);
  }

  #of(asked: Seated['asked']): readonly Known[] {
    if (this.#known.length === 0) return none;
    const { provider, model } = saidTarget(asked);
    return this.#known.filter(known => known.provider === provider && (known.model === null || known.model === model));
  }
}

const none: readonly Known[] = [];

/** During a closure a seat is granted to its probe only. */
const isProbe = ({ since }: Known, { closuresHeard }: Seated): boolean => closuresHeard >= since;
