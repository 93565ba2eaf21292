/** The rules for writes: the same for a real write and a dry run. */

import type { MappingRow } from '../../db/schema.ts';
import { errors } from '../../domain/errors.ts';
import { refuseStale, type WriteBy } from '../../domain/stale.ts';
import { parsePattern } from '../matching/pattern.ts';
import { refuseWithoutRoom, weightOf } from '../matching/regex-room.ts';
import { checkedPattern, checkFields, type MappingPatch, type NewMapping } from './mapping-rules.ts';
import type { MappingStore, StoredMapping } from './mapping-store.ts';

export interface MappingWritesParts {
  readonly store: Pick<MappingStore, 'create' | 'update' | 'remove'>;
  /** A row as it is shown, in the refusal of a stale write. */
  readonly listed: (row: StoredMapping) => StoredMapping;
  /** Returns the total weight of the enabled regexes without those of these rows. */
  readonly regexWeight: (without: readonly number[]) => number;
}

/** The ids that PostgreSQL's INTEGER can hold. */
const largestId = 2_147_483_647;

export class MappingWrites {
  readonly #parts: MappingWritesParts;

  constructor(parts: MappingWritesParts) {
    this.#parts = parts;
  }

  async create(mapping: NewMapping, createdBy: string): Promise<StoredMapping> {
    checkFields(mapping);
    const weight = weightOf(checkedPattern(mapping));
    if (mapping.enabled !== false) refuseWithoutRoom(weight, this.#parts.regexWeight([]));
    return this.#parts.store.create(mapping, createdBy);
  }

  async update(id: number, patch: MappingPatch, { actor, ifMatch }: WriteBy): Promise<StoredMapping> {
    const { store, listed } = this.#parts;
    checkFields(patch);
    const check = (before: StoredMapping, after: Omit<StoredMapping, 'etag'>) => {
      refuseStale(ifMatch, listed(before), after);
      this.#checkPattern(patch, before, after);
    };
    const row = isStorable(id) ? await store.update(id, patch, { actor, check }) : null;
    if (!row) throw noMapping(id);
    return row;
  }

  /** An unchanged pattern may be faulty, or one regex too many, if it was written by hand. */
  #checkPattern(patch: MappingPatch, before: MappingRow, after: MappingRow): void {
    const isGiven = patch.pattern !== undefined || patch.match_type !== undefined;
    const given = isGiven ? checkedPattern(after) : null;
    const isSame = before.pattern === after.pattern && before.match_type === after.match_type;
    if (!after.enabled || (before.enabled && isSame)) return;
    const weight = weightOf(given ?? parsePattern(after.match_type, after.pattern));
    refuseWithoutRoom(weight, this.#parts.regexWeight([after.id]));
  }

  /** Answers the row that was there. */
  async remove(id: number, { actor, ifMatch }: WriteBy): Promise<StoredMapping> {
    const { store, listed } = this.#parts;
    const check = (before: StoredMapping) => refuseStale(ifMatch, listed(before), null);
    const row = isStorable(id) ? await store.remove(id, { actor, check }) : null;
    if (!row) throw noMapping(id);
    return row;
  }
}

export const isStorable = (id: number) => Number.isInteger(id) && id >= 1 && id <= largestId;
export const noMapping = (id: number) => errors.notFound(`There is no mapping ${id}.`);
