/**
 * What the upstream has closed, as the conductor of a pool has told it: by this a member decides at once whether a request
 * may be put back, and whose answers the conductor waits for.
 */
import type { Clock } from '../../domain/clock.ts';
import type { Downward } from '../../fleet/messages/messages.ts';
import type { Asked } from '../pool/guest.ts';
import { saidTarget } from './words.ts';

export type ClosuresWord = Extract<Downward, { readonly t: 'closures' }>;

interface Known {
  readonly provider: string;
  /** Null: all models. */
  readonly model: string | null;
  readonly until: number;
  /** The number of the word that told of it first. */
  readonly since: number;
}

/** A request with a seat. */
interface Seated {
  readonly asked: Pick<Asked, 'provider' | 'model'>;
  /** How many words had come when it got its seat. */
  readonly closuresHeard: number;
}

export class KnownClosures {
  readonly #clock: Clock;
  #known: readonly Known[] = [];
  /** There are more than the conductor tells. */
  #isCut = false;
  #heard = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get heard(): number {
    return this.#heard;
  }

  /** Takes the place of all that was known. */
  hear({ closures, isCut }: Pick<ClosuresWord, 'closures' | 'isCut'>): void {
    const now = this.#clock.now();
    const before = this.#known;
    const since = ++this.#heard;
    this.#isCut = isCut;
    this.#known = closures.map(({ provider, model, forMs }) => {
      const same = before.find(known => known.provider === provider && known.model === model);
      return { provider, model, until: now + forMs, since: same?.since ?? since };
    });
  }

  /** Another conductor may know of none. */
  forget(): void {
    this.#known = [];
    this.#isCut = false;
  }

  /** When the target is open again, if the upstream says `until` now: the later time holds, unless the request is the probe. */
  openAt(seated: Seated, scope: 'model' | 'provider', until: number): number {
    const known = this.#covering(seated).find(({ model }) => (model === null) === (scope === 'provider'));
    return known === undefined || isProbe(known, seated) ? until : Math.max(known.until, until);
  }

  /** Whether an answer to the request may end a closure: it was let out as the probe of one. */
  isAwaited(seated: Seated): boolean {
    return this.#isCut || this.#covering(seated).some(known => isProbe(known, seated));
  }

  isClosed(asked: Seated['asked']): boolean {
    const now = this.#clock.now();
    return this.#covering({ asked }).some(({ until }) => until > now);
  }

  #covering({ asked }: Pick<Seated, 'asked'>): readonly Known[] {
    if (this.#known.length === 0) return none;
    const { provider, model } = saidTarget(asked);
    return this.#known.filter(known => known.provider === provider && (known.model === null || known.model === model));
  }
}

const none: readonly Known[] = [];

/** During a closure a seat is granted to its probe only. */
const isProbe = ({ since }: Known, { closuresHeard }: Seated): boolean => closuresHeard >= since;
