/**
 * For the programs of PostgreSQL that we start: our environment without our settings, among which are keys and
 * passwords, and without those of PostgreSQL and libpq (PGDATA, PGPORT, PGOPTIONS, …), which are about another database.
 */
export const childEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TOKLIGENCE_|PG[A-Z])/.test(name)));
