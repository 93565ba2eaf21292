import type { ClientBase, Pool } from 'pg';
import { ledger, postgresTables } from './tables.ts';

/* Reads the state of our tables from PostgreSQL's catalogue: one statement of about a millisecond, whatever they
   hold.

   It shows changes that no trigger can report: a table that was swapped for another or restored (`oid`), emptied or
   rewritten (`relfilenode`), and triggers that were dropped, disabled or enabled. A trigger that is disabled and
   enabled again within one transaction shows too, because its row in pg_trigger is a new version (`xmin`). */
export interface Catalogue {
  /** The tables that exist. */
  readonly tables: ReadonlyMap<string, TableState>;
  /** The tables that do not exist. */
  readonly missing: readonly string[];
  /** None of our tables exists, not even the record of migrations. */
  readonly isEmpty: boolean;
  /** The server is a standby, or transactions are read-only by default. */
  readonly isReadOnly: boolean;
  /**
   * An equal text means that the same transactions are visible, so no row has changed. On a primary it is the snapshot;
   * the position in the WAL is not enough, because a commit is written before it becomes visible, and waits in between
   * for the disk and for synchronous standbys. A standby's snapshots omit transactions in progress, so there it is the
   * replayed position.
   */
  readonly moment: string;
}

/** The sessions in which a trigger fires (pg_trigger.tgenabled): none, ordinary ones, replicating ones, both. */
export type Enabled = 'D' | 'O' | 'R' | 'A';

export interface TableState {
  /** Changes whenever the table, its file, our triggers on it, or our rights change. */
  readonly print: string;
  /** The table holds its rows itself: it is no view, and has neither partitions nor children. */
  readonly isPlain: boolean;
  /** The role may read the table. */
  readonly isLegible: boolean;
  /** Only the owner may set in which sessions a trigger fires. */
  readonly isOwned: boolean;
  /** The object is a table, and the role may create triggers on it. */
  readonly mayHaveTriggers: boolean;
  /** Logical replication writes to the table on a server before 15, which delivers no notifications for that. */
  readonly isMute: boolean;
  /** Our triggers, by name. */
  readonly triggers: ReadonlyMap<string, Enabled>;
}

/** The prefix of all our triggers. */
const triggerPrefix = 'tokligence_';

type CatalogueRow = Pick<TableState, 'isPlain' | 'isLegible' | 'isOwned' | 'mayHaveTriggers' | 'isMute'> & {
  readonly moment: string;
  readonly isReadOnly: boolean;
  /** Null in the only row of a database without our tables. */
  readonly table: string | null;
  readonly version: string;
  /** `<enabled> <name> <version>` for each trigger. */
  readonly triggers: readonly string[];
};

const statement = `SELECT m.moment, current_setting('transaction_read_only')::bool AS "isReadOnly", c.*
  FROM (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text
    ELSE txid_current_snapshot()::text END AS moment) m
  LEFT JOIN (SELECT c.relname AS "table", concat_ws(' ', c.oid, c.relfilenode, c.relkind,
        has_schema_privilege(n.oid, 'CREATE')) AS version,
      c.relkind = 'r' AND NOT c.relhassubclass AS "isPlain",
      pg_has_role(c.relowner, 'USAGE') AS "isOwned",
      has_table_privilege(c.oid, 'SELECT') AS "isLegible",
      c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'TRIGGER') AS "mayHaveTriggers",
      current_setting('server_version_num')::int < 150000
        AND EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid) AS "isMute",
      ARRAY(SELECT concat_ws(' ', t.tgenabled, t.tgname, t.oid, t.xmin) FROM pg_trigger t
        WHERE t.tgrelid = c.oid AND starts_with(t.tgname, '${triggerPrefix}') ORDER BY t.oid) AS triggers
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = ANY($2::name[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) c ON true`;

const names: readonly string[] = postgresTables.map(({ name }) => name);

/** Reads the catalogue as of one moment. */
export const readCatalogue = async (client: ClientBase | Pool, schema: string): Promise<Catalogue> => {
  const { rows } = await client.query<CatalogueRow>(statement, [schema, [ledger, ...names]]);
  const tables = new Map(rows.flatMap(row => (row.table === null ? [] : [[row.table, stateOf(row)]])));
  return {
    tables,
    missing: names.filter(name => !tables.has(name)),
    isEmpty: tables.size === 0,
    isReadOnly: rows[0]?.isReadOnly === true,
    moment: rows[0]?.moment ?? '',
  };
};

const stateOf = ({ version, triggers, isOwned, mayHaveTriggers, ...row }: CatalogueRow): TableState => ({
  print: [version, isOwned, mayHaveTriggers, ...triggers].join(' '),
  isPlain: row.isPlain,
  isLegible: row.isLegible,
  isOwned,
  mayHaveTriggers,
  isMute: row.isMute,
  triggers: new Map(triggers.map(text => text.split(' ')).map(([enabled, name = '']) => [name, enabled as Enabled])),
});
