/** Mappings as an operator looks through them: what the table says, and what this gateway knows beside it. */

import { sought } from '../../db/answered.ts';
import type { Clock } from '../../domain/clock.ts';
import type { ShownMapping } from '../../domain/mapping.ts';
import type { MappingRates } from '../../observed/mapping-rates.ts';
import type { RaisedRequests } from '../../observed/raised-requests.ts';
import type { ExternalMayRaise } from '../analysis/external-may-raise.ts';
import { flowIdOf } from '../matching/matcher.ts';
import type { MappingFilter, MappingState } from '../rows/mapping-filter.ts';
import type { MappingListStore, MappingQuestion } from '../rows/mapping-list-store.ts';
import type { StoredMapping } from '../rows/mapping-store.ts';
import type { Mapper } from '../serving/mapper.ts';
import { inSlices } from '../serving/snapshot-loader.ts';
import type { Inspector } from './inspector.ts';
import type { NeverWinning } from './never-wins-look.ts';

export interface MappingListParts {
  readonly store: MappingListStore;
  readonly mapper: Pick<Mapper, 'serving' | 'listed' | 'externalMayRaise'>;
  readonly inspector: Pick<Inspector, 'neverWinning'>;
  readonly rates: MappingRates;
  readonly raised: RaisedRequests;
  readonly clock: Clock;
}

export interface MappingPage {
  readonly mappings: (ShownMapping & {
    readonly requests_per_min: number;
    readonly raised_requests: number;
    readonly never_wins: { message: string; by: number[] } | null;
  })[];
  readonly total: number;
  /** The end of the search for rows that never win; null: unfinished for the rows in effect. */
  readonly checked_at: string | null;
  readonly external_may_raise: ExternalMayRaise | null;
}

export class MappingList {
  readonly #parts: MappingListParts;

  constructor(parts: MappingListParts) {
    this.#parts = parts;
  }

  async list(filter: MappingFilter): Promise<MappingPage> {
    const { store, inspector, clock } = this.#parts;
    const looked = inspector.neverWinning();
    const around = {
      checked_at: looked?.checkedAt.toISOString() ?? null,
      external_may_raise: this.#parts.mapper.externalMayRaise(),
    };
    const ids = this.#idsIn(filter.state, looked);
    const requests = filter.sort === 'requests_per_min' ? await this.#requests() : null;
    const listing = store.list({ ...filter, ids: ids && arrayOf(ids), requests });
    const { mappings, total } = await sought(listing, { mappings: [], total: 0 });
    return { mappings: await inSlices(this.#shown(mappings, looked), clock), total, ...around };
  }

  /** The faults of a disabled row are found here, which takes a millisecond per regex. */
  *#shown(rows: readonly StoredMapping[], looked: NeverWinning | null): Generator<void, MappingPage['mappings']> {
    const { mapper, rates, raised } = this.#parts;
    const shown: MappingPage['mappings'] = [];
    for (const row of rows) {
      const never_wins = looked?.of(row.id) ?? null;
      shown.push({
        ...mapper.listed(row),
        requests_per_min: rates.perMinute(row.id),
        raised_requests: raised.of(flowIdOf(row)),
        never_wins,
      });
      yield;
    }
    return shown;
  }

  /** Returns the IDs of rows in a state that the table does not store; null if it does. */
  #idsIn(state: MappingState | undefined, looked: NeverWinning | null): number[] | null {
    switch (state) {
      case 'faulty':
        return this.#faulty();
      case 'boosted':
        return this.#boosted();
      case 'never_wins':
        return looked?.ids() ?? [];
      case 'enabled':
      case 'disabled':
      case undefined:
        return null;
    }
  }

  #faulty(): number[] {
    const rows = this.#parts.mapper.serving()?.rows ?? [];
    return rows.filter(({ fault }) => fault !== null).map(({ source }) => source.id);
  }

  #boosted(): number[] {
    const now = this.#parts.clock.date().getTime();
    const timings = this.#parts.mapper.serving()?.timings ?? new Map();
    return [...timings].filter(([, { boost }]) => boost !== null && boost.until > now).map(([id]) => id);
  }

  async #requests(): Promise<MappingQuestion['requests']> {
    const counted = await inSlices(this.#parts.rates.counted(), this.#parts.clock);
    return {
      ids: arrayOf(counted.map(({ mappingId }) => mappingId)),
      counts: arrayOf(counted.map(({ requests }) => requests)),
    };
  }
}

/** A PostgreSQL array in one text, because a parameter for each number would be too many. */
const arrayOf = (numbers: readonly number[]): string => `{${numbers.join(',')}}`;
