import { createMissing, postgresTables, sqliteTables } from './tables.ts';

/* Migrations are append-only: a published one is never edited. Each returns the statements that bring a database
   with the given tables to its version. All of them, their record in `tokligence_migrations` and the check of the
   columns are one transaction: a database that is refused stays unchanged. Triggers follow, table by table
   (trigger-mending.ts). */
export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Where the role may not carry it out the gateway does without: it shares no seats, or has no rows of providers. */
  readonly isOptional?: true;
  /** Only the owner of gateway_fleets may carry it out. */
  readonly altersFleets?: true;
  postgres(existing: ReadonlySet<string>): string[];
  sqlite(existing: ReadonlySet<string>): string[];
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'users, keys, mappings and their settings',
    postgres: existing => createMissing(postgresTables, 1, existing),
    sqlite: existing => createMissing(sqliteTables, 1, existing),
  },
  {
    version: 2,
    name: 'settings of pools',
    postgres: existing => createMissing(postgresTables, 2, existing),
    sqlite: existing => createMissing(sqliteTables, 2, existing),
  },
  {
    version: 3,
    name: 'boosts and schedules',
    postgres: existing => createMissing(postgresTables, 3, existing),
    sqlite: existing => createMissing(sqliteTables, 3, existing),
  },
  {
    version: 4,
    name: 'history',
    postgres: existing => createMissing(postgresTables, 4, existing),
    sqlite: existing => createMissing(sqliteTables, 4, existing),
  },
  {
    version: 5,
    name: 'sessions of the console',
    postgres: existing => createMissing(postgresTables, 5, existing),
    sqlite: existing => createMissing(sqliteTables, 5, existing),
  },
  {
    version: 6,
    name: 'fleets of gateways',
    isOptional: true,
    altersFleets: true,
    postgres: existing => createMissing(postgresTables, 6, existing),
    sqlite: existing => createMissing(sqliteTables, 6, existing),
  },
  {
    version: 7,
    name: 'proof that the row of a fleet is whole',
    isOptional: true,
    altersFleets: true,
    postgres: () => ['ALTER TABLE gateway_fleets ADD COLUMN IF NOT EXISTS proof TEXT'],
    sqlite: () => [],
  },
  {
    version: 8,
    name: 'providers, their endpoints and keys, and routes',
    isOptional: true,
    postgres: existing => createMissing(postgresTables, 8, existing),
    sqlite: existing => createMissing(sqliteTables, 8, existing),
  },
];
