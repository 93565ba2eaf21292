import { sparePlaces } from './connections.ts';

/** Files for the database, the log, what Node itself holds, and connections that are being turned away. */
const ownFiles = 64 + sparePlaces;

interface Files {
  /** As [gateway] max_connections says. */
  readonly configured: number;
  /** How many files the process may open. */
  readonly openFiles: number;
  /** Each takes a file of its own. */
  readonly upstreamCalls: number;
}

/**
 * How many connections of clients there is room for. A call upstream is made for a client that is connected,
 * so however many calls may be made, half of the files are enough for them.
 */
export function connectionLimit({ configured, openFiles, upstreamCalls }: Files): number {
  const free = openFiles - Math.min(ownFiles, Math.floor(openFiles / 2));
  return Math.max(1, Math.min(configured, free - Math.min(upstreamCalls, Math.floor(free / 2))));
}

/** How many files this process may open at once; Infinity where the system does not say. */
export function openFileLimit(): number {
  // Else the report would look up the names of all peers.
  Object.assign(process.report, { excludeNetwork: true });
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
