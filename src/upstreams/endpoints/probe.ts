import type { Clock } from '../../domain/clock.ts';
import type { Connections } from '../connections.ts';
import { failureOfStatus } from './failure.ts';

/** Shorter than the time between two checks, so that one ends before the next begins. */
const timeoutMs = 4_000;

export interface ProbeRequest {
  readonly path: string;
  readonly headers: readonly string[];
  /** Any 5xx is a failure: the path exists to tell of them. */
  readonly isHealthPath: boolean;
}

/**
 * Sends a request without a body. Resolves to what is wrong; null: it was answered. Never rejects. An idle connection may be
 * closed by the upstream just then, so a second one is tried.
 */
export async function probe(connections: Connections, request: ProbeRequest, clock: Clock): Promise<string | null> {
  const first = await ask(connections, request, clock);
  return first.isStale ? (await ask(connections, request, clock)).fault : first.fault;
}

interface Asked {
  readonly fault: string | null;
  /** It may have failed because the connection had been idle. */
  readonly isStale: boolean;
}

async function ask(
  connections: Connections,
  { path, headers, isHealthPath }: ProbeRequest,
  clock: Clock,
): Promise<Asked> {
  const connection = connections.take();
  const { isReused } = connection;
  const late = new AbortController();
  const cancel = clock.after(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs / 1000} s`)));
  try {
    const { signal } = late;
    const answer = await connection.client.request({ method: 'GET', path, headers: [...headers], signal });
    const { statusCode: status } = answer;
    await answer.body.dump({ limit: 64 * 1024, signal });
    const isFailure =
      (isHealthPath && status >= 500) || failureOfStatus(status, answer.headers['retry-after'] !== undefined) !== null;
    return { fault: isFailure ? `GET ${path} was answered ${status}` : null, isStale: false };
  } catch (error) {
    return { fault: `GET ${path} failed: ${wordsOf(error)}`, isStale: isReused && !late.signal.aborted };
  } finally {
    cancel();
    connections.give(connection);
  }
}

/** An AggregateError, as for a refused connection, has no message of its own. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
