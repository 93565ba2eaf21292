import { sparePlaces } from './connections.ts';

/** Files for the database, the log, Node itself, and connections that are being refused. */
const ownFiles = 64 + sparePlaces;

interface Files {
  /** The value of [gateway] max_connections. */
  readonly configured: number;
  /** The number of files that the process may open. */
  readonly openFiles: number;
  /** Each call uses a file of its own. */
  readonly upstreamCalls: number;
}

/**
 * Returns the limit of client connections. Every upstream call belongs to a connected client, so half of the files are
 * enough for all upstream calls.
 */
export function connectionLimit({ configured, openFiles, upstreamCalls }: Files): number {
  const free = openFiles - Math.min(ownFiles, Math.floor(openFiles / 2));
  return Math.max(1, Math.min(configured, free - Math.min(upstreamCalls, Math.floor(free / 2))));
}

/** Returns the limit of open files of this process; Infinity if the system does not report it. */
export function openFileLimit(): number {
  // Otherwise the report would look up the names of all peers.
  Object.assign(process.report, { excludeNetwork: true });
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
