import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDataDir } from '../../db/data-dir.ts';

/** The quickstart's keys in clear, for later starts and the demo. */
export interface KeptKeys {
  readonly admin: string | null;
  /** By tenant id. */
  readonly tenants: ReadonlyMap<string, string>;
}

export const keysFile = (dataDir: string): string => join(dataDir, 'quickstart-keys.json');

export const drawAdminKey = (): string => `tok_admin_${randomBytes(32).toString('base64url')}`;

/** Reads the usable content of the file; a missing or damaged one is empty. */
export async function readKeys(dataDir: string): Promise<KeptKeys> {
  const text = await readFile(keysFile(dataDir), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  const { admin, tenants } = fieldsOf(parsed(text));
  const entries = Object.entries(fieldsOf(tenants)).filter((entry): entry is [string, string] => isKey(entry[1]));
  return { admin: isKey(admin) ? admin : null, tenants: new Map(entries) };
}

/** Writes the file for its owner only (mode 0600), whole or not at all. */
export async function writeKeys(dataDir: string, { admin, tenants }: KeptKeys): Promise<void> {
  makeDataDir(dataDir);
  const unfinished = `${keysFile(dataDir)}.new-${process.pid}`;
  const text = JSON.stringify({ admin, tenants: Object.fromEntries(tenants) }, null, 2);
  try {
    await writeFile(unfinished, `${text}\n`, { mode: 0o600 });
    await rename(unfinished, keysFile(dataDir));
  } finally {
    await rm(unfinished, { force: true });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** Fits into a header, and is long enough for `auth.admin_key`. */
const isKey = (value: unknown): value is string => typeof value === 'string' && /^[\x21-\x7e]{24,256}$/.test(value);
