/** How a mapping, its boost and its schedules, and a setting are put back as the history has them. */
import type { Transaction } from 'kysely';
import type { Image, Restorer } from '../../db/recorded-row.ts';
import type { Database } from '../../db/schema.ts';
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import type { MatchType } from '../../domain/vocabulary.ts';
import { type RuleTexts, refuseOverlap } from '../../schedules/schedules.ts';
import { digestOfExact } from '../matching/pattern.ts';
import { refuseSamePattern } from './mapping-store.ts';

type Trx = Transaction<Database>;

interface RestorerParts {
  readonly serve: Restorer['serve'];
  readonly clock: Clock;
}

export function priorityRestorers({ serve, clock }: RestorerParts) {
  /** `check` sees a row that is to be there again. */
  const checked = (check: (trx: Trx, image: Image) => Promise<void>): Restorer => ({
    lock: 'mappings',
    serve,
    async restore(trx, row, { after }) {
      const image = withSpellingOf(row.current, after);
      if (image !== null) await check(trx, image);
      return row.become(image);
    },
  });
  return {
    mapping: checked(refuseSame),
    setting: checked(async () => {}),
    boost: checked(refuseOrphan),
    schedule: checked(async (trx, image) => {
      await refuseOrphan(trx, image);
      await refuseOverlapping(trx, image, clock.date().getTime());
    }),
  };
}

/** The history has exact patterns as digests; a row that still has the same key in clear keeps its spelling. */
const withSpellingOf = (current: Image | null, image: Image | null): Image | null => {
  if (image === null || !isExact(image) || current === null || !isExact(current)) return image;
  return digestOfExact(image.pattern) === digestOfExact(current.pattern)
    ? { ...image, pattern: current.pattern }
    : image;
};

const isExact = (row: Image): row is Image & { pattern: string } =>
  row.match_type === 'exact' && typeof row.pattern === 'string';

const refuseSame = (trx: Trx, image: Image): Promise<void> => {
  const { id, pattern, match_type } = image as { id: number; pattern: string; match_type: MatchType };
  return refuseSamePattern(trx, { pattern, match_type }, id);
};

async function refuseOrphan(trx: Trx, { mapping_id }: Image): Promise<void> {
  const mapping = trx.selectFrom('api_key_priority_mappings').select('id').where('id', '=', Number(mapping_id));
  if ((await mapping.executeTakeFirst()) === undefined)
    throw errors.conflict(`It cannot be restored: there is no mapping ${mapping_id}; restore that first.`);
}

async function refuseOverlapping(trx: Trx, image: Image, now: number): Promise<void> {
  const { id, mapping_id, ...rule } = image as unknown as RuleTexts & { id: number; mapping_id: number };
  const others = trx.selectFrom('api_key_priority_schedules').selectAll().where('mapping_id', '=', mapping_id);
  refuseOverlap(rule, await others.where('id', '<>', id).orderBy('id').execute(), now);
}
