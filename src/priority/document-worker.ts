/**
 * Reads a whole document, YAML or JSON, in a thread of its own: what takes the library seconds, or was written
 * to take it hours, must not hold up a single request. The thread is given some time and memory, then ended.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import { withoutKeys } from '../telemetry/text.ts';
import type { FileRow } from './plain-yaml.ts';

export type DocumentFormat = 'yaml' | 'json';

interface Job {
  readonly job: 'read-document';
  readonly format: DocumentFormat;
  readonly text: string;
}

/** Rows come in portions, so that taking them in leaves room for others, and end with null. */
type Message = { readonly rows: readonly FileRow[] } | { readonly fault: string } | null;

const rowsPerMessage = 500;
const timeLimitMs = 30_000;
const memoryLimitMb = 512;

/** Throws `invalid_request`. */
export async function readInWorker(format: DocumentFormat, text: string, clock: Clock): Promise<FileRow[]> {
  const job: Job = { job: 'read-document', format, text };
  const resourceLimits = { maxOldGenerationSizeMb: memoryLimitMb };
  const worker = new Worker(new URL(import.meta.url), { workerData: job, resourceLimits, env: {} });
  const { promise, resolve, reject } = Promise.withResolvers<FileRow[]>();
  const rows: FileRow[] = [];
  worker.on('message', (message: Message) => {
    if (message === null) resolve(rows);
    else if ('fault' in message) reject(errors.invalidRequest(message.fault));
    else rows.push(...message.rows);
  });
  // It went out of memory, or out of the stack.
  worker.on('error', () => reject(errors.invalidRequest('The document is too deep or too large to be read.')));
  worker.on('exit', () => reject(errors.invalidRequest('The document could not be read.')));
  const cancel = clock.after(timeLimitMs, () =>
    reject(errors.invalidRequest(`The document takes longer than ${timeLimitMs / 1_000} s to read.`)),
  );
  try {
    return await promise;
  } finally {
    cancel();
    await worker.terminate();
  }
}

/** `{"mappings": […]}` as rows. Throws a sentence. */
export function rowsOfJson(text: string): FileRow[] {
  const root = parseJson(text);
  const names = typeof root === 'object' && root !== null && !Array.isArray(root) ? Object.keys(root) : [];
  const { mappings } = (root ?? {}) as { mappings?: unknown };
  if (names.join() !== 'mappings' || !Array.isArray(mappings)) throw new DocumentFault(wantedRoot);
  return mappings.map((value, index) => ({ index, line: null, value }));
}

/** What is wrong with a document as such; quotes nothing of it. */
export class DocumentFault extends Error {}

const wantedRoot = 'The document must have one field, mappings, and that must be a list of mappings.';

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = /position \d+/.exec(String(error));
    throw new DocumentFault(`The body is not valid JSON${position ? ` (at ${position[0]})` : ''}.`);
  }
}

async function rowsOfYaml(text: string): Promise<FileRow[]> {
  const { isMap, isSeq, isNode, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const lineAt = (offset: number | undefined) => lines.linePos(offset ?? 0).line;
  const error = document.errors[0];
  if (error) {
    const reason = withoutKeys(error.message.split('\n')[0] ?? '').slice(0, 200);
    throw new DocumentFault(`The body is not valid YAML (line ${lineAt(error.pos[0])}): ${reason}`);
  }
  const root = document.contents;
  const mappings = isMap(root) && root.items.length === 1 ? root.get('mappings') : null;
  if (!isSeq(mappings)) throw new DocumentFault(wantedRoot);
  return mappings.items.map((item, index) => {
    const line = isNode(item) ? lineAt(item.range?.[0]) : null;
    return { index, line, value: isNode(item) ? withoutAliases(() => item.toJS(document, noAliases), line) : null };
  });
}

const noAliases = { maxAliasCount: 0 };

/** A few aliases of aliases make gigabytes of a few lines, so there are none at all. */
function withoutAliases(convert: () => unknown, line: number | null): unknown {
  try {
    return convert();
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new DocumentFault(`Aliases (*name) are not taken; there is one in the row of line ${line}.`);
  }
}

async function work({ format, text }: Job, send: (message: Message) => void): Promise<void> {
  try {
    const rows = format === 'json' ? rowsOfJson(text) : await rowsOfYaml(text);
    for (let at = 0; at < rows.length; at += rowsPerMessage) send({ rows: rows.slice(at, at + rowsPerMessage) });
    send(null);
  } catch (error) {
    if (!(error instanceof DocumentFault)) throw error;
    send({ fault: error.message });
  }
}

const isJob = (data: unknown): data is Job =>
  typeof data === 'object' && data !== null && 'job' in data && data.job === 'read-document';

if (!isMainThread && isJob(workerData)) await work(workerData, message => parentPort?.postMessage(message));
