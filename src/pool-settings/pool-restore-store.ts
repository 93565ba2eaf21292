/** How settings of pools and their schedules are put back as the history has them. */
import type { Transaction } from 'kysely';
import type { Image, Restorer } from '../db/recorded-row.ts';
import type { Database } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { type RuleTexts, refuseOverlap } from '../schedules/schedules.ts';
import type { LivePools } from './live-pools.ts';

interface RestorerParts {
  readonly pools: Pick<LivePools, 'checkRows' | 'reload'>;
  readonly clock: Clock;
}

export function poolRestorers({ pools, clock }: RestorerParts) {
  const restorer = (restore: Restorer['restore']): Restorer => ({
    lock: 'pools',
    serve: () => pools.reload(),
    restore,
  });
  return {
    pool_setting: restorer(async (trx, row, { before, after }) => {
      const isChanged = await row.become(after);
      // After the change, because it is about all settings of the pool together.
      if (isChanged) await refuseUnfit(trx, String((after ?? before)?.pool), pools);
      return isChanged;
    }),
    pool_schedule: restorer(async (trx, row, { after }) => {
      if (after !== null) await refuseOverlapping(trx, after, clock.date().getTime());
      return row.become(after);
    }),
  };
}

async function refuseUnfit(
  trx: Transaction<Database>,
  pool: string,
  pools: Pick<LivePools, 'checkRows'>,
): Promise<void> {
  const rows = trx.selectFrom('scheduler_pool_config').select(['key', 'value']).where('pool', '=', pool);
  pools.checkRows(pool, await rows.execute());
}

async function refuseOverlapping(trx: Transaction<Database>, image: Image, now: number): Promise<void> {
  const { id, pool, key, ...rule } = image as unknown as RuleTexts & { id: number; pool: string; key: string };
  const ofPool = trx.selectFrom('scheduler_pool_schedules').selectAll().where('pool', '=', pool);
  const others = ofPool.where('key', '=', key).where('id', '<>', id).orderBy('id');
  refuseOverlap(rule, await others.execute(), now);
}
