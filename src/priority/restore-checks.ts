/** Checks a restored row against the rows that exist now; throws `conflict`. */
import type { Transaction } from 'kysely';
import type { Database, RecordedObject } from '../db/schema.ts';
import { errors } from '../domain/errors.ts';
import type { MatchType } from '../domain/vocabulary.ts';
import { type RuleTexts, refuseOverlap } from '../schedules/schedules.ts';
import { refuseSamePattern } from './rows/mapping-store.ts';

/** A row as the history has it. */
export type Image = Readonly<Record<string, unknown>>;

export const isImage = (value: unknown): value is Image =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface RestoreChecks {
  /** Throws where these rows together are no settings that the pool can have. */
  readonly checkPool: (pool: string, rows: readonly { key: string; value: string }[]) => void;
  /** Milliseconds since 1970. */
  readonly now: number;
}

type Trx = Transaction<Database>;

export async function refuseBeside(trx: Trx, object: RecordedObject, image: Image, now: number): Promise<void> {
  if (object === 'mapping') await refuseSame(trx, image);
  if (object === 'boost' || object === 'schedule') await refuseOrphan(trx, image);
  if (object === 'schedule' || object === 'pool_schedule') await refuseOverlapping(trx, object, image, now);
}

/** After the change, because it is about all settings of the pool together. */
export async function refuseUnfit(trx: Trx, pool: string, check: RestoreChecks['checkPool']): Promise<void> {
  const rows = trx.selectFrom('scheduler_pool_config').select(['key', 'value']).where('pool', '=', pool);
  check(pool, await rows.execute());
}

const refuseSame = (trx: Trx, image: Image): Promise<void> => {
  const { id, pattern, match_type } = image as { id: number; pattern: string; match_type: MatchType };
  return refuseSamePattern(trx, { pattern, match_type }, id);
};

async function refuseOrphan(trx: Trx, { mapping_id }: Image): Promise<void> {
  const mapping = trx.selectFrom('api_key_priority_mappings').select('id').where('id', '=', Number(mapping_id));
  if ((await mapping.executeTakeFirst()) === undefined)
    throw errors.conflict(`It cannot be restored: there is no mapping ${mapping_id}; restore that first.`);
}

async function refuseOverlapping(
  trx: Trx,
  object: 'schedule' | 'pool_schedule',
  image: Image,
  now: number,
): Promise<void> {
  const { id, mapping_id, pool, key } = image as { id: number; mapping_id: number; pool: string; key: string };
  const ofMapping = () =>
    trx.selectFrom('api_key_priority_schedules').selectAll().where('id', '<>', id).where('mapping_id', '=', mapping_id);
  const ofPool = () =>
    trx
      .selectFrom('scheduler_pool_schedules')
      .selectAll()
      .where('id', '<>', id)
      .where('pool', '=', pool)
      .where('key', '=', key);
  const others: (RuleTexts & { id: number })[] =
    object === 'schedule' ? await ofMapping().orderBy('id').execute() : await ofPool().orderBy('id').execute();
  refuseOverlap(image as unknown as RuleTexts, others, now);
}
