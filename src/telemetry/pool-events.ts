import type { Logger } from './logger.ts';
import { reasonOf, shownName } from './text.ts';

/** The settings of pools that are in effect, and their rows. */
export interface PoolEvents {
  /** `values`: what is different now, with where it comes from. */
  poolChanged(change: { pool: string; values: string }): void;
  /** Rows of scheduler_pool_config that are not in effect as they stand; said once per reason. */
  poolRowsFaulty(fault: { pool: string; reason: string }): void;
  poolRowsUnread(error: unknown): void;
}

export const createPoolEvents = (logger: Logger): PoolEvents => ({
  poolChanged({ pool, values }) {
    logger.log('info', `Pool ${shownName(pool)} is changed: ${values}`);
  },
  poolRowsFaulty: ({ pool, reason }) =>
    logger.log('warn', `Pool ${shownName(pool)}: what is stored is not in effect as it stands: ${reason}`),
  poolRowsUnread: error =>
    logger.log('warn', `What is stored of pools cannot be read, what was read before holds: ${reasonOf(error)}`),
});
