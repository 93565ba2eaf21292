import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock } from '../../domain/clock.ts';
import type { LineBuffer } from './line-buffer.ts';
import type { Outlet } from './log-outlet.ts';

/** At the latest after so long a line is written, if it can be. */
const holdMs = 100;
/** A failed write is tried again, at first very soon. */
const firstRetryMs = 1;
const lastRetryMs = 250;
/** At the end: the longest wait for a reader that takes nothing, and for one that takes little. */
const stillMs = 1_000;
const closeMs = 5_000;
const closeLookMs = 10;

interface LogWriterParts {
  readonly buffer: LineBuffer;
  readonly outlet: Outlet;
  readonly clock?: Clock;
}

/** Writes the lines of a buffer to an outlet, one chunk at a time; goes on by itself whatever it meets. */
export class LogWriter {
  readonly #buffer: LineBuffer;
  readonly #clock: Clock;
  #outlet: Outlet;
  /** Takes the place of #outlet as soon as nothing is being written. */
  #next: Outlet | null = null;
  #chunk: Buffer | null = null;
  /** So much of the chunk is written. */
  #offset = 0;
  /** Writing, or waiting to try again. */
  #isBusy = false;
  /** Since when a thread of the pool writes; null while none does. */
  #inFlightSince: number | null = null;
  /** Null while all goes well. */
  #error: unknown = null;
  /** The time of the last write, or of the last empty buffer. */
  #movedAt = 0;
  #cancelSoon: (() => void) | null = null;
  #isClosed = false;
  readonly #onExit = () => this.#exit();

  constructor({ buffer, outlet, clock = systemClock }: LogWriterParts) {
    this.#buffer = buffer;
    this.#outlet = outlet;
    this.#clock = clock;
  }

  /** If the process exits without a close, the rest is written then. */
  writeAtExit(): void {
    process.once('exit', this.#onExit);
  }

  /** With what comes in the next tenth of a second: a system call for each line would cost more than all else about it. */
  soon(): void {
    if (!this.#isBusy) this.#cancelSoon ??= this.#clock.after(holdMs, () => this.now());
  }

  now(): void {
    this.#cancelSoon?.();
    this.#cancelSoon = null;
    if (this.#isBusy) return;
    this.#buffer.seal();
    void this.#run();
  }

  /** Writes to this one from now on, beginning with a whole line. */
  moveTo(outlet: Outlet): void {
    this.#next?.close();
    this.#next = outlet;
    if (!this.#isBusy) this.#move();
  }

  /** Resolves when all is written, or cannot be written in time; what is left is lost. */
  async close(): Promise<void> {
    const start = this.#clock.now();
    this.#movedAt = start;
    // The failed write is tried once more.
    this.#error = null;
    for (this.now(); this.#isBusy || this.#buffer.holds !== 'nothing'; this.now()) {
      const now = this.#clock.now();
      if (this.#isHopeless || now - this.#movedAt > stillMs || now - start > closeMs) break;
      // Node's own timer: at the end nothing else may keep the process alive.
      await pause(closeLookMs);
    }
    this.#isClosed = true;
    if (this.#inFlightSince !== null) return;
    process.removeListener('exit', this.#onExit);
    this.#outlet.close();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    this.#movedAt = this.#clock.now();
    for (let retryMs = firstRetryMs; this.#takeChunk(); ) {
      try {
        const writing = this.#outlet.write(this.#rest());
        this.#advance(typeof writing === 'number' ? writing : await this.#landing(writing));
        retryMs = firstRetryMs;
      } catch (error) {
        this.#error = error;
        await this.#elapsed(retryMs);
        retryMs = Math.min(2 * retryMs, lastRetryMs);
      }
    }
    this.#isBusy = false;
    if (this.#buffer.holds === 'part') this.soon();
  }

  /** False if there is nothing to write. */
  #takeChunk(): boolean {
    this.#move();
    if (this.#chunk !== null) return true;
    this.#chunk = this.#buffer.take();
    this.#offset = 0;
    return this.#chunk !== null;
  }

  #rest(): Buffer {
    return this.#chunk?.subarray(this.#offset) ?? Buffer.alloc(0);
  }

  async #landing(writing: Promise<number>): Promise<number> {
    this.#inFlightSince = this.#clock.now();
    try {
      return await writing;
    } finally {
      this.#inFlightSince = null;
    }
  }

  #advance(written: number): void {
    const chunk = this.#chunk;
    if (chunk === null) return;
    if (written === 0) throw new Error('nothing was written');
    this.#error = null;
    this.#movedAt = this.#clock.now();
    this.#offset += written;
    if (this.#offset < chunk.length) return;
    this.#chunk = null;
    this.#buffer.release(chunk);
  }

  /** The next outlet begins with a whole line: one that the last one has half of is written again. */
  #move(): void {
    if (this.#next === null) return;
    this.#outlet.close();
    this.#outlet = this.#next;
    this.#next = null;
    if (this.#chunk !== null && this.#offset > 0) this.#offset = this.#chunk.lastIndexOf('\n', this.#offset - 1) + 1;
  }

  #elapsed(ms: number): Promise<void> {
    return new Promise(resolve => this.#clock.after(ms, resolve));
  }

  /** A reader that is slow may go on; a full disk, or a reader that is gone, will not in the next second. */
  get #isHopeless(): boolean {
    return this.#error !== null && !isFull(this.#error);
  }

  #exit(): void {
    const isStuck = this.#inFlightSince !== null && this.#clock.now() - this.#inFlightSince > stillMs / 2;
    // The exit would wait for the thread that writes, as long as the file system hangs: nothing else ends it.
    if (isStuck) process.kill(process.pid, 'SIGKILL');
    if (this.#isClosed) return;
    this.#buffer.seal();
    for (let triedAt = this.#clock.now(); this.#takeChunk(); ) {
      try {
        this.#advance(this.#outlet.writeNow(this.#rest()));
        triedAt = this.#movedAt;
      } catch (error) {
        if (!isFull(error) || this.#clock.now() - triedAt > stillMs) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, firstRetryMs);
      }
    }
  }
}

/** The reader of a pipe has left no room. */
const isFull = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EAGAIN';
