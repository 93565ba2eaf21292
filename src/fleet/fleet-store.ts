/**
 * The row of a fleet. What may be written to it is said by reign/row.ts, while the row is locked; the moment is the
 * database's. A call ends in a bounded time; what it asked for may be carried out later all the same, and then changes
 * nothing: a renewal names the stamp, an election the epoch that it has seen.
 */
import { type Kysely, sql } from 'kysely';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Database } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { nullable } from '../domain/shape.ts';
import { epochNumber, memberId, members } from './messages/shapes.ts';
import type { Listed } from './reign/list.ts';
import type { ElectionWon } from './reign/reign.ts';
import {
  afterElection,
  afterRelease,
  afterRenewal,
  type Election,
  type FleetRow,
  type Renewal,
  type Written,
} from './reign/row.ts';
import { rules } from './reign/rules.ts';

export interface FleetStoreParts {
  /** Best with connections of its own: a renewal must not wait for others' statements. */
  readonly db: Kysely<Database>;
  readonly fleet: string;
  readonly ttlMs: number;
  readonly clock: Clock;
  /** So many random bytes. */
  readonly random: (bytes: number) => Uint8Array;
}

/** A call that takes longer is given up. */
const answerWithinMs = 3_000;
/** Less, so that the server says it first. A process that is stopped between two statements holds the row no longer. */
const serverWithinMs = 2_000;
const secretBytes = 32;

const stored = Compile(
  Type.Object({
    epoch: epochNumber,
    holder: nullable(memberId),
    ageMs: Type.Number(),
    stamp: Type.String(),
    members,
    secret: Type.Unsafe<Uint8Array>(Type.Refine(Type.Unknown(), is => is instanceof Uint8Array && is.length >= 16)),
  }),
);

export class FleetStore {
  readonly #parts: FleetStoreParts;
  #secret: Uint8Array;

  constructor(parts: FleetStoreParts) {
    this.#parts = parts;
    this.#secret = parts.random(secretBytes);
  }

  /** As the row had it when it was last read or written; before that, as this process would make it. */
  get secret(): Uint8Array {
    return this.#secret;
  }

  /** Makes the row where there is none. */
  read(): Promise<FleetRow> {
    return this.#bounded(async db => {
      const found = (await this.#find(db, false)) ?? (await this.#make(db)) ?? (await this.#find(db, false));
      if (found === null) throw new Error(`the row of fleet ${this.#parts.fleet} came and went`);
      return found;
    });
  }

  /** Null: another was elected. */
  elect(election: Election): Promise<ElectionWon | null> {
    return this.#bounded(async db => {
      const before = await this.#find(db, true);
      const written = before && afterElection(before, election, this.#parts.ttlMs, rules);
      if (before === null || written === null) return null;
      return { before: before.members, row: await this.#write(db, written) };
    });
  }

  /** The row as it is now, whether it was renewed or not. */
  renew(renewal: Renewal): Promise<{ readonly isRenewed: boolean; readonly row: FleetRow }> {
    return this.#bounded(async db => {
      const before = (await this.#find(db, true)) ?? (await this.#make(db)) ?? (await this.#find(db, true));
      if (before === null) throw new Error(`the row of fleet ${this.#parts.fleet} came and went`);
      const written = afterRenewal(before, renewal, rules);
      return written === null
        ? { isRenewed: false, row: before }
        : { isRenewed: true, row: await this.#write(db, written) };
    });
  }

  /** False: the row is another's. */
  release(released: Pick<Renewal, 'epoch' | 'holder' | 'members'>): Promise<boolean> {
    return this.#bounded(async db => {
      const before = await this.#find(db, true);
      const written = before && afterRelease(before, released);
      if (written === null) return false;
      await this.#write(db, written);
      return true;
    });
  }

  // ---- statements

  async #find(db: Kysely<Database>, isLocked: boolean): Promise<FleetRow | null> {
    const found = db.selectFrom('gateway_fleets').select(selected).where('fleet', '=', this.#parts.fleet);
    const row = await (isLocked ? found.forUpdate() : found).executeTakeFirst();
    return row === undefined ? null : this.#read(row);
  }

  /** As if it had never been renewed; null: somebody else has made it meanwhile. */
  async #make(db: Kysely<Database>): Promise<FleetRow | null> {
    const row = await db
      .insertInto('gateway_fleets')
      .values({
        fleet: this.#parts.fleet,
        epoch: 0,
        holder: null,
        url: null,
        renewed_at: sql<string>`'epoch'::timestamptz`,
        members: sql`'[]'::jsonb`,
        secret: Buffer.from(this.#secret),
      })
      .onConflict(conflict => conflict.column('fleet').doNothing())
      .returning(selected)
      .executeTakeFirst();
    return row === undefined ? null : this.#read(row);
  }

  async #write(db: Kysely<Database>, { epoch, holder, members: list }: Written): Promise<FleetRow> {
    const row = await db
      .updateTable('gateway_fleets')
      .set({
        epoch,
        holder,
        url: urlOf(list, holder),
        renewed_at: nextMoment,
        members: sql`${JSON.stringify(list)}::jsonb`,
      })
      .where('fleet', '=', this.#parts.fleet)
      .returning(selected)
      .executeTakeFirstOrThrow();
    return this.#read(row);
  }

  #read(row: unknown): FleetRow {
    if (!stored.Check(row)) {
      const [fault] = stored.Errors(row);
      throw new Error(
        `the row of fleet ${this.#parts.fleet} in gateway_fleets cannot be used: ${fault?.instancePath.slice(1)} ` +
          `${fault?.message}; delete it, and the gateways make it anew`,
      );
    }
    const { secret, ...known } = row;
    this.#secret = secret;
    return known;
  }

  /** One transaction, in which each statement sees what was committed before it. */
  #bounded<T>(work: (db: Kysely<Database>) => Promise<T>): Promise<T> {
    const { db, clock } = this.#parts;
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const cancel = clock.after(answerWithinMs, () =>
      reject(new Error(`the database has not answered within ${answerWithinMs} ms`)),
    );
    const answered = db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async transaction => {
        await sql`SELECT ${bounds}`.execute(transaction);
        return work(transaction);
      });
    return Promise.race([answered, tooLate]).finally(cancel);
  }
}

const setting = (name: string) => sql`set_config(${name}, ${String(serverWithinMs)}, true)`;
const bounds = sql.join(['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'].map(setting));

/** `age`: a moment that is none, written by hand, is long ago. */
const selected = () => [
  sql<number>`epoch`.as('epoch'),
  sql<string | null>`holder`.as('holder'),
  sql<number>`CASE WHEN isfinite(renewed_at)
    THEN extract(epoch FROM clock_timestamp() - renewed_at) * 1000 ELSE 1e12 END::float8`.as('ageMs'),
  // Not the moment as text, which depends on the session.
  sql<string>`extract(epoch FROM renewed_at)::text`.as('stamp'),
  sql<unknown>`members`.as('members'),
  sql<Uint8Array>`secret`.as('secret'),
];

/** Never the one that the row has: it is the stamp. */
const nextMoment = sql<string>`(SELECT CASE WHEN at = renewed_at THEN at + interval '1 microsecond' ELSE at END
  FROM (SELECT clock_timestamp() AS at) clock)`;

const urlOf = (list: readonly Listed[], holder: string | null): string | null =>
  list.find(({ id }) => id === holder)?.url ?? null;
