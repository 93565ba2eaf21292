/** The keys of a provider, used in turn. */
import type { HttpProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';

export type OnKeyRefused = (provider: string, fingerprint: string, forMs: number) => void;

/** A key that the upstream has answered 401 to is not used for so long, unless all are like that. */
const asideMs = 5 * 60_000;

/** One key as the headers of a call. */
export interface Turn {
  readonly index: number;
  readonly headers: readonly string[];
  readonly fingerprint: string | null;
  asideUntil: number;
}

export class KeyTurns {
  /** In the order in which they are used. */
  readonly all: readonly [Turn, ...Turn[]];
  readonly #provider: string;
  readonly #clock: Clock;
  readonly #onRefused: OnKeyRefused;
  /** Whether an answer of 401 is told of, by `judge`. */
  readonly mayJudge: boolean;
  #next = 0;

  constructor(config: HttpProviderConfig, clock: Clock, onRefused: OnKeyRefused) {
    const { name, apiKey, keys = [], passHeaders } = config;
    this.#provider = name;
    this.#clock = clock;
    this.#onRefused = onRefused;
    // A client whose own credentials go upstream could set our keys aside.
    this.mayJudge = keys.length > 0 && passHeaders.length === 0;
    const turnOf = (secret: string, fingerprint: string | null, index = 0): Turn => ({
      index,
      headers: keyHeader(config, secret),
      fingerprint,
      asideUntil: Number.NEGATIVE_INFINITY,
    });
    const [first, ...others] = keys.map(({ secret, fingerprint }, index) => turnOf(secret, fingerprint, index));
    const alone = apiKey === null ? { ...turnOf('', null), headers: [] } : turnOf(apiKey, null);
    this.all = [first ?? alone, ...others];
  }

  /** Of keys that are all set aside, the one that has been so for longest. */
  take(): Turn {
    const turns = this.all;
    if (turns.length === 1) return turns[0];
    const now = this.#clock.now();
    for (let tries = 0; tries < turns.length; tries++) {
      const turn = turns[this.#next++ % turns.length];
      if (turn !== undefined && turn.asideUntil <= now) return turn;
    }
    return turns.reduce((first, turn) => (turn.asideUntil < first.asideUntil ? turn : first));
  }

  /** Whether a key beside this one is not set aside. */
  hasOther(turn: Turn): boolean {
    const now = this.#clock.now();
    return this.all.some(other => other !== turn && other.asideUntil <= now);
  }

  /** The upstream has answered a call with this key so. */
  judge(turn: Turn, status: number | null): void {
    if (status !== 401 || turn.fingerprint === null) return;
    const now = this.#clock.now();
    const isNews = turn.asideUntil <= now;
    turn.asideUntil = now + asideMs;
    if (isNews) this.#onRefused(this.#provider, turn.fingerprint, asideMs);
  }
}

const keyHeader = ({ type }: HttpProviderConfig, key: string): readonly string[] =>
  type === 'anthropic' ? ['x-api-key', key] : ['authorization', `Bearer ${key}`];
