/** All members of a fleet hear at once of what has been closed or opened, by whomever the upstream told it. */
import type { Clock } from '../../domain/clock.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';
import type { ClosuresWord } from './known-closures.ts';
import { saidClosures } from './words.ts';

type Word = Omit<ClosuresWord, 't' | 'pool'>;

interface Member {
  tellClosures(desk: PoolDesk, word: Word): void;
}

interface Pool {
  readonly name: string;
  readonly pool: PoolDesk;
}

export class ClosureNews {
  readonly #clock: Clock;
  /** What was told last to all members that have come. */
  readonly #told = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  forget(): void {
    this.#told.clear();
  }

  tell(pools: Iterable<Pool>, members: ReadonlyMap<string, Member>): void {
    if (members.size === 0) return;
    for (const { name, pool } of pools) {
      const closed = pool.closed();
      const word = JSON.stringify(
        closed.map(({ provider, model, endpoint, until }) => [provider, model, endpoint, until]),
      );
      if ((this.#told.get(name) ?? '[]') === word) continue;
      this.#told.set(name, word);
      const said = saidClosures(closed, this.#clock.now());
      for (const member of members.values()) member.tellClosures(pool, said);
    }
  }

  /** To one who has just come. */
  tellAll(pools: Iterable<Pool>, member: Member): void {
    for (const { pool } of pools) {
      const word = saidClosures(pool.closed(), this.#clock.now());
      if (word.closures.length > 0 || word.atEndpoints !== undefined) member.tellClosures(pool, word);
    }
  }
}
