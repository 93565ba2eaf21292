/** Optimistic locking: a write may name the version of the row on which it is based. */
import { errors } from './errors.ts';

/** The writer, and the versions of the row on which the write may be based. */
export interface WriteBy {
  /** For the history; without it the database role is named. */
  readonly actor?: string | undefined;
  /** ETags; without them every version will do. */
  readonly ifMatch?: readonly string[] | undefined;
}

/** `current` and `submitted`: the row as it is and as it would become, null where there is none. */
export function refuseStale(
  ifMatch: WriteBy['ifMatch'],
  current: (object & { readonly etag: string }) | null,
  submitted: object | null,
): void {
  if (ifMatch === undefined || (current !== null && ifMatch.includes(current.etag))) return;
  throw errors.stale('The row was changed by somebody else since you read it: compare, then write with its new ETag.', {
    current,
    submitted,
  });
}
