/**
 * The environment of PostgreSQL's programs: ours without our settings and those of OpenTelemetry, which include keys and
 * passwords, and without the variables of PostgreSQL and libpq (PGDATA, PGPORT, PGOPTIONS, …), which concern another
 * database.
 */
export const childEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TOKLIGENCE_|OTEL_|PG[A-Z])/.test(name)));
