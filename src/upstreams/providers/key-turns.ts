/** The keys of a provider, used in turn. */
import type { HttpProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { FailedCall } from '../failed-call.ts';
import type { UpstreamCall } from '../provider.ts';
import { BusyKeys } from './busy-keys.ts';

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
  readonly #busy: BusyKeys;
  /** Whether answers tell something of our keys: of a 401 `judge` is told, of a 429 `heeding` hears. */
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
    this.#busy = new BusyKeys(this.all.length);
  }

  /** The key of the next call. If none may be used for it: the one that may be first. */
  take(endpoint: string, model: string): Turn {
    const turns = this.all;
    if (turns.length === 1) return turns[0];
    const now = this.#clock.now();
    const target = targetOf(endpoint, model);
    const usableAt = (turn: Turn) => Math.max(turn.asideUntil, this.#busy.busyUntil(target, turn.index, now));
    for (let tries = 0; tries < turns.length; tries++) {
      const turn = turns[this.#next++ % turns.length];
      if (turn !== undefined && usableAt(turn) <= now) return turn;
    }
    return turns.reduce((first, turn) => (usableAt(turn) < usableAt(first) ? turn : first));
  }

  /**
   * The call with one of several keys, which hears of its failure otherwise: a limit of one key is none of the endpoint, so
   * what is told is when the first key has room.
   */
  heeding(call: UpstreamCall, endpoint: string, { index }: Turn): UpstreamCall {
    if (this.all.length === 1 || !this.mayJudge) return call;
    const onFailing = (failure: FailedCall) => {
      const { status, retryAfterMs } = failure;
      if (status !== 429 || retryAfterMs === null) return call.onFailing(failure);
      const now = this.#clock.now();
      const until = this.#busy.note(targetOf(endpoint, call.upstreamModel), index, now + retryAfterMs, now);
      return call.onFailing({ ...failure, retryAfterMs: until - now });
    };
    return { ...call, onFailing };
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

const targetOf = (endpoint: string, model: string): string => `${endpoint} ${model}`;

const keyHeader = ({ type }: HttpProviderConfig, key: string): readonly string[] =>
  type === 'anthropic' ? ['x-api-key', key] : ['authorization', `Bearer ${key}`];
