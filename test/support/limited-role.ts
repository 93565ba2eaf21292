import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import type { TestDatabase } from './postgres.ts';

/** A role that may read and write the existing tables, and nothing else. */
export const limitedRole = async (t: TestContext, { url, query }: TestDatabase) => {
  const role = `role_${randomBytes(6).toString('hex')}`;
  await query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  await query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`);
  await query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`);
  // A role can be dropped only after the database in which it has rights.
  const server = Object.assign(new URL(url), { pathname: '/postgres' }).href;
  t.after(() => t.after(() => dropRole(server, role)));
  return { role, url: Object.assign(new URL(url), { username: role, password: 'secret' }).href };
};

const dropRole = async (url: string, role: string): Promise<void> => {
  const { pool, close } = openPostgres(url);
  await pool.query(`DROP ROLE ${role}`);
  await close();
};
