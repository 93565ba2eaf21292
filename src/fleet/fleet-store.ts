/**
 * The row of a fleet. What may be written to it is said by reign/row.ts, while the row is locked; the moment is the
 * database's. A call ends in a bounded time; what it asked for may be carried out later all the same, and then changes
 * nothing: a renewal names the stamp, an election the epoch that it has seen.
 *
 * Each write notes in `proof` its transaction, its database and the run of the server. The row is whole as long as these
 * are those of its version: whatever brings back an older one (a restore, a failover, a copy of the database) is another
 * transaction or another database, or needs a start of the server. Without that column, which a role may not be allowed
 * to add, no row is whole.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Kysely, sql } from 'kysely';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { changesNothing } from '../db/migrations/triggers.ts';
import { serverRun } from '../db/postgres/server-run.ts';
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
  type Release,
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
  /**
   * The run of the server (`serverRun`) that this process has started itself, on files that nobody has replaced: what the
   * row was before is not forgotten. Null: others start it.
   */
  readonly startedRun: string | null;
}

/** One transaction, in which each statement sees what was committed before it. */
interface Session {
  readonly db: Kysely<Database>;
  readonly hasProof: boolean;
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
    proof: nullable(Type.String()),
    run: Type.String(),
    version: Type.String(),
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
    return this.#bounded(async session => {
      const found =
        (await this.#find(session, false)) ?? (await this.#make(session)) ?? (await this.#find(session, false));
      if (found === null) throw new Error(`the row of fleet ${this.#parts.fleet} came and went`);
      return found;
    });
  }

  /** Null: another was elected. */
  elect(election: Election): Promise<ElectionWon | null> {
    return this.#bounded(async session => {
      const before = await this.#find(session, true);
      const written = before && afterElection(before, election, this.#parts.ttlMs, rules);
      if (before === null || written === null) return null;
      return { before: before.members, row: await this.#write(session, before, written) };
    });
  }

  /** The row as it is now, whether it was renewed or not. */
  renew(renewal: Renewal): Promise<{ readonly isRenewed: boolean; readonly row: FleetRow }> {
    return this.#bounded(async session => {
      const before =
        (await this.#find(session, true)) ?? (await this.#make(session)) ?? (await this.#find(session, true));
      if (before === null) throw new Error(`the row of fleet ${this.#parts.fleet} came and went`);
      const written = afterRenewal(before, renewal, rules);
      return written === null
        ? { isRenewed: false, row: before }
        : { isRenewed: true, row: await this.#write(session, before, written) };
    });
  }

  /** False: the row is another's. */
  release(released: Release): Promise<boolean> {
    return this.#bounded(async session => {
      const before = await this.#find(session, true);
      const written = before && afterRelease(before, released, rules);
      if (before === null || written === null) return false;
      await this.#write(session, before, written);
      return true;
    });
  }

  // ---- statements

  async #find({ db, hasProof }: Session, isLocked: boolean): Promise<FleetRow | null> {
    const found = db.selectFrom('gateway_fleets').select(selected(hasProof)).where('fleet', '=', this.#parts.fleet);
    const row = await (isLocked ? found.forUpdate() : found).executeTakeFirst();
    return row === undefined ? null : this.#read(row);
  }

  /** As if it had never been renewed; null: somebody else has made it meanwhile. */
  async #make({ db, hasProof }: Session): Promise<FleetRow | null> {
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
        ...(hasProof && { proof: thisTransaction }),
      })
      .onConflict(conflict => conflict.column('fleet').doNothing())
      .returning(selected(hasProof))
      .executeTakeFirst();
    return row === undefined ? null : this.#read(row);
  }

  async #write({ db, hasProof }: Session, before: FleetRow, written: Written): Promise<FleetRow> {
    const { epoch, holder, members: list, isWhole } = written;
    const row = await db
      .updateTable('gateway_fleets')
      .set({
        epoch,
        holder,
        url: urlOf(list, holder),
        renewed_at: nextMoment,
        members: sql`${JSON.stringify(list)}::jsonb`,
        ...(hasProof && { proof: isWhole ? thisTransaction : null }),
      })
      .where('fleet', '=', this.#parts.fleet)
      .returning(selected(hasProof))
      // Only that the reign lives on: nobody need look at the row for that.
      .$if(isNoNews(before, written), update => update.returning(sql.raw(changesNothing).as('isQuiet')))
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
    const { secret, proof, run, version, epoch, holder, ageMs, stamp, members: list } = row;
    this.#secret = secret;
    const isOfThisRun = proof === `${run} ${version}`;
    const isOfTheRunBefore = run === this.#parts.startedRun && proof?.endsWith(` ${version}`) === true;
    return { epoch, holder, ageMs, stamp, members: list, isWhole: isOfThisRun || isOfTheRunBefore };
  }

  #bounded<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { db, clock } = this.#parts;
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const cancel = clock.after(answerWithinMs, () =>
      reject(new Error(`the database has not answered within ${answerWithinMs} ms`)),
    );
    const answered = db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async transaction => {
        const { rows } = await sql<{ hasProof: boolean }>`SELECT ${begun}`.execute(transaction);
        return work({ db: transaction, hasProof: rows[0]?.hasProof === true });
      });
    return Promise.race([answered, tooLate]).finally(cancel);
  }
}

const timeouts = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
const begun = sql.join([
  ...timeouts.map(name => sql`set_config(${name}, ${String(serverWithinMs)}, true)`),
  // A server that recovers from a crash in the same run must not have forgotten what it has confirmed.
  sql`set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
    ELSE current_setting('synchronous_commit') END, true)`,
  sql`EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('gateway_fleets') AND attname = 'proof'
    AND NOT attisdropped) AS "hasProof"`,
]);

const run = sql.raw<string>(serverRun);
/** A database that is made as a copy of another one has another OID. */
const database = sql`(SELECT oid FROM pg_database WHERE datname = current_database())`;
/** As xmin tells it: without the number of the wraps that txid_current() counts. */
const thisTransaction = sql<string>`concat_ws(' ', ${run}, ${database}, txid_current() % 4294967296)`;

/** `age`: a moment that is none, written by hand, is long ago. */
const selected = (hasProof: boolean) => () => [
  sql<number>`epoch`.as('epoch'),
  sql<string | null>`holder`.as('holder'),
  sql<number>`CASE WHEN isfinite(renewed_at)
    THEN extract(epoch FROM clock_timestamp() - renewed_at) * 1000 ELSE 1e12 END::float8`.as('ageMs'),
  // Not the moment as text, which depends on the session.
  sql<string>`extract(epoch FROM renewed_at)::text`.as('stamp'),
  (hasProof ? sql<string | null>`proof` : sql<null>`NULL`).as('proof'),
  run.as('run'),
  sql<string>`concat_ws(' ', ${database}, xmin)`.as('version'),
  sql<unknown>`members`.as('members'),
  sql<Uint8Array>`secret`.as('secret'),
];

/** Never the one that the row has: it is the stamp. */
const nextMoment = sql<string>`(SELECT CASE WHEN at = renewed_at THEN at + interval '1 microsecond' ELSE at END
  FROM (SELECT clock_timestamp() AS at) clock)`;

const isNoNews = (before: FleetRow, { epoch, holder, members: list }: Written): boolean =>
  before.epoch === epoch && before.holder === holder && isDeepStrictEqual(before.members, list);

const urlOf = (list: readonly Listed[], holder: string | null): string | null =>
  list.find(({ id }) => id === holder)?.url ?? null;
