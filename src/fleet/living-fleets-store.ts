/** Fleets of the database, as a gateway sees them that belongs to none. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../db/schema.ts';

/** A conductor renews its row each second. */
const renewedWithinSec = 15;
/** Whoever has more cells is told of these. */
const mostNamed = 10;

/** Names of those that somebody conducts now. */
export async function livingFleets(db: Kysely<Database>): Promise<string[]> {
  const rows = await db
    .selectFrom('gateway_fleets')
    .select('fleet')
    .where('holder', 'is not', null)
    .where(sql<boolean>`renewed_at > now() - make_interval(secs => ${renewedWithinSec})`)
    .orderBy('fleet')
    .limit(mostNamed)
    .execute();
  return rows.map(({ fleet }) => fleet);
}
