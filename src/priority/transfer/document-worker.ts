/**
 * Reads a document in a thread of its own: what takes the reader seconds, or was written to take it hours, must not
 * hold up a single request. The thread is given some time and memory, then ended.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import { inSlices } from '../serving/snapshot-loader.ts';
import { DocumentFault, type DocumentFormat, type ReadFile, readDocument } from './document.ts';
import type { ReadRow } from './import-rows.ts';
import type { RowFaults } from './row-faults.ts';

export type { DocumentFormat, ReadFile };

export interface ImportFile {
  readonly format: DocumentFormat;
  readonly bytes: Uint8Array;
}

interface Job extends ImportFile {
  readonly job: 'read-document';
  /** Receives the rows in portions: they are fetched one by one, so that requests are served in between. */
  readonly rows: MessagePort;
}

/** Comes when all rows have been sent. */
type End = { readonly faults: RowFaults } | { readonly fault: string };

const rowsPerPortion = 250;
const timeLimitMs = 20_000;
const memoryMb = 384;

/** Throws `invalid_request`. The bytes are gone then. */
export async function readInWorker({ format, bytes }: ImportFile, clock: Clock, mostMb = memoryMb): Promise<ReadFile> {
  const { port1: portions, port2: rows } = new MessageChannel();
  // They are given away; small ones share their memory with others.
  const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
  const job: Job = { job: 'read-document', format, bytes: own, rows };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: job,
    transferList: [rows, own.buffer as ArrayBuffer],
    resourceLimits: { maxOldGenerationSizeMb: mostMb },
    env: compiledCode(),
  });
  // A gateway that stops waits for no document.
  worker.unref();
  try {
    const faults = await endOf(worker, clock);
    return { rows: await inSlices(fetched(portions), clock), faults };
  } finally {
    portions.close();
    await worker.terminate();
  }
}

/** A thread uses what the process keeps of compiled code only if it is told so: to compile anew would double its start. */
function compiledCode(): { NODE_COMPILE_CACHE?: string } {
  // Node's own folder for this version of it, in the one that was named.
  const ofThisVersion = getCompileCacheDir();
  return ofThisVersion === undefined ? {} : { NODE_COMPILE_CACHE: dirname(ofThisVersion) };
}

async function endOf(worker: Worker, clock: Clock): Promise<RowFaults> {
  const { promise, resolve, reject } = Promise.withResolvers<RowFaults>();
  const refuse = (reason: string) => reject(errors.invalidRequest(reason));
  worker.on('message', (end: End) => ('fault' in end ? refuse(end.fault) : resolve(end.faults)));
  worker.on('error', error => {
    if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') refuse('The document is too large to be read.');
  });
  worker.on('exit', () => refuse('The document could not be read.'));
  const cancel = clock.after(timeLimitMs, () =>
    refuse(
      `The document takes longer than ${timeLimitMs / 1_000} s to read: write it as an export is written, or divide it.`,
    ),
  );
  return promise.finally(cancel);
}

function* fetched(portions: MessagePort): Generator<void, ReadRow[]> {
  const rows: ReadRow[] = [];
  for (;;) {
    const next = receiveMessageOnPort(portions) as { message: readonly ReadRow[] } | undefined;
    if (next === undefined) return rows;
    rows.push(...next.message);
    yield;
  }
}

async function work({ format, bytes, rows }: Job): Promise<End> {
  try {
    const read = await readDocument(format, bytes);
    for (let at = 0; at < read.rows.length; at += rowsPerPortion)
      rows.postMessage(read.rows.slice(at, at + rowsPerPortion));
    return { faults: { first: read.faults.first, count: read.faults.count } };
  } catch (error) {
    if (error instanceof DocumentFault) return { fault: error.message };
    throw error;
  }
}

const isJob = (data: unknown): data is Job =>
  typeof data === 'object' && data !== null && 'job' in data && data.job === 'read-document';

if (!isMainThread && isJob(workerData)) parentPort?.postMessage(await work(workerData));
