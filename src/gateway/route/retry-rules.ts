/** Which failures may be tried again, and after what pause. All of it is pure. */
import { type FailedCall, isBusy } from '../../upstreams/upstreams.ts';

interface Repeated {
  /** Whether the provider allows to do again what may have been done. */
  readonly retriesUnsafe: boolean;
  /** The upstream keeps what comes of it, or goes on with it by itself: `store` or `background` is true. */
  readonly leavesTraces: boolean;
}

/** All calls for one request, the first included. */
export const mostAttempts = 5;

const firstPauseMs = 100;
const longestPauseMs = 1_000;

/** Nothing was ever sent, so the upstream had no work with it. */
export const neverConnected = ({ kind }: FailedCall): boolean => kind === 'connect' || kind === 'tls';

/** Whether the failure shows that nothing was done upstream; else it may have been. */
const isSafe = (failure: FailedCall): boolean =>
  neverConnected(failure) || failure.kind === 'reused' || isBusy(failure.status);

export const mayRepeat = (failure: FailedCall, { retriesUnsafe, leavesTraces }: Repeated): boolean =>
  isSafe(failure) || (retriesUnsafe && !leavesTraces);

/**
 * Full jitter: anything from 0 to a time that doubles with each attempt, so that requests that failed together do not
 * come back together. `chance`: 0 ≤ x < 1.
 */
export function pauseMs(failure: FailedCall, attempts: number, chance: number): number {
  if (!isBusy(failure.status)) return 0;
  return chance * Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs);
}

/** As metrics, log lines and outcomes name it: the kind, or the status. */
export const reasonOf = ({ kind, status }: FailedCall): string => (status === null ? kind : String(status));
