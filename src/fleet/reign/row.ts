/**
 * The row of a fleet and what may be written to it. The store applies these functions while it holds the row's lock (or
 * writes the same condition into one UPDATE); the model of the tests applies them as they are.
 */
import { joined, type Listed, type MemberId } from './list.ts';
import type { Rules } from './rules.ts';

export interface FleetRow {
  /** The number of the reign; 0 in a row that was just made. */
  readonly epoch: number;
  readonly holder: MemberId | null;
  /** Time since the last renewal, by the database's clock. */
  readonly ageMs: number;
  /** Changes with every write: `renewed_at` as text. */
  readonly stamp: string;
  /**
   * It is as a gateway wrote it last, and has forgotten nothing that was written since. False: it may be a copy, or the
   * server was replaced or restarted, and no reign has lasted on it since for long enough.
   */
  readonly isWhole: boolean;
  readonly members: readonly Listed[];
}

/** The columns that a statement writes; the database adds `renewed_at`. */
export type Written = Pick<FleetRow, 'epoch' | 'holder' | 'members' | 'isWhole'>;

export interface Election {
  /** The epoch that the candidate read. */
  readonly seen: number;
  readonly epoch: number;
  readonly candidate: Listed;
  /** The holder, where it is proved gone; its time is not waited for. */
  readonly provedGone: MemberId | null;
  /** Members that the candidate was told of and the row may not know. */
  readonly brings: readonly Listed[];
}

export interface Renewal {
  readonly epoch: number;
  readonly holder: MemberId;
  /** The row's stamp after the last write that the conductor knows of. */
  readonly stamp: string;
  readonly members: readonly Listed[];
  /** The reign has lasted on a row that was not whole: what that may have forgotten would have shown itself. */
  readonly mends: boolean;
}

export type Release = Pick<Renewal, 'epoch' | 'holder' | 'members'>;

/** Null: not elected. The answer to the candidate is the list as it was and the row as it is now. */
export function afterElection(row: FleetRow, election: Election, ttlMs: number, rules: Rules): Written | null {
  const isFree = row.holder === null || row.ageMs > ttlMs || row.holder === election.provedGone;
  if (row.epoch !== election.seen || !isFree) return null;
  const kept = rules.keptList(joined(row.members, election.brings));
  const members = joined(kept, [election.candidate]);
  return {
    epoch: election.epoch,
    holder: election.candidate.id,
    members,
    isWhole: rules.isWholeAfter(row.isWhole, false),
  };
}

/** Null: not renewed. A row that has forgotten the reign (a failover, a restore) is lifted to it. */
export function afterRenewal(row: FleetRow, renewal: Renewal, rules: Rules): Written | null {
  const isMine = isOf(row, renewal) && rules.isUntouched(row.stamp, renewal.stamp);
  if (!isMine && row.epoch >= renewal.epoch) return null;
  const { epoch, holder, members, mends } = renewal;
  return { epoch, holder, members, isWhole: rules.isWholeAfter(row.isWhole, mends) };
}

/** Null: the row is another's. */
export function afterRelease(row: FleetRow, released: Release, rules: Rules): Written | null {
  if (!isOf(row, released)) return null;
  return { epoch: row.epoch, holder: null, members: released.members, isWhole: rules.isWholeAfter(row.isWhole, false) };
}

export const isOf = (row: FleetRow, reign: { readonly epoch: number; readonly holder: MemberId | null }): boolean =>
  row.epoch === reign.epoch && row.holder === reign.holder;
