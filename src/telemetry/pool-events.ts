import type { Logger } from './logger.ts';
import { reasonOf, shownName } from './text.ts';

/** The settings of pools that are in effect, and their rows; endpoints that come and go. */
export interface PoolEvents {
  /** `values`: what is different now, with where it comes from. */
  poolChanged(change: { pool: string; values: string }): void;
  /** Rows of scheduler_pool_config that are not in effect as they stand; said once per reason. */
  poolRowsFaulty(fault: { pool: string; reason: string }): void;
  poolRowsUnread(error: unknown): void;
  /** An endpoint gets no requests because its last ones failed, or gets some again. */
  endpointTurned(turn: { provider: string; endpoint: string; isUp: boolean; why: string | null }): void;
  /** By hand. */
  endpointDrained(drain: { provider: string; endpoint: string; isDrained: boolean; actor: string }): void;
}

export const createPoolEvents = (logger: Logger): PoolEvents => ({
  poolChanged({ pool, values }) {
    logger.log('info', `Pool ${shownName(pool)} is changed: ${values}`);
  },
  poolRowsFaulty: ({ pool, reason }) =>
    logger.log('warn', `Pool ${shownName(pool)}: what is stored is not in effect as it stands: ${reason}`),
  endpointTurned({ provider, endpoint, isUp, why }) {
    const named = `Provider ${shownName(provider)}: the endpoint ${endpoint}`;
    if (isUp) logger.log('info', `${named} is up again`);
    else logger.log('warn', `${named} is down: ${why ?? 'unknown'}`);
  },
  endpointDrained({ provider, endpoint, isDrained, actor }) {
    const done = isDrained ? 'is drained' : 'is resumed';
    logger.log('info', `Provider ${shownName(provider)}: the endpoint ${endpoint} ${done} by ${shownName(actor)}`);
  },
  poolRowsUnread: error =>
    logger.log('warn', `What is stored of pools cannot be read, what was read before holds: ${reasonOf(error)}`),
});
